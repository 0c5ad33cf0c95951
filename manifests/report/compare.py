"""Two runs side by side: documents, reasons, tokens by domain, licences and weights."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import polars as pl

from manifests import storage
from manifests.mix import MixManifest
from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shown import plain

_MOST = 40


@dataclass(frozen=True)
class Line:
    """One value in both runs; None where a run has it not."""

    name: str
    before: float | None
    after: float | None
    key: str = ""  #: the name as the run has it

    @property
    def change(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def size(self) -> float:
        return max(abs(self.before or 0.0), abs(self.after or 0.0))


@dataclass(frozen=True)
class Comparison:
    """``before`` is the other run, ``after`` this one. A group: its title, form (count or share), lines and query."""

    before: str
    after: str
    groups: Sequence[tuple[str, str, Sequence[Line], Why]]


#: what a group counts, of documents and of a run's mix
_COUNTED = {
    "Documents and tokens": (
        "{'documents': len(d), 'kept': d['keep'].sum() if d['judged'].any() else None, "
        "'tokens pooled': d['tokens'].sum() or None, 'budget of the blend': x.get('budget')}"
    ),
    "Dropped, by reason": "by(d.filter('judged').filter(pl.col('outcome') != 'kept'), 'outcome', pl.len())",
    "Kept documents, by domain": "by(d.filter('keep'), 'domain', pl.len())",
    "Tokens, by domain": "by(d.filter('judged'), 'domain', pl.col('tokens').sum())",
    "Kept documents, by licence class": "by(d.filter('keep', 'licensed'), 'licence_class', pl.len())",
    "Weights of the blend": "{n: v['weight'] for n, v in x.get('domains', {}).items()}",
}


def of(m: Material, other: Material) -> Comparison:
    """``other`` is what this run is compared with."""
    values = [
        ("count", _whole(other), _whole(m)),
        ("count", _sums(other, "outcome", "documents"), _sums(m, "outcome", "documents")),
        ("count", _sums(other, "domain", "kept"), _sums(m, "domain", "kept")),
        ("count", _sums(other, "domain", "tokens"), _sums(m, "domain", "tokens")),
        ("count", _classes(other), _classes(m)),
        ("share", _weights(other.mix), _weights(m.mix)),
    ]
    groups = []
    for (title, counted), (form, before, after) in zip(_COUNTED.items(), values, strict=True):
        if lines := _lines(before, after, ordered=title == "Documents and tokens"):
            shown = [x.key for x in lines]
            groups.append((title, form, lines, m.table(f"beside(lambda d, x: {counted}, {shown!r})")))
    return Comparison(_name(other), _name(m), groups)


def preamble(run: str, other: str) -> str:
    """The lines that these queries need besides: the other run's documents and mix, and two columns of numbers."""
    text = resources.files(__package__).joinpath("beside.txt").read_text("utf-8")
    local = storage.is_local(run) and storage.is_local(other)
    where = os.path.relpath(storage.local_path(other), storage.local_path(run)) if local else other
    return text.replace("OTHER", repr(where), 1)


def _name(m: Material) -> str:
    return plain(str(m.record.get("run") or ""), 80) or plain(m.run.rstrip("/").rsplit("/", 1)[-1], 80)


def _lines(before: Mapping[str, float], after: Mapping[str, float], *, ordered: bool = False) -> list[Line]:
    lines = [Line(plain(n, 80), before.get(n), after.get(n), n) for n in dict.fromkeys([*before, *after])]
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
