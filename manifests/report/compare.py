"""Two runs side by side: documents, reasons, tokens by domain, licences and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from manifests.mix import MixManifest
from manifests.report.material import Material
from manifests.report.shown import plain

_MOST = 40


@dataclass(frozen=True)
class Line:
    """One value in both runs; None where a run has it not."""

    name: str
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def size(self) -> float:
        return max(abs(self.before or 0.0), abs(self.after or 0.0))


@dataclass(frozen=True)
class Comparison:
    """``before`` is the other run, ``after`` this one. A group: its title, its form (count or share) and its lines."""

    before: str
    after: str
    groups: Sequence[tuple[str, str, Sequence[Line]]]


def of(m: Material, other: Material) -> Comparison:
    """``other`` is what this run is compared with."""
    groups = [
        ("Documents and tokens", "count", _lines(_whole(other), _whole(m), ordered=True)),
        ("Dropped, by reason", "count", _lines(_sums(other, "outcome", "documents"), _sums(m, "outcome", "documents"))),
        ("Kept documents, by domain", "count", _lines(_sums(other, "domain", "kept"), _sums(m, "domain", "kept"))),
        ("Tokens, by domain", "count", _lines(_sums(other, "domain", "tokens"), _sums(m, "domain", "tokens"))),
        ("Kept documents, by licence class", "count", _lines(_classes(other), _classes(m))),
        ("Weights of the blend", "share", _lines(_weights(other.mix), _weights(m.mix))),
    ]
    return Comparison(_name(other), _name(m), [g for g in groups if g[2]])


def _name(m: Material) -> str:
    return plain(str(m.record.get("run") or ""), 80) or plain(m.run.rstrip("/").rsplit("/", 1)[-1], 80)


def _lines(before: Mapping[str, float], after: Mapping[str, float], *, ordered: bool = False) -> list[Line]:
    lines = [Line(plain(n, 80), before.get(n), after.get(n)) for n in dict.fromkeys([*before, *after])]
    return lines if ordered else sorted(lines, key=lambda x: (-x.size, x.name))[:_MOST]


def _whole(m: Material) -> dict[str, float]:
    row = m.sums.by("outcomes").row(0, named=True)
    whole: dict[str, float] = {"documents": row["documents"]}
    if m.judged:
        whole["kept"] = row["kept"]
    if row["tokens"]:
        whole["tokens pooled"] = row["tokens"]
    if m.mix:
        whole["budget of the blend"] = m.mix.budget
    return whole


def _sums(m: Material, key: str, measure: str) -> dict[str, float]:
    where = pl.col("keep").is_not_null() & ((pl.col("outcome") != "kept") | (key != "outcome"))
    return {n: v for n, v in m.sums.by("outcomes", key, where=where).select(key, measure).iter_rows() if v}


def _classes(m: Material) -> dict[str, float]:
    table = m.sums.by("licences", "licence_class", where=pl.col("licensed") & pl.col("keep"))
    return dict(table.select("licence_class", "documents").iter_rows())


def _weights(mix: MixManifest | None) -> dict[str, float]:
    return {name: d.weight for name, d in mix.domains.items()} if mix else {}
