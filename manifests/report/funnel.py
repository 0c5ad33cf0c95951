"""From documents to keepers: what each reason took, with the documents it took, and records that were no documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import storage
from manifests.report import flow
from manifests.report import frame as frames
from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shown import plain

_SAMPLES = 3
#: reasons with a row of their own
_STEPS, _REASONS = 40, 20


@dataclass(frozen=True)
class Step:
    """A reason for dropping documents: how many it took, how many were left after it, and three of them."""

    reason: str
    dropped: int
    left: int
    rule: str
    why: Why


@dataclass(frozen=True)
class Rejected:
    reason: str
    records: int
    samples: Sequence[Mapping[str, Any]]  #: detail, file, offset, locator
    why: Why


@dataclass(frozen=True)
class Rejects:
    records: int
    reasons: Sequence[Rejected]
    seen: Mapping[str, int]  #: what the readers counted besides


@dataclass(frozen=True)
class Funnel:
    """``kept`` is None before verdicts. ``more`` reasons took ``rest`` documents and have no row of their own."""

    documents: int
    kept: int | None
    steps: Sequence[Step]
    more: int
    rest: int
    flow: flow.Flow | None
    rejects: Rejects | None


def of(m: Material) -> Funnel | None:
    rejects = _rejects(m)
    judged = m.sums.by("outcomes", "outcome", where=pl.col("keep").is_not_null())
    if judged.is_empty():
        return Funnel(0, None, [], 0, 0, None, rejects) if rejects else None
    total = int(judged["documents"].sum())
    dropped = {r["outcome"]: r for r in judged.filter(pl.col("outcome") != "kept").iter_rows(named=True)}
    rules = {r["reason"]: r for r in (m.recipe.get("select") or {}).get("rules") or []}
    order = [r for r in dict.fromkeys(["duplicate_id", *rules]) if r in dropped] + sorted(
        set(dropped) - {"duplicate_id", *rules}, key=lambda r: (-dropped[r]["documents"], r)
    )
    steps, left = [], total
    for reason in order[:_STEPS]:
        left -= dropped[reason]["documents"]
        why = m.summed(dropped[reason], names=("documents",), outcome=reason)
        steps.append(Step(reason, dropped[reason]["documents"], left, _rule(reason, rules, m.recipe), why))
    rest = sum(dropped[r]["documents"] for r in order[_STEPS:])
    moves = m.sums.by("outcomes", "source", "outcome", where=pl.col("keep").is_not_null())
    return Funnel(total, left - rest, steps, len(order[_STEPS:]), rest, flow.of(moves), rejects)


def _rule(reason: str, rules: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """The test behind a reason, as the recipe has it."""
    rule = rules.get(reason)
    if rule is None:
        threshold = (recipe.get("dedup") or {}).get("threshold")
        said = {
            "duplicate_id": "another file holds the record of this id",
            "contaminated": "a benchmark item is in it",
            "exact_duplicate": "same text after normalisation",
            "url_duplicate": "same address after normalisation",
            "nothing_left": "its edits leave no text",
        }
        if threshold is not None:
            said["fuzzy_duplicate"] = f"Jaccard similarity with the survivor ≥ {threshold:g}, and alike in what is rare"
        return said.get(reason, "")
    where = f" in {', '.join(rule['sources'])}" if rule.get("sources") else ""
    return (rule.get("when") or f"url matches {rule.get('url_matches')}") + where


def _rejects(m: Material) -> Rejects | None:
    counts: Counter[str] = Counter()
    samples: dict[str, list[Mapping[str, Any]]] = {}
    for uri in storage.list_files(storage.join(m.run, "rejects"), "*.parquet", recursive=True):
        table = pl.read_parquet(frames.path_of(uri), columns=["reason"], glob=False)
        counts.update(dict(table["reason"].value_counts().iter_rows()))
        if wanted := [r for r in table["reason"].unique().sort() if len(samples.get(r, ())) < _SAMPLES]:
            scan = pl.scan_parquet(frames.path_of(uri), glob=False).filter(pl.col("reason").is_in(wanted))
            for row in scan.group_by("reason", maintain_order=True).head(_SAMPLES).collect().iter_rows(named=True):
                shown = {k: plain(row[k], 240) for k in ("file", "locator")}
                detail = "" if m.redact else plain(row["detail"], 240)
                samples.setdefault(row["reason"], []).append({**shown, "detail": detail, "offset": row["offset"]})
    seen: Counter[str] = Counter()
    for receipt in m.receipts:
        if receipt.stage == "ingest":
            seen.update({k: n for k, n in receipt.counts.items() if k not in ("documents", "rejects")})
    if not counts and not seen:
        return None
    reasons = [
        Rejected(r, n, samples[r][:_SAMPLES], m.why(_rejected(r), {"records": n}))
        for r, n in sorted(counts.items(), key=lambda i: (-i[1], i[0]))[:_REASONS]
    ]
    return Rejects(counts.total(), reasons, dict(sorted(seen.items(), key=lambda i: (-i[1], i[0]))[:_STEPS]))


def _rejected(reason: str) -> str:
    return f"pl.read_parquet(run / 'rejects/**/*.parquet').filter(reason={reason!r}).select(records=pl.len())"
