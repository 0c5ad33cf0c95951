"""The classifier's scores, and the recipe's thresholds: who is on either side, and what another would keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests.report import sums
from manifests.report.material import Material
from manifests.report.queries import Why, where
from manifests.report.sums import FINE
from manifests.report.thresholds import Threshold

#: bins of the chart, and examples on either side of a threshold
_BINS, _SIDE = 40, 3
_DOMAINS = 24


@dataclass(frozen=True)
class Slider:
    """A threshold over a stored histogram. ``bins`` ascend: their least value, documents, and tokens.

    Tokens of what was dropped are reckoned from its characters, as many a character as kept documents have.
    """

    threshold: Threshold
    bins: Sequence[tuple[float, int, int]]
    at: int  #: the bin that begins at the threshold
    kept: int
    dropped: int
    reckoned: bool  #: whether some tokens are
    tallest: int  #: documents of the fullest bin, the outermost left out where there are others
    below: Sequence[int]  #: documents nearest to the threshold, on its two sides
    above: Sequence[int]
    why: Why


@dataclass(frozen=True)
class Quality:
    """``bins``: low, high, kept, dropped; ``domains``: domain, lower quartile, median, upper quartile, and query."""

    bins: pl.DataFrame | None
    domains: Sequence[tuple[str, float, float, float, Why]]
    more: int
    sliders: Sequence[Slider]
    why: Why | None
    why_more: Why | None


def of(m: Material) -> Quality | None:
    """None where nothing was scored and no rule has a threshold."""
    sliders = [s for t in m.thresholds if (s := _slider(m, t)) is not None]
    table = m.sums.tables["quality"]
    if table.is_empty():
        return Quality(None, [], 0, sliders, None, None) if sliders else None
    width = FINE // _BINS
    counted = (
        table.group_by(pl.col("bin") // width, "keep")
        .agg(pl.col("documents").sum())
        .group_by("bin")
        .agg(kept=pl.col("documents").filter("keep").sum(), dropped=pl.col("documents").filter(~pl.col("keep")).sum())
    )
    every = pl.DataFrame({"bin": range(_BINS)}).join(counted, on="bin", how="left").fill_null(0).sort("bin")
    bins = every.select("kept", "dropped", low=pl.col("bin") / _BINS, high=(pl.col("bin") + 1) / _BINS)
    scored = m.sums.by("quality").row(0, named=True)
    why = m.summed(scored, "pl.col('quality').is_not_null()", names=("documents", "kept"))
    domains = _quartiles(table)
    shown = [(*d, m.why(_quartile_query(d[0]), dict(zip(_QUARTILES, d[1:], strict=True)))) for d in domains[:_DOMAINS]]
    more = max(0, len(domains) - _DOMAINS)
    within = "documents.filter(pl.col('quality').is_not_null())"
    return Quality(bins, shown, more, sliders, why, m.left_out(more, _DOMAINS, "domain", within=within))


_QUARTILES = ("lower", "median", "upper")


def _quartile_query(domain: str) -> str:
    scores = f"(pl.col('quality').drop_nulls().cast(pl.Float64) * {FINE}).floor().clip(0, {FINE - 1}).sort()"
    place = "(pl.col('quality').count() * {}).ceil().cast(pl.Int64) - 1"
    named = zip(_QUARTILES, (0.25, 0.5, 0.75), strict=True)
    asked = ", ".join(f"{n}=({scores}.get({place.format(q)}) + 0.5) / {FINE}" for n, q in named)
    return f"{where(domain=domain)}.select({asked})"


def _quartiles(table: pl.DataFrame) -> list[tuple[str, float, float, float]]:
    """Of each domain, to a thousandth: the middle of the bin in which they lie; highest median first."""
    found = []
    by_bin = table.group_by("domain", "bin").agg(pl.col("documents").sum()).sort("domain", "bin")
    for (domain,), rows in by_bin.group_by("domain", maintain_order=True):
        reached, bins = rows["documents"].cum_sum(), rows["bin"]
        total = int(rows["documents"].sum())
        low, middle, high = ((int(bins[int((reached < q * total).sum())]) + 0.5) / FINE for q in (0.25, 0.5, 0.75))
        found.append((str(domain), low, middle, high))
    return sorted(found, key=lambda d: (-d[2], d[0]))


def _slider(m: Material, t: Threshold) -> Slider | None:
    table = m.sums.tables[t.name].sort("bin")
    if table.is_empty():
        return None
    live = table.filter(pl.col("kept") > 0).select(pl.col("kept", "tokens", "characters").sum()).row(0)
    rate = live[1] / live[2] if live[2] else 0.0
    first, last = min(0, int(table["bin"][0])), max(0, int(table["bin"][-1]))
    rows = {r["bin"]: r for r in table.iter_rows(named=True)}
    listed = []
    for b in range(first, last + 1):
        row = rows.get(b, {"documents": 0, "tokens": 0, "characters": 0})
        listed.append((t.value + b * t.step, row["documents"], row["tokens"] or round(rate * row["characters"])))
    dropped = int(table["documents"].sum()) - live[0]
    near = table.filter(pl.col("bin") < 0).sort("bin", descending=True), table.filter(pl.col("bin") >= 0)
    below, above = (
        m.shelf.put(side["behind"].list.explode(keep_nulls=False, empty_as_null=False).to_list(), _SIDE)
        for side in near
    )
    conditions = [f"pl.col('outcome').is_in(['kept', {t.reason!r}])", f"pl.col({t.column!r}).is_not_null()"]
    if t.sources:
        conditions.append(f"pl.col('source').is_in({list(t.sources)!r})")
    row = sums.merged([table.filter((pl.col("bin") >= 0) == t.below)], []).row(0, named=True)
    out = f"(pl.col({t.column!r}) {t.sign} {t.value:g})"
    tokens = f"pl.col('tokens').filter(~{out}).sum()"
    query = f"{where(*conditions)}.select(documents=(~{out}).sum(), tokens={tokens}, dropped={out}.sum())"
    why = m.why(query, {**{n: row[n] for n in ("documents", "tokens")}, "dropped": dropped}, row["behind"])
    tallest = max(n for _, n, _ in (listed[1:-1] if any(n for _, n, _ in listed[1:-1]) else listed))
    return Slider(t, listed, -first, live[0], dropped, bool(dropped and rate), tallest, below, above, why)
