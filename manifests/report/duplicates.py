"""What deduplication did: how alike what it removed was to what it kept, and examples side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests.report import frame as frames
from manifests.report.difference import Marked, apart
from manifests.report.frame import Sample

_SIZES = ((2, 2), (3, 3), (4, 4), (5, 9), (10, 19), (20, 49), (50, None))


@dataclass(frozen=True)
class Pair:
    score: float
    kind: str
    kept: Sample
    dropped: Sample
    kept_words: Marked
    dropped_words: Marked


@dataclass(frozen=True)
class Duplicates:
    exact: int
    fuzzy: int
    url: int
    clusters: int
    chained: int  #: documents that would have gone had candidates been taken for duplicates, chain by chain
    blob: int  #: candidates of the largest such chain
    sizes: Sequence[tuple[str, int]]
    largest: Sequence[tuple[Sample, int]]
    pairs: Sequence[Pair]
    apart: Sequence[Pair]  #: of the most similar that were told apart; both are kept
    scores: pl.DataFrame  #: low, high, pairs


def of(run: str, documents: pl.DataFrame) -> Duplicates | None:
    """Of the documents' duplicate columns; None when the run did not look for duplicates."""
    if documents["cluster_size"].is_null().all():
        return None
    gone = documents.filter(pl.col("survivor").is_not_null())
    heads = documents.filter((pl.col("cluster") == pl.col("id")) & (pl.col("cluster_size") > 1))
    sizes = []
    for low, high in _SIZES:
        inside = heads.filter((pl.col("cluster_size") >= low) & (pl.col("cluster_size") <= (high or 1 << 30)))
        sizes.append((f"{low}+" if high is None else str(low) if low == high else f"{low}–{high}", inside.height))
    top = heads.sort("cluster_size", "id", descending=[True, False]).head(5)
    largest = [(frames.sample(run, p, r), n) for p, r, n in top.select("part", "row", "cluster_size").iter_rows()]
    fuzzy = gone.filter(pl.col("kind") == "fuzzy").sort("score", "id")
    least, bins = int(min([0.8, *fuzzy["score"].head(1)]) * 20) / 20, 20
    counts = frames.histogram(fuzzy["score"], least, 1, bins).rename("bin").value_counts(name="pairs")
    table = pl.DataFrame({"bin": range(bins)}).join(counts, on="bin", how="left").fill_null(0).sort("bin")
    ends = (least + (pl.col("bin") + i) * ((1 - least) / bins) for i in (0, 1))
    return Duplicates(
        exact=gone.filter(pl.col("kind") == "exact").height,
        fuzzy=fuzzy.height,
        url=gone.filter(pl.col("kind") == "url").height,
        clusters=heads.height,
        chained=round(float((1 - 1 / documents["blob"].fill_null(1)).sum())),
        blob=int(documents["blob"].max() or 1),  # type: ignore[arg-type]
        sizes=[s for s in sizes if s[1]],
        largest=largest,
        pairs=_pairs(run, documents, _spread(fuzzy)),
        apart=_pairs(run, documents, _told_apart(documents)),
        scores=table.select("pairs", *(e.alias(n) for e, n in zip(ends, ("low", "high"), strict=True))),
    )


def _spread(fuzzy: pl.DataFrame) -> pl.DataFrame:
    """Removed documents, from the least similar to their survivor to the most."""
    last = fuzzy.height - 1
    return fuzzy[sorted({0, last // 3, 2 * last // 3, last})] if fuzzy.height else fuzzy


def _told_apart(documents: pl.DataFrame) -> pl.DataFrame:
    """The kept documents most similar to another that is kept, in the shape of removed ones."""
    near = documents.filter(pl.col("nearest").is_not_null() & pl.col("survivor").is_null())
    return (
        near.sort("nearest_score", "id", descending=[True, False])
        .head(3)
        .with_columns(survivor="nearest", score="nearest_score", kind=pl.lit("apart"))
    )


def _pairs(run: str, documents: pl.DataFrame, chosen: pl.DataFrame) -> list[Pair]:
    """Documents beside those they were compared with."""
    where = documents.filter(pl.col("id").is_in(chosen["survivor"].to_list())).select("id", "part", "row")
    places = {i: (p, r) for i, p, r in where.iter_rows()}
    return [
        Pair(
            float(d["score"]),
            d["kind"],
            frames.sample(run, *places[d["survivor"]]),
            frames.sample(run, d["part"], d["row"]),
            *apart(frames.text(run, *places[d["survivor"]]), frames.text(run, d["part"], d["row"])),
        )
        for d in chosen.iter_rows(named=True)
        if d["survivor"] in places
    ]
