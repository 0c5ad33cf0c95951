"""One pass over a run's documents: small tables of sums by what they are asked for, each row with five documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from manifests.report import frame as frames
from manifests.report.thresholds import Threshold

#: documents that stand behind a number
FIVE = 5
SUMS = ("documents", "kept", "tokens", "characters")
#: partial tables that are gathered before they are merged into one
_PARTIAL = 16
_TERMS = ("route", "lawful_access", "training", "licensor", "order", "expires", "origin", "generator", "style")
#: parts of a score that are told apart
FINE = 1000

_removed = pl.col("survivor").is_not_null()
_told_apart = pl.col("nearest_score").is_not_null() & ~_removed
_head = (pl.col("cluster") == pl.col("id")) & (pl.col("cluster_size") > 1)


def _fine(column: str) -> pl.Expr:
    return (pl.col(column).cast(pl.Float64) * FINE).floor().clip(0, FINE - 1).cast(pl.Int64)


#: name of a table: the keys it is summed by, and which documents count in it
_TABLES: dict[str, tuple[Mapping[str, pl.Expr], pl.Expr | None]] = {
    "outcomes": ({n: pl.col(n) for n in ("source", "domain", "outcome", "keep")}, None),
    "pools": ({n: pl.col(n) for n in ("stratum", "split")}, pl.col("stratum") != ""),
    "languages": ({"language": pl.col("language")}, None),
    "licences": (
        {
            n: pl.col(n)
            for n in ("signature", "licence", "licence_class", "licence_kind", "reserved", "domain", "keep", "licensed")
        },
        None,
    ),
    "terms": ({n: pl.col(n) for n in ("source", *_TERMS)}, None),
    "hosts": ({"host": pl.col("host")}, pl.col("host") != ""),
    "quality": (
        {"domain": pl.col("domain"), "bin": _fine("quality"), "keep": pl.col("keep").fill_null(False)},
        pl.col("quality").is_not_null(),
    ),
    "removed": ({"kind": pl.col("kind"), "bin": _fine("score")}, _removed),
    "clusters": ({"size": pl.col("cluster_size")}, _head),
    "chains": ({"blob": pl.col("blob")}, pl.col("blob").is_not_null()),
    "apart": ({"bin": _fine("nearest_score")}, _told_apart),
}  # fmt: skip


@dataclass(frozen=True)
class Sums:
    """Tables by name: their keys, the sums, and ``behind``, up to five of the documents of each row."""

    tables: Mapping[str, pl.DataFrame]
    documents: int
    characters: int

    def by(self, name: str, *keys: str, where: pl.Expr | None = None) -> pl.DataFrame:
        """A table by fewer keys, most tokens first, and of one kind of documents."""
        table = self.tables[name] if where is None else self.tables[name].filter(where)
        order = ["tokens", "kept", "documents"]
        return merged([table], keys).sort(*order, *keys, descending=[True] * 3 + [False] * len(keys), nulls_last=True)


def gather(run: str, names: Sequence[str], thresholds: Sequence[Threshold] = ()) -> Sums:
    """Reads the narrow columns of a run's parts, a batch at a time: memory grows with what is told apart, not with
    documents.
    """
    asked = dict(_TABLES) | {t.name: ({"bin": t.bin}, t.counted) for t in thresholds}
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in asked}
    documents = characters = 0
    for batch in frames.batches(run, names, {t.column: t.folder for t in thresholds}):
        documents += batch.height
        characters += int(batch["characters"].sum() or 0)
        for name, (keys, where) in asked.items():
            rows = batch if where is None else batch.filter(where)
            found[name].append(_summed(rows, keys))
            if len(found[name]) >= _PARTIAL:
                found[name] = [merged(found[name], list(keys))]
    return Sums({n: merged(t, list(asked[n][0])) for n, t in found.items()}, documents, characters)


def _summed(rows: pl.DataFrame, keys: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Of rows in the order of ``at``."""
    return rows.group_by(e.alias(n) for n, e in keys.items()).agg(
        documents=pl.len().cast(pl.Int64),
        kept=pl.col("keep").fill_null(False).sum().cast(pl.Int64),
        tokens=pl.col("tokens").sum(),
        characters=pl.col("characters").fill_null(0).sum(),
        behind=pl.col("at").head(FIVE),
    )


def merged(tables: Sequence[pl.DataFrame], keys: Sequence[str]) -> pl.DataFrame:
    """Tables of sums as one, by these keys."""
    table = tables[0] if len(tables) == 1 else pl.concat(tables)
    behind = pl.col("behind").list.explode(keep_nulls=False, empty_as_null=False).sort().head(FIVE)
    if not keys:
        return table.select(*(pl.col(n).sum() for n in SUMS), behind.implode())
    return table.group_by(keys, maintain_order=True).agg(*(pl.col(n).sum() for n in SUMS), behind)
