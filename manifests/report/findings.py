"""What a reader should know first: a few findings, good or not, each with the number behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from manifests.mix import MixManifest
from manifests.report.queries import KEPT
from manifests.report.sums import Sums, merged

#: repeating data beyond this pays little (Muennighoff et al. 2023, arXiv 2305.16264)
_EPOCHS = 4.0
#: shares of documents without a licence, and of the budget unfilled, that are worth no remark
_SILENT, _SHORT = 0.02, 0.005


@dataclass(frozen=True)
class Finding:
    """``query`` gives its numbers, one row named as ``gives``."""

    level: Literal["good", "note", "alert"]
    headline: str
    text: str
    query: str
    gives: Mapping[str, float]
    behind: Sequence[str] = ()


def of(
    record: Mapping[str, Any], sums: Sums, manifest: MixManifest | None, deficit: Mapping[str, int]
) -> list[Finding]:
    """``record`` is ``run.json``; ``deficit`` is of the shards."""
    found = [*_failures(record), *_licences(sums)]
    if manifest is not None:
        found += [*_gain(manifest), *_epochs(manifest), *_short(manifest, deficit)]
    return found


def _failures(record: Mapping[str, Any]) -> list[Finding]:
    failed = len(record.get("failures") or [])
    query = "pl.select(failed=len(record['failures']))"
    text = "Tasks that failed are listed below."
    return [Finding("alert", f"{failed} failed", text, query, {"failed": failed})] if failed else []


def _licences(sums: Sums) -> Sequence[Finding]:
    table = sums.by("licences", "licence_class", "reserved", where=pl.col("keep"))
    kept = int(table["documents"].sum() or 0)
    if not kept:
        return []
    unknown = merged([table.filter(pl.col("licence_class") == "unknown")], []).row(0, named=True)
    under = merged([table.filter("reserved")], []).row(0, named=True)
    silent, reserved = unknown["documents"], under["documents"]
    stated = "pl.col('licence_class') != 'unknown'"
    return [
        Finding(
            "good" if silent <= _SILENT * kept else "note",
            f"{1 - silent / kept:.1%} licensed",
            f"Nothing was found about the licence of {silent:,} kept documents."
            if silent
            else "Evidence of a licence was found for every kept document.",
            f"{KEPT}.select(licensed=({stated}).mean(), silent=(~({stated})).sum())",
            {"licensed": 1 - silent / kept, "silent": silent},
            unknown["behind"],
        ),
        Finding(
            "note" if reserved else "good",
            f"{reserved:,} reserved" if reserved else "None reserved",
            "Kept documents whose publisher reserves AI training."
            if reserved
            else "No kept document's publisher reserves AI training.",
            f"{KEPT}.select(reserved=pl.col('reserved').sum())",
            {"reserved": reserved},
            under["behind"],
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
    asked = "(predicted := mix['objective']['predicted'])", "(natural := mix['objective']['natural'])"
    spread = "sum((m['weight'] * m['sd']) ** 2 for m in mix.get('metrics', {}).values()) ** 0.5"
    return [
        Finding(
            "good" if clear else "note",
            f"{'−' if change < 0 else '+'}{abs(change):.1%} loss" if clear else "No clear gain",
            f"{text}, on small proxies."
            if clear
            else f"{text}: within the deviation of the prediction, {deviation:.2g}.",
            f"pl.select(predicted={asked[0]}, natural={asked[1]}, change=predicted / natural - 1, deviation={spread})",
            {"predicted": predicted, "natural": natural, "change": change, "deviation": deviation},
        )
    ]


def _epochs(manifest: MixManifest) -> Sequence[Finding]:
    name, most = max(((n, d.epochs) for n, d in manifest.domains.items()), key=lambda item: (item[1], item[0]))
    query, gives = "blend.select(epochs=pl.col('epochs').max())", {"epochs": most}
    if most <= 1:
        text = "Every domain holds enough tokens for its share."
        return [Finding("good", "Nothing repeated", text, query, gives)]
    many = most > _EPOCHS
    text = f"{name} is repeated most" + ("; so often that repetition pays little." if many else ".")
    return [Finding("note" if many else "good", f"{most:.2g} epochs at most", text, query, gives)]


def _short(manifest: MixManifest, deficit: Mapping[str, int]) -> Sequence[Finding]:
    missing = sum(max(0, n) for n in deficit.values())
    if missing <= _SHORT * manifest.budget:
        return []
    text = f"{missing:,} tokens of the budget stay unfilled: no whole document fits."
    query = "pl.select(missing=(n := sum(max(0, d) for d in index['deficit'].values())), share=n / mix['budget'])"
    gives = {"missing": missing, "share": missing / manifest.budget}
    return [Finding("note", f"{missing / manifest.budget:.1%} short", text, query, gives)]
