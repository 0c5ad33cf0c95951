"""What a reader should know first: a few findings, good or not, each with the number behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from manifests.mix import MixManifest
from manifests.report.sums import Sums

#: repeating data beyond this pays little (Muennighoff et al. 2023, arXiv 2305.16264)
_EPOCHS = 4.0
#: shares of documents without a licence, and of the budget unfilled, that are worth no remark
_SILENT, _SHORT = 0.02, 0.005


@dataclass(frozen=True)
class Finding:
    level: Literal["good", "note", "alert"]
    headline: str
    text: str


def of(
    record: Mapping[str, Any], sums: Sums, manifest: MixManifest | None, deficit: Mapping[str, int]
) -> list[Finding]:
    """``record`` is ``run.json``; ``deficit`` is of the shards."""
    failed = len(record.get("failures") or [])
    found = [Finding("alert", f"{failed} failed", "Tasks that failed are listed below.")] if failed else []
    found += _licences(sums)
    if manifest is not None:
        found += [*_gain(manifest), *_epochs(manifest)]
    missing = sum(max(0, n) for n in deficit.values())
    if manifest is not None and missing > _SHORT * manifest.budget:
        text = f"{missing:,} tokens of the budget stay unfilled: no whole document fits."
        found.append(Finding("note", f"{missing / manifest.budget:.1%} short", text))
    return found


def _licences(sums: Sums) -> Sequence[Finding]:
    table = sums.by("licences", "licence_class", "reserved", where=pl.col("keep"))
    kept = int(table["documents"].sum() or 0)
    if not kept:
        return []
    silent = int(table.filter(pl.col("licence_class") == "unknown")["documents"].sum())
    reserved = int(table.filter("reserved")["documents"].sum())
    return [
        Finding(
            "good" if silent <= _SILENT * kept else "note",
            f"{1 - silent / kept:.1%} licensed",
            f"Nothing was found about the licence of {silent:,} kept documents."
            if silent
            else "Evidence of a licence was found for every kept document.",
        ),
        Finding(
            "note" if reserved else "good",
            f"{reserved:,} reserved" if reserved else "None reserved",
            "Kept documents whose publisher reserves AI training."
            if reserved
            else "No kept document's publisher reserves AI training.",
        ),
    ]


def _gain(manifest: MixManifest) -> Sequence[Finding]:
    """Against natural proportions, and whether it is more than the prediction's own deviation."""
    natural, predicted = manifest.objective.get("natural"), manifest.objective.get("predicted")
    if not natural or predicted is None:
        return []
    deviation = math.sqrt(sum((m.weight * m.sd) ** 2 for m in manifest.metrics.values()))
    change = predicted / natural - 1
    clear = natural - predicted > deviation
    text = f"Predicted {predicted:.4g} against {natural:.4g} for natural proportions"
    return [
        Finding(
            "good" if clear else "note",
            f"{'−' if change < 0 else '+'}{abs(change):.1%} loss" if clear else "No clear gain",
            f"{text}, on small proxies."
            if clear
            else f"{text}: within the deviation of the prediction, {deviation:.2g}.",
        )
    ]


def _epochs(manifest: MixManifest) -> Sequence[Finding]:
    name, most = max(((n, d.epochs) for n, d in manifest.domains.items()), key=lambda item: (item[1], item[0]))
    if most <= 1:
        return [Finding("good", "Nothing repeated", "Every domain holds enough tokens for its share.")]
    many = most > _EPOCHS
    text = f"{name} is repeated most" + (f"; beyond about {_EPOCHS:g}, repetition pays little." if many else ".")
    return [Finding("note" if many else "good", f"{most:.2g} epochs at most", text)]
