"""From documents to keepers: what each reason took, with the documents it took, and records that were no documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import storage
from manifests.report import flow, queries
from manifests.report import frame as frames
from manifests.report.material import Material
from manifests.report.queries import JUDGED, Why
from manifests.report.shown import plain

_SAMPLES = 3
#: reasons with a row of their own
_STEPS, _REASONS = 40, 20


@dataclass(frozen=True)
class Step:
    """A reason for dropping documents: how many it took, how many were left after it, and three of them. ``why`` gives
    also their share."""

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
    why: Why
    why_seen: Why


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
    why: Mapping[str, Why]  #: of documents, kept, the rest and the flow


def of(m: Material) -> Funnel | None:
    rejects = _rejects(m)
    judged = m.sums.by("outcomes", "outcome", where=pl.col("keep").is_not_null())
    if judged.is_empty():
        return Funnel(0, None, [], 0, 0, None, rejects, {}) if rejects else None
    total = int(judged["documents"].sum())
    dropped = {r["outcome"]: r for r in judged.filter(pl.col("outcome") != "kept").iter_rows(named=True)}
    rules = {r["reason"]: r for r in (m.recipe.get("select") or {}).get("rules") or []}
    order = [r for r in dict.fromkeys(["duplicate_id", *rules]) if r in dropped] + sorted(
        set(dropped) - {"duplicate_id", *rules}, key=lambda r: (-dropped[r]["documents"], r)
    )
    steps, left = [], total
    for n, reason in enumerate(order[:_STEPS], 1):
        row, before = dropped[reason], order[:n]
        left -= row["documents"]
        taken = f"pl.col('outcome') == {reason!r}"
        query = (
            f"{JUDGED}.select(documents=({taken}).sum(), share=({taken}).mean(), "
            f"left=(~pl.col('outcome').is_in({before!r})).sum())"
        )
        gives = {"documents": row["documents"], "share": row["documents"] / total, "left": left}
        why = m.why(query, gives, row["behind"])
        steps.append(Step(reason, row["documents"], left, _rule(reason, rules, m.recipe), why))
    rest = sum(dropped[r]["documents"] for r in order[_STEPS:])
    moves = m.sums.by("outcomes", "source", "outcome", where=pl.col("keep").is_not_null())
    drawn = flow.of(moves)
    why_of = _why(m, total, left - rest, order[_STEPS:], rest, drawn)
    return Funnel(total, left - rest, steps, len(order[_STEPS:]), rest, drawn, rejects, why_of)


def _why(
    m: Material, total: int, kept: int, rare: Sequence[str], rest: int, drawn: flow.Flow | None
) -> Mapping[str, Why]:
    everything = m.sums.by("outcomes", where=pl.col("keep").is_not_null()).row(0, named=True)
    found = {"documents": m.why(f"{JUDGED}.select(documents=pl.len())", {"documents": total}, everything["behind"])}
    remaining = m.sums.by("outcomes", where=pl.col("keep")).row(0, named=True)
    query = f"{JUDGED}.select(documents=pl.col('keep').sum(), share=pl.col('keep').mean())"
    found["kept"] = m.why(query, {"documents": kept, "share": kept / total}, remaining["behind"])
    if rare:
        some = f"pl.col('outcome').is_in({list(rare)!r})"
        query = f"{JUDGED}.filter({some}).select(reasons=pl.col('outcome').n_unique(), documents=pl.len())"
        found["rest"] = m.why(query, {"reasons": len(rare), "documents": rest})
    if drawn is not None:
        sources, outcomes = ([n.name for n in column] for column in (drawn.sources, drawn.outcomes))
        few = f"source={queries.few('source', sources)}, outcome={queries.few('outcome', outcomes)}"
        found["bands"] = m.table(f"{JUDGED}.group_by({few}).agg(documents=pl.len())")
        single = f"**{{n: (pl.col('few') == n).sum() for n in {outcomes!r}}}"
        query = f"{JUDGED}.with_columns(few={queries.few('outcome', outcomes)}).select({single})"
        found["flow"] = m.why(query, {n.name: n.n for n in drawn.outcomes})
    return found


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
        table = frames.read(uri, ["reason"])
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
    total = m.why("pl.read_parquet(run / 'rejects/**/*.parquet').select(records=pl.len())", {"records": counts.total()})
    listed = dict(sorted(seen.items(), key=lambda i: (-i[1], i[0]))[:_STEPS])
    return Rejects(counts.total(), reasons, listed, total, m.table(_SEEN))


#: what the readers counted, by the receipts of ingestion
_SEEN = (
    "pl.DataFrame([(n, c) for r in receipts if r['stage'] == 'ingest' for n, c in r['counts'].items()], "
    "schema=['record', 'count'], orient='row').filter(~pl.col('record').is_in(['documents', 'rejects']))"
    ".group_by('record').agg(pl.col('count').sum()).sort('count', 'record', descending=[True, False])"
    f".head({_STEPS})"
)


def _rejected(reason: str) -> str:
    return f"pl.read_parquet(run / 'rejects/**/*.parquet').filter(reason={reason!r}).select(records=pl.len())"
