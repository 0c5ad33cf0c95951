"""What a reader sees first: how many documents and tokens, of how many domains, in what time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from manifests.report import findings
from manifests.report.findings import Finding
from manifests.report.material import Material
from manifests.report.queries import Why


@dataclass(frozen=True)
class Overview:
    """``kept`` is None before verdicts, ``budget`` before a blend was solved, ``wall`` (seconds) where nothing says."""

    name: str
    documents: int
    kept: int | None
    characters: int
    tokens: int
    heldout: int
    domains: int
    languages: int
    budget: int | None
    formats: Sequence[str]
    shards: int
    wall: float | None
    work: float
    findings: Sequence[tuple[Finding, Why]]
    failures: Sequence[Mapping[str, Any]]
    why: Mapping[str, Why]


def of(m: Material) -> Overview:
    everything = m.sums.by("outcomes").row(0, named=True)
    kept = m.sums.by("outcomes", "keep", where=pl.col("keep")).to_dicts()
    heldout = m.sums.by("pools", "split", where=pl.col("split") == "heldout").to_dicts()
    formats = m.shards.get("formats") or {}
    counted = Overview(
        name=str(m.record.get("run") or m.run.rstrip("/").rsplit("/", 1)[-1]),
        documents=m.sums.documents,
        kept=(kept[0]["documents"] if kept else 0) if m.judged else None,
        characters=m.sums.characters,
        tokens=everything["tokens"],
        heldout=heldout[0]["tokens"] if heldout else 0,
        domains=m.sums.by("outcomes", "domain").height,
        languages=m.sums.by("languages", "language", where=pl.col("language") != "unknown").height,
        budget=m.mix.budget if m.mix and m.shards else None,
        formats=sorted(formats),
        shards=max(map(len, formats.values()), default=0),
        wall=_wall(m.record),
        work=sum(r.seconds for r in m.receipts),
        findings=[(f, m.why(f.query, f.gives, f.behind)) for f in _findings(m)],
        failures=m.record.get("failures") or [],
        why={},
    )
    behind = kept[0]["behind"] if kept else []
    return replace(counted, why=_why(m, counted, everything, behind, heldout[0] if heldout else None))


def _findings(m: Material) -> list[Finding]:
    return findings.of(m.record, m.sums, m.mix, m.shards.get("deficit") or {})


def _why(
    m: Material,
    counted: Overview,
    everything: Mapping[str, Any],
    kept: Sequence[str],
    heldout: Mapping[str, Any] | None,
) -> dict[str, Why]:
    known = "pl.col('language').filter(pl.col('language') != 'unknown')"
    why = {
        "documents": m.summed(everything, names=("documents", "characters")),
        "domains": m.why(
            f"documents.select(domains=pl.col('domain').n_unique(), languages={known}.n_unique())",
            {"domains": counted.domains, "languages": counted.languages},
            everything["behind"],
        ),
    }
    if counted.kept is not None:
        share = counted.kept / counted.documents if counted.documents else None
        query = "documents.select(documents=pl.col('keep').sum(), share=pl.col('keep').mean())"
        why["kept"] = m.why(query, {"documents": counted.kept, "share": share}, kept)
    if counted.tokens:
        why["tokens"] = m.summed(everything, names=("tokens",))
    if heldout:
        why["heldout"] = m.summed(heldout, names=("documents", "tokens"), split="heldout")
    if counted.shards:
        query = "pl.select(shards=max(map(len, index['formats'].values())))"
        gives: dict[str, float | None] = {"shards": counted.shards}
        if counted.budget:
            query, gives = query[:-1] + ", budget=mix['budget'])", {**gives, "budget": counted.budget}
        why["shards"] = m.why(query, gives, m.sharded)
    if counted.wall is not None:
        worked = ", work=tasks['seconds'].sum()" if m.receipts else ""
        gives = {"wall": counted.wall, "work": counted.work if m.receipts else None}
        why["wall"] = m.why(f"pl.select(wall={_wall_query(m.record)}{worked})", gives)
    return why


def _wall_query(record: Mapping[str, Any]) -> str:
    ends = (f"datetime.fromisoformat(record[{n!r}])" for n in ("finished", "started"))
    return f"({' - '.join(ends)}).total_seconds()" if _ends(record) else "sum(s['seconds'] for s in record['stages'])"


def _ends(record: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    try:
        return datetime.fromisoformat(record["started"]), datetime.fromisoformat(record["finished"])
    except (KeyError, TypeError, ValueError):
        return None


def _wall(record: Mapping[str, Any]) -> float | None:
    """Seconds from start to finish; of the stages, where the finish is not known."""
    if ends := _ends(record):
        return (ends[1] - ends[0]).total_seconds()
    stages = record.get("stages") or []
    return sum(float(s.get("seconds", 0)) for s in stages) if stages else None
