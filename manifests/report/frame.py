"""The columns of a run as one frame of narrow columns, one row a document; texts are read for single rows only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from manifests import lineage, parts, storage

_EXCERPT = 260
_COLUMNS: dict[str, dict[str, pl.DataType]] = {
    parts.DOCUMENTS: {
        name: pl.String() for name in ("id", "origin", "generator", "style", "acquisition", "content_hash")
    },
    "annotations/language": {"language": pl.String()},
    "annotations/heuristics": {"characters": pl.Int64(), "words": pl.Int64()},
    "annotations/quality": {"quality": pl.Float32()},
    "annotations/licence": {
        "licence": pl.String(),
        "licence_class": pl.String(),
        "licence_kind": pl.String(),
        "reserved": pl.Boolean(),
    },
    "duplicates": {
        "survivor": pl.String(),
        "kind": pl.String(),
        "score": pl.Float32(),
        "cluster": pl.String(),
        "cluster_size": pl.Int32(),
        "blob": pl.Int32(),
        "nearest": pl.String(),
        "nearest_score": pl.Float32(),
    },
    "verdicts": {
        "keep": pl.Boolean(),
        "reason": pl.String(),
        "domain": pl.String(),
        "stratum": pl.String(),
        "split": pl.String(),
    },
}
#: invisible characters that reorder or hide what is shown around them
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def path_of(uri: str) -> Any:
    """``uri`` as Polars takes it: a path, or an open file of an object store."""
    return str(storage.local_path(uri)) if storage.is_local(uri) else storage.open_input(uri)


def document_parts(run: str) -> list[str]:
    """SOURCE/part-… of every document part."""
    found = storage.list_files(storage.join(run, parts.DOCUMENTS), "*.parquet", recursive=True)
    return [parts.part_of(f) for f in found]


def documents(run: str, names: Iterable[str]) -> pl.DataFrame:
    """One row a document: part, row, source, and every narrow column there is; null where a stage did not run."""
    schema = {"part": pl.String(), "row": pl.Int64(), "source": pl.String()}
    schema |= {name: kind for columns in _COLUMNS.values() for name, kind in columns.items()}
    frames = [_part(run, name).select(pl.col(c).cast(kind) for c, kind in schema.items()) for name in names]
    frame = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
    tokens = _tokens(run)
    return frame.join(tokens, on=["part", "row"], how="left", maintain_order="left").with_columns(
        domain=pl.coalesce("domain", "source"), reserved=pl.col("reserved").fill_null(False)
    )


def _part(run: str, part: str) -> pl.DataFrame:
    height: int | None = None
    frames: list[pl.DataFrame] = []
    for column, wanted in _COLUMNS.items():
        uri = storage.join(run, parts.path(column, part))
        found = pl.DataFrame()
        if height is None or storage.is_file(uri):
            there = pl.read_parquet_schema(path_of(uri))
            found = pl.read_parquet(path_of(uri), columns=[c for c in wanted if c in there], glob=False)
            height = found.height if height is None else height
        if found.height != height:  # absent, or left from other documents: as if the stage had not run
            found = pl.DataFrame()
        missing = [pl.Series(c, [None] * height, dtype=t) for c, t in wanted.items() if c not in found.columns]
        frames.append(pl.DataFrame([*found.get_columns(), *missing]))
    frame = pl.concat(frames, how="horizontal").with_row_index("row")
    return frame.with_columns(part=pl.lit(part), source=pl.lit(part.split("/")[0]))


def _tokens(run: str) -> pl.DataFrame:
    """Tokens of each pooled document."""
    files = storage.list_files(storage.join(run, "pools"), "*.spans.parquet", recursive=True)
    empty = pl.DataFrame(schema={"part": pl.String, "row": pl.Int64, "tokens": pl.Int64})
    frames = [
        pl.read_parquet(path_of(f), glob=False).select(
            part=pl.col("part").cast(pl.String).str.strip_prefix("documents/").str.strip_suffix(".parquet"),
            row=pl.col("row").cast(pl.Int64),
            tokens=pl.col("end") - pl.col("start"),
        )
        for f in files
    ]
    return pl.concat([empty, *frames]).group_by("part", "row").agg(pl.col("tokens").sum())


def table(run: str, path: str) -> pl.DataFrame | None:
    """A Parquet file of the run; None when there is none."""
    uri = storage.join(run, path)
    return pl.read_parquet(path_of(uri), glob=False) if storage.is_file(uri) else None


def json_of(run: str, path: str) -> dict[str, Any] | None:
    """A JSON file of the run; None when there is none."""
    uri = storage.join(run, path)
    return dict(json.loads(storage.read_bytes(uri))) if storage.is_file(uri) else None


def histogram(values: pl.Series, low: float, high: float, bins: int) -> pl.Series:
    """The bin of each value; values outside go to the first and last."""
    return ((values.cast(pl.Float64) - low) / (high - low) * bins).floor().clip(0, bins - 1).cast(pl.Int64)


@dataclass(frozen=True)
class Sample:
    """A document as shown: everything in it was written by strangers. ``link`` is empty unless it is http or https."""

    id: str
    title: str
    url: str
    link: str
    excerpt: str
    source: str


def sample(run: str, part: str, row: int) -> Sample:
    """Reads one row of a document part; of its text, the beginning."""
    text = pl.col("text").str.slice(0, 4 * _EXCERPT)
    scan = pl.scan_parquet(path_of(storage.join(run, parts.path(parts.DOCUMENTS, part))), glob=False)
    found = scan.select("id", "title", "url", "text").slice(row, 1).with_columns(text).collect().row(0, named=True)
    url = plain(found["url"], 300)
    return Sample(
        id=found["id"],
        title=plain(found["title"], 160),
        url=url,
        link=safe_link(url),
        excerpt=plain(found["text"], _EXCERPT),
        source=part.split("/")[0],
    )


def text(run: str, part: str, row: int) -> str:
    """The whole text of a document, as one line of visible characters."""
    found = lineage.row_of(run, parts.DOCUMENTS, part, row, ["text"])["text"]
    return plain(found, len(found or "") + 1)


def plain(text: str | None, length: int) -> str:
    """One line of visible characters, cut to ``length``."""
    line = " ".join(_UNSEEN.sub("", text or "").split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def safe_link(url: str) -> str:
    """The URL if following it opens a web page, else nothing: never ``javascript:``, ``data:`` and their kin."""
    try:
        split = urlsplit(url)
    except ValueError:
        return ""
    return url if split.scheme in ("http", "https") and split.hostname else ""
