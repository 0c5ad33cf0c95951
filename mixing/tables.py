"""Tables of proxy runs as files: CSV, TSV, Parquet or JSON lines are read; RegMix's and olmix's as they are."""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl

from manifests import storage
from mixing.runs import some

_LARGEST = 500_000_000  #: bytes of a table; runs are thousands of rows at most
_FORMATS = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
#: columns that name a run and are neither domain nor metric, the key first of those both tables have: olmix writes run,
#: name and index, or run_id; RegMix writes index; pandas an unnamed column
_IDENTITIES = ("run", "run_id", "id", "index", "name", "Unnamed: 0", "")
_WEIGHT, _NO_METRICS = "weight/", ("loss", "diverged")  #: columns of cuvee's own runs
_NULLS = ["", "NA", "N/A", "null", "None", "none", "nan", "NaN", "-"]


def read(uri: str) -> pl.DataFrame:
    """A table. ValueError when the file is none, is empty, or is far too large to be one of runs."""
    kind = next((s for s in _FORMATS if uri.lower().endswith(s)), None)
    if kind is None:
        raise ValueError(f"{uri}: unknown format; tables of runs are {', '.join(_FORMATS)}")
    if storage.size(uri) > _LARGEST:
        raise ValueError(f"{uri} has more than {_LARGEST:,} bytes: this is no table of runs")
    data = storage.read_bytes(uri)
    try:
        if kind == ".parquet":
            frame = pl.read_parquet(io.BytesIO(data))
        elif kind in (".jsonl", ".ndjson"):
            frame = pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
        else:
            separator = "\t" if kind == ".tsv" else ","
            frame = pl.read_csv(
                io.BytesIO(data), separator=separator, null_values=_NULLS, infer_schema_length=None, encoding="utf8"
            )
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        if "more fields than defined" in reason:
            reason = "a row has more fields than the header"
        raise ValueError(f"{uri} cannot be read as {kind.removeprefix('.')}: {reason:.200}") from None
    if frame.height == 0:
        raise ValueError(f"{uri} has no rows")
    names = [c.strip() for c in frame.columns]
    named = [_first(c, names) for c in names]
    if twice := sorted({repr(c) for c in named if named.count(c) > 1}):
        raise ValueError(f"{uri} names columns twice: {some(twice)}")
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def _first(column: str, names: Sequence[str]) -> str:
    """The name in the file: of several columns of one name in a CSV, Polars numbers all but the first."""
    first, _, number = column.rpartition("_duplicated_")
    return first if number.isdecimal() and first in names else column


def read_pair(weights: str, metrics: str, key: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """Both tables with the key first and no other column that merely names a run, and the key.

    The key is ``key``, else the first of run, run_id, id, index and name that both have, else a shared first column.
    """
    w, m = weights_of(read(weights)), metrics_of(read(metrics))
    key = key or key_of(w, m)
    if key is None and w.columns[0] == m.columns[0]:
        key = w.columns[0]
    if key is None:
        raise ValueError(
            f"{weights} and {metrics} share no column that names the run: their first columns are {w.columns[0]!r} and "
            f"{m.columns[0]!r}; name it with --key"
        )
    for uri, frame in ((weights, w), (metrics, m)):
        if key not in frame.columns:
            raise ValueError(f"{uri} has no column {key!r}; its columns: {some(frame.columns)}")
    return without_names(w, key), without_names(m, key), key


def key_of(*frames: pl.DataFrame) -> str | None:
    """The column that names the run in all of them, by its name; None where none does."""
    return next((c for c in _IDENTITIES if all(c in frame.columns for frame in frames)), None)


def write(frame: pl.DataFrame, uri: str) -> None:
    """As CSV or Parquet. ValueError where the name says neither."""
    check_name(uri)
    if uri.lower().endswith(".parquet"):
        storage.write_table(uri, frame.to_arrow())
    else:
        storage.write_bytes(uri, frame.write_csv().encode())


def check_name(uri: str) -> None:
    """ValueError for a name that ``write`` refuses: for before the work whose result goes there."""
    if not uri.lower().endswith((".parquet", ".csv")):
        raise ValueError(f"{uri}: unknown format; name a .csv or .parquet file")


def weights_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Of runs as ``cuvee mix train`` lists them, all in one table, the weights; any other table as it is."""
    held = [c for c in frame.columns if c.startswith(_WEIGHT)]
    names = [c for c in frame.columns if c in _IDENTITIES]
    return frame.select(*names, *(pl.col(c).alias(c.removeprefix(_WEIGHT)) for c in held)) if held else frame


def metrics_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Of such runs the metrics, which the loss over their own mixtures is not."""
    held = [c for c in frame.columns if c.startswith(_WEIGHT)]
    return frame.drop(*held, *_NO_METRICS, strict=False) if held else frame


def without_names(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """The key, where there is one, then all but the columns that merely name or number a run; text becomes numbers."""
    kept = [c for c in frame.columns if c != key and not (c in _IDENTITIES and not frame[c].dtype.is_float())]
    keys = [pl.col(key)] if key in frame.columns else []
    return frame.select(*keys, *(_numbers(frame[c]) for c in kept))


def _numbers(column: pl.Series) -> pl.Series:
    """Text of which most are numbers, as a metric is where one run wrote an error instead."""
    if column.dtype != pl.String:
        return column
    numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
    return numbers if numbers.is_not_null().sum() * 2 >= column.is_not_null().sum() else column
