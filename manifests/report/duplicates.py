"""What deduplication did: how alike what it removed was to what it kept, and examples side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests import lineage
from manifests.report.difference import Marked, apart
from manifests.report.material import Material
from manifests.report.queries import Why, where
from manifests.report.sums import FINE

_SIZES = ((2, 2), (3, 3), (4, 4), (5, 9), (10, 19), (20, 49), (50, None))
_KINDS = ("exact", "url", "fuzzy", "semantic")
_PAIRS, _APART, _LARGEST = 4, 3, 5


@dataclass(frozen=True)
class Pair:
    """Numbers on the shelf of a document and the one it was compared with; words are empty where texts are left out."""

    score: float
    kept: int
    dropped: int
    kept_words: Marked
    dropped_words: Marked
    why: Why


@dataclass(frozen=True)
class Kind:
    name: str
    documents: int
    why: Why


@dataclass(frozen=True)
class Size:
    name: str
    clusters: int
    why: Why


@dataclass(frozen=True)
class Duplicates:
    kinds: Sequence[Kind]
    clusters: int
    chained: int  #: documents that would have gone had candidates been taken for duplicates, chain by chain
    blob: int  #: candidates of the largest such chain
    sizes: Sequence[Size]
    largest: Sequence[tuple[int, int, Why]]  #: the copy that was kept, and documents
    pairs: Sequence[Pair]
    apart: Sequence[Pair]  #: of the most similar that were told apart; both are kept
    scores: pl.DataFrame | None  #: low, high, pairs; None where nothing was removed for similarity
    chains: Why
    why_scores: Why


def of(m: Material) -> Duplicates | None:
    """None when the run did not look for duplicates."""
    chains = m.sums.tables["chains"]
    looked = any(r.stage.startswith("duplicates") for r in m.receipts)
    removed = m.sums.tables["removed"]
    if chains.is_empty() and removed.is_empty() and not looked:
        return None
    kinds = []
    for name in _KINDS:
        row = m.sums.by("removed", where=pl.col("kind") == name).row(0, named=True)
        if row["documents"] or name != "url":
            kinds.append(
                Kind(
                    name,
                    row["documents"],
                    m.summed(row, "pl.col('survivor').is_not_null()", names=("documents",), kind=name),
                )
            )
    clusters = m.sums.tables["clusters"]
    fuzzy = removed.filter(pl.col("kind") == "fuzzy").sort("bin")
    gone = float((chains["documents"] * (1 - 1 / chains["blob"])).sum()) if chains.height else 0.0
    heads, longest = int(clusters["documents"].sum() or 0), _longest(chains)
    similar = m.sums.by("removed", where=pl.col("kind") == "fuzzy").row(0, named=True)
    return Duplicates(
        kinds=kinds,
        clusters=heads,
        chained=round(gone),
        blob=longest,
        sizes=_sizes(m, clusters),
        largest=_largest(m, clusters),
        pairs=_pairs(m, _spread(fuzzy), "survivor", "score"),
        apart=_pairs(m, m.sums.tables["apart"].sort("bin", descending=True), "nearest", "nearest_score")[:_APART],
        scores=_scores(fuzzy) if fuzzy.height else None,
        chains=m.why(_CHAINS, {"clusters": heads, "chained": round(gone), "longest": longest}),
        why_scores=m.summed(similar, "pl.col('survivor').is_not_null()", names=("documents",), kind="fuzzy"),
    )


_CHAINS = (
    "documents.select(clusters=((pl.col('cluster') == pl.col('id')) & (pl.col('cluster_size') > 1)).sum(), "
    "chained=(1 - 1 / pl.col('blob').fill_null(1)).sum().round(), longest=pl.col('blob').fill_null(1).max())"
)


def _longest(chains: pl.DataFrame) -> int:
    return int(chains["blob"].max() or 1) if chains.height else 1  # type: ignore[arg-type]


def _sizes(m: Material, clusters: pl.DataFrame) -> list[Size]:
    found = []
    for low, high in _SIZES:
        between = (pl.col("size") >= low) & (pl.col("size") <= (high or 1 << 40))
        row = m.sums.by("clusters", where=between).row(0, named=True) if clusters.height else None
        if row and row["documents"]:
            head = "pl.col('cluster') == pl.col('id')"
            inside = f"pl.col('cluster_size').is_between({low}, {high or 1 << 40})"
            name = f"{low}+" if high is None else str(low) if low == high else f"{low}–{high}"
            found.append(Size(name, row["documents"], m.summed(row, head, inside, names=("documents",))))
    return found


def _largest(m: Material, clusters: pl.DataFrame) -> list[tuple[int, int, Why]]:
    found: list[tuple[int, int, Why]] = []
    for size, behind in clusters.sort("size", descending=True).head(_LARGEST).select("size", "behind").iter_rows():
        for at, number in zip(behind, m.shelf.put(behind), strict=False):
            query = f"{_row(at)}.select(documents='cluster_size', removed=pl.col('cluster_size') - 1)"
            found.append((number, size, m.why(query, {"documents": size, "removed": size - 1})))
    return found[:_LARGEST]


def _row(at: str) -> str:
    """The document of a place."""
    _, part, row = at.rsplit(" ", 2)
    return where(part=part, row=int(row))


def _scores(fuzzy: pl.DataFrame) -> pl.DataFrame:
    """Pairs by similarity, in steps of a twentieth of what there is above the least, or above 0.8."""
    least, bins = int(min(0.8, int(fuzzy["bin"][0]) / FINE) * 20) / 20, 20
    step = (pl.col("bin") / FINE + 0.5 / FINE - least) / (1 - least) * bins
    counts = fuzzy.group_by(step.floor().clip(0, bins - 1).cast(pl.Int64)).agg(pairs=pl.col("documents").sum())
    table = pl.DataFrame({"bin": range(bins)}).join(counts, on="bin", how="left").fill_null(0).sort("bin")
    ends = (least + (pl.col("bin") + i) * ((1 - least) / bins) for i in (0, 1))
    return table.select("pairs", *(e.alias(n) for e, n in zip(ends, ("low", "high"), strict=True)))


def _spread(fuzzy: pl.DataFrame) -> pl.DataFrame:
    """Removed documents, from the least similar to their survivor to the most."""
    last = fuzzy.height - 1
    return fuzzy[sorted({0, last // 3, 2 * last // 3, last})] if fuzzy.height else fuzzy


def _pairs(m: Material, rows: pl.DataFrame, other: str, score: str) -> list[Pair]:
    """The first documents of these rows beside those they were compared with."""
    places = [behind[0].rsplit(" ", 2)[1:] for behind in rows.head(_PAIRS)["behind"].to_list() if behind]
    told = []
    for part, row in places:
        told.append((part, int(row), lineage.row_of(m.run, "duplicates", part, int(row), [other, score])))
    places_of = lineage.find_all(m.run, [t[other] for _, _, t in told if t[other]])
    found = []
    for part, row, said in told:
        if said[other] in places_of:
            kept, dropped = m.shelf.one(*places_of[said[other]]), m.shelf.one(part, row)
            words = apart(m.shelf.text(kept), m.shelf.text(dropped)) if not m.redact else ([], [])
            query = f"{where(part=part, row=row)}.select(score={score!r})"
            found.append(Pair(float(said[score]), kept, dropped, *words, m.why(query, {"score": float(said[score])})))
    return found
