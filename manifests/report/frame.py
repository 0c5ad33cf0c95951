"""The columns of a run as frames of narrow columns, one row a document, a batch of parts at a time; never the texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl

from manifests import parts, storage

#: documents of a batch, at least; of the last one, fewer
_BATCH = 50_000
#: parts of a source whose documents are shown before others': a page of examples does not read a whole corpus
_SHOWN_PARTS = 8
_TERMS = ("route", "lawful_access", "training", "licensor", "order", "expires")
_TEXT, _COUNT, _SHARE, _FLAG = pl.String(), pl.Int64(), pl.Float32(), pl.Boolean()
_LICENCE: dict[str, pl.DataType] = {
    **dict.fromkeys(("licence", "licence_class", "licence_kind", "signature"), _TEXT),
    "reserved": _FLAG,
}
#: column folder: its columns. Of the folders of licences the first that a part has
_COLUMNS: dict[str, dict[str, pl.DataType]] = {
    parts.DOCUMENTS: dict.fromkeys(("id", "url", "origin", "generator", "style", "acquisition"), _TEXT),
    "annotations/language": {"language": _TEXT},
    "annotations/heuristics": {"characters": _COUNT},
    "annotations/quality": {"quality": _SHARE},
    "annotations/united": _LICENCE,
    "annotations/licence": _LICENCE,
    "duplicates": {
        **dict.fromkeys(("survivor", "kind", "cluster"), _TEXT),
        **dict.fromkeys(("score", "nearest_score"), _SHARE),
        **dict.fromkeys(("cluster_size", "blob"), _COUNT),
    },
    "verdicts": {"keep": _FLAG, **dict.fromkeys(("reason", "domain", "stratum", "split"), _TEXT)},
}
#: what a document without one is counted under
_SILENT = {
    "language": "unknown",
    "licence": "unknown",
    "licence_class": "unknown",
    **dict.fromkeys(("licence_kind", "signature", "generator", "style", "stratum", "split"), ""),
    **dict.fromkeys(("origin", "route", "lawful_access", "training"), "unknown"),
    **dict.fromkeys(("licensor", "order", "expires"), ""),
}
#: the host of an address, without user and port
HOST = r"^[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#@]*@)?([^/?#:]+)"


def path_of(uri: str) -> Any:
    """``uri`` as Polars takes it: a path, or an open file of an object store."""
    return str(storage.local_path(uri)) if storage.is_local(uri) else storage.open_input(uri)


@contextmanager
def reading(uri: str) -> Iterator[Any]:
    """``path_of`` a Parquet file to read in the block. ``storage.Damaged`` when it is none."""
    try:
        yield path_of(uri)
    except pl.exceptions.ComputeError as error:
        raise storage.Damaged(f"{uri}: damaged, or no Parquet file: {str(error).splitlines()[0]}") from None


def read(uri: str, columns: list[str] | None = None) -> pl.DataFrame:
    """A whole Parquet file, or columns of it."""
    with reading(uri) as path:
        return pl.read_parquet(path, columns=columns, glob=False)


def schema_of(uri: str) -> Mapping[str, pl.DataType]:
    """The columns of a Parquet file."""
    with reading(uri) as path:
        return pl.read_parquet_schema(path)


def document_parts(run: str) -> list[str]:
    """SOURCE/part-… of every document part, sorted."""
    found = storage.list_files(storage.join(run, parts.DOCUMENTS), "*.parquet", recursive=True)
    return sorted(parts.part_of(f) for f in found)


def batches(run: str, names: Sequence[str], statistics: Mapping[str, str] | None = None) -> Iterator[pl.DataFrame]:
    """The documents of these parts, ``_BATCH`` or a little more at a time, in the order of ``at``; at least one batch.

    Besides the columns above a batch has ``part``, ``row``, ``source``, ``tokens``, ``host``, ``outcome`` (kept, or the
    reason; empty before verdicts), the columns that ``statistics`` names with their folders, and ``at``: the id with
    the document's place. Ids are hashes: the first few of a group are a random sample of it, and always the same.
    """
    wanted = {folder: dict(columns) for folder, columns in _COLUMNS.items()}
    for column, folder in (statistics or {}).items():
        wanted.setdefault(folder, {}).setdefault(column, pl.Float64())
    spans, chosen = _span_files(run), _shown_first(names)
    gathered: list[pl.DataFrame] = []
    for name in names:
        tokens = _tokens(spans.get(parts.task_name(name), []))
        frame = _part(run, name, wanted).join(tokens, on="row", how="left", maintain_order="left")
        gathered.append(_derived(frame, first=name in chosen))
        if sum(f.height for f in gathered) >= _BATCH:
            yield pl.concat(gathered).sort("at")
            gathered = []
    if gathered or not names:
        yield pl.concat(gathered or [_derived(_no_part(wanted), first=True)]).sort("at")


def _shown_first(names: Sequence[str]) -> set[str]:
    by_source: dict[str, list[str]] = {}
    for name in names:
        by_source.setdefault(name.split("/")[0], []).append(name)
    return {n for found in by_source.values() for n in found[:_SHOWN_PARTS]}


def _derived(frame: pl.DataFrame, *, first: bool) -> pl.DataFrame:
    terms = ("route", "lawful_access", "training", "licensor", "order")
    frame = frame.with_columns(*(pl.col(n).replace("", None) for n in terms)).with_columns(
        route=pl.coalesce("route", "acquisition"), domain=pl.coalesce("domain", "source")
    )
    return frame.with_columns(
        *(pl.col(n).fill_null(v) for n, v in _SILENT.items()),
        reserved=pl.col("reserved").fill_null(False),
        tokens=pl.col("tokens").fill_null(0),
        host=pl.col("url").str.extract(HOST, 1).str.to_lowercase().fill_null(""),
        outcome=pl.when("keep").then(pl.lit("kept")).when(~pl.col("keep")).then(pl.col("reason").fill_null("unknown"))
        .otherwise(pl.lit("")),
        licensed=frame["licence_class"].is_not_null(),
        at=pl.format("{}{} {} {}", pl.lit("0" if first else "1"), "id", "part", "row"),
    )  # fmt: skip


def _part(run: str, part: str, wanted: Mapping[str, Mapping[str, pl.DataType]]) -> pl.DataFrame:
    """One row a document; null where a stage did not run, or left a column of other documents."""
    height: int | None = None
    found: dict[str, pl.Series] = {}
    for folder, columns in wanted.items():
        if frame := _beside(run, folder, part, list(columns), height):
            height = frame[0].len() if height is None else height
            found |= {s.name: s.cast(columns[s.name]) for s in frame if s.name not in found}
    found |= {s.name: s for s in _terms(run, part, height or 0)}
    kinds = _kinds(wanted)
    missing = [pl.Series(n, [None] * (height or 0), dtype=k) for n, k in kinds.items() if n not in found]
    return (
        pl.DataFrame([*found.values(), *missing])
        .select(*kinds)
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64), part=pl.lit(part), source=pl.lit(part.split("/")[0]))
    )


def _no_part(wanted: Mapping[str, Mapping[str, pl.DataType]]) -> pl.DataFrame:
    """Of a run without documents."""
    return pl.DataFrame(schema={**_kinds(wanted), "source": _TEXT, "part": _TEXT, "row": _COUNT, "tokens": _COUNT})


def _kinds(wanted: Mapping[str, Mapping[str, pl.DataType]]) -> dict[str, pl.DataType]:
    return {n: k for columns in wanted.values() for n, k in columns.items()} | dict.fromkeys(_TERMS, _TEXT)


def _beside(run: str, folder: str, part: str, columns: list[str], height: int | None) -> list[pl.Series]:
    uri = storage.join(run, parts.path(folder, part))
    if height is not None and not storage.is_file(uri):
        return []
    there = schema_of(uri)
    frame = read(uri, [c for c in columns if c in there])
    return frame.get_columns() if height in (None, frame.height) else []


def _terms(run: str, part: str, height: int) -> list[pl.Series]:
    """How a part's documents were come by, from their evidence."""
    found = _beside(run, parts.EVIDENCE, part, ["acquisition"], height)
    if not found or found[0].dtype != pl.Struct:
        return []
    terms = found[0].struct.unnest()
    return [terms[n].cast(pl.String) for n in _TERMS if n in terms.columns]


