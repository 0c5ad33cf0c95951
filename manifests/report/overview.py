"""What a reader sees first: how many documents and tokens, of how many domains, in what time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    findings: Sequence[Finding]
    failures: Sequence[Mapping[str, Any]]
    why: Mapping[str, Why]


def of(m: Material) -> Overview:
    everything = m.sums.by("outcomes").row(0, named=True)
    kept = m.sums.by("outcomes", "keep", where=pl.col("keep")).to_dicts()
    heldout = m.sums.by("pools", "split", where=pl.col("split") == "heldout").to_dicts()
    domains = m.sums.by("outcomes", "domain")
    languages = m.sums.by("languages", "language", where=pl.col("language") != "unknown")
    why = {
        "documents": m.summed(everything, names=("documents", "characters")),
        "domains": m.why("documents.select(domains=pl.col('domain').n_unique())", {"domains": domains.height}),
    }
    if m.judged:
        row = kept[0] if kept else {**everything, "documents": 0, "kept": 0, "tokens": 0, "behind": []}
        why["kept"] = m.summed(row, names=("documents",), keep=True)
    if everything["tokens"]:
        why["tokens"] = m.summed(everything, names=("tokens",))
    if heldout:
        why["heldout"] = m.summed(heldout[0], names=("documents", "tokens"), split="heldout")
    formats = m.shards.get("formats") or {}
    return Overview(
        name=str(m.record.get("run") or m.run.rstrip("/").rsplit("/", 1)[-1]),
        documents=m.sums.documents,
        kept=(kept[0]["documents"] if kept else 0) if m.judged else None,
        characters=m.sums.characters,
        tokens=everything["tokens"],
        heldout=heldout[0]["tokens"] if heldout else 0,
        domains=domains.height,
        languages=languages.height,
        budget=m.mix.budget if m.mix and m.shards else None,
        formats=sorted(formats),
        shards=max(map(len, formats.values()), default=0),
        wall=_wall(m.record),
        work=sum(r.seconds for r in m.receipts),
        findings=findings.of(m.record, m.sums, m.mix, m.shards.get("deficit") or {}),
        failures=m.record.get("failures") or [],
        why=why,
    )


def _wall(record: Mapping[str, Any]) -> float | None:
    """Seconds from start to finish; of the stages, where the finish is not known."""
    try:
        ends = [datetime.fromisoformat(record[k]) for k in ("started", "finished")]
        return (ends[1] - ends[0]).total_seconds()
    except (KeyError, TypeError, ValueError):
        stages = record.get("stages") or []
        return sum(float(s.get("seconds", 0)) for s in stages) if stages else None
