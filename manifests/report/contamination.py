"""Benchmarks found in the documents: how often, how alike, and item beside document for the matches between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests import lineage, parts, storage
from manifests.report import frame as frames
from manifests.report.difference import Marked, apart
from manifests.report.frame import Sample

FOLDER = "contamination"
_SHOWN = 6


@dataclass(frozen=True)
class Match:
    item: str
    kind: str
    score: float
    document: Sample
    item_words: Marked
    document_words: Marked


@dataclass(frozen=True)
class Contamination:
    items: int
    documents: int  #: with a match
    matches: int
    kinds: Sequence[tuple[str, int]]
    benchmarks: Sequence[tuple[str, int, int, int]]  #: name, its items, those found, documents they were found in
    shown: Sequence[Match]  #: from the least of an item to all of one


def of(run: str) -> Contamination | None:
    """Of the matches in a run folder; None when no benchmark was looked for."""
    items = frames.table(run, f"{FOLDER}/items.parquet")
    if items is None:
        return None
    uris = storage.list_files(storage.join(run, FOLDER), "part-*.parquet", recursive=True)
    found = [pl.read_parquet(frames.path_of(u), glob=False).with_columns(part=pl.lit(parts.part_of(u))) for u in uris]
    empty = {"part": pl.String, "row": pl.Int64, "item": pl.String, "kind": pl.String, "score": pl.Float32}
    schema = {**empty, "start": pl.Int64, "end": pl.Int64}
    matches = pl.concat([pl.DataFrame(schema=schema), *(f.select(schema.keys()) for f in found)])
    matches = matches.with_columns(benchmark=pl.col("item").str.split("/").list.first())
    known = items.select(benchmark=pl.col("item").str.split("/").list.first()).group_by("benchmark").agg(items=pl.len())
    hit = matches.group_by("benchmark").agg(
        found=pl.col("item").n_unique(), documents=pl.struct("part", "row").n_unique()
    )
    table = known.join(hit, on="benchmark", how="left").fill_null(0)
    kinds = matches["kind"].value_counts().sort("count", "kind", descending=[True, False])
    return Contamination(
        items=items.height,
        documents=matches.select("part", "row").n_unique(),
        matches=matches.height,
        kinds=kinds.rows(),
        benchmarks=table.sort("documents", "benchmark", descending=[True, False]).rows(),
        shown=_shown(run, items, matches),
    )


def _shown(run: str, items: pl.DataFrame, matches: pl.DataFrame) -> list[Match]:
    """Matches at even distances of their score, the least certain first, and one at least of each kind."""
    ordered = matches.sort("score", "part", "row", "start")
    first = ordered.with_row_index("n").unique("kind", keep="first", maintain_order=True)["n"].to_list()
    last = ordered.height - 1
    spread = [i * last // max(_SHOWN - 1, 1) for i in range(_SHOWN)] if ordered.height else []
    chosen = ordered[sorted(set([*first, *spread][: 2 * _SHOWN]))]
    questions = dict(items.filter(pl.col("item").is_in(chosen["item"].implode())).select("item", "question").rows())
    found = []
    for m in chosen.iter_rows(named=True):
        text = lineage.row_of(run, parts.DOCUMENTS, m["part"], m["row"], ["text"])["text"].encode()
        span = text[m["start"] : m["end"]].decode("utf-8", "replace")
        whole = (frames.plain(t, len(t) + 1) for t in (questions.get(m["item"], ""), span))
        document = frames.sample(run, m["part"], m["row"])
        found.append(Match(frames.plain(m["item"], 80), m["kind"], float(m["score"]), document, *apart(*whole)))
    return found