def _span_files(run: str) -> dict[str, list[str]]:
    """The spans of the pools by the part that they are of: pools/STRATUM/SPLIT-SOURCE.PART.spans.parquet."""
    found: dict[str, list[str]] = {}
    for uri in storage.list_files(storage.join(run, "pools"), "*.spans.parquet", recursive=True):
        _, _, name = uri.rsplit("/", 1)[-1].removesuffix(".spans.parquet").partition("-")
        found.setdefault(name, []).append(uri)
    return found


def _tokens(files: Sequence[str]) -> pl.DataFrame:
    """Tokens of each pooled document of a part, by row."""
    length = (pl.col("end") - pl.col("start")).cast(pl.Int64)
    row = pl.col("row").cast(pl.Int64)
    frames = [read(f).select(row=row, tokens=length) for f in files]
    empty = pl.DataFrame(schema={"row": pl.Int64, "tokens": pl.Int64})
    return pl.concat([empty, *frames]).group_by("row").agg(pl.col("tokens").sum())


def table(run: str, path: str) -> pl.DataFrame | None:
    """A Parquet file of the run; None when there is none."""
    uri = storage.join(run, path)
    return read(uri) if storage.is_file(uri) else None


def json_of(run: str, path: str) -> dict[str, Any] | None:
    """A JSON file of the run; None when there is none. ``storage.Damaged`` when it is no JSON object."""
    uri = storage.join(run, path)
    if not storage.is_file(uri):
        return None
    try:
        return dict(json.loads(storage.read_bytes(uri)))
    except (ValueError, TypeError, RecursionError) as error:
        raise storage.Damaged(f"{uri}: not valid JSON: {error}") from None
