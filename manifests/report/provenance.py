"""Lineage of a run: what it was made from, with what, and one token followed home."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import yaml

from manifests.receipts import Output
from manifests.report import followed, graph
from manifests.report.material import Material
from manifests.report.shown import plain

_FILES, _MODELS, _INPUTS = 12, 40, 40


@dataclass(frozen=True)
class Lineage:
    stages: Sequence[Mapping[str, Any]]
    inputs: Sequence[Mapping[str, Any]]
    models: Sequence[Output]
    generators: Sequence[Mapping[str, Any]]
    recipe: str
    record: Mapping[str, Any]
    graph: graph.Graph | None
    followed: followed.Followed | None


def of(m: Material) -> Lineage:
    work: defaultdict[str, float] = defaultdict(float)
    counts: dict[str, Counter[str]] = {}
    for receipt in m.receipts:
        work[receipt.stage] += receipt.seconds
        counts.setdefault(receipt.stage, Counter()).update(receipt.counts)
    stages = [
        {**stage, "work": work[stage["stage"]], "counts": dict(counts.get(stage["stage"], {}))}
        for stage in m.record.get("stages") or []
    ]
    inputs = []
    for source, found in list((m.record.get("inputs") or {}).items())[:_INPUTS]:
        files = found.get("files", [])
        inputs.append({"source": source, "base": found.get("base", ""), "files": files[:_FILES]})
        size = sum(f["size"] for f in files)
        inputs[-1] |= {"count": len(files), "bytes": size, "more": max(0, len(files) - _FILES)}
    models = {o.path: o for r in m.receipts for o in r.outputs if o.path.startswith("models/")}
    generators = m.sums.by("terms", "generator", "style", where=pl.col("generator") != "").head(_MODELS)
    recipe = _pruned(m.recipe)
    return Lineage(
        stages=stages,
        inputs=inputs,
        models=[models[p] for p in sorted(models)][:_MODELS],
        generators=[
            {**r, "generator": plain(r["generator"], 120), "style": plain(r["style"], 80)}
            for r in generators.drop("behind").iter_rows(named=True)
        ],
        recipe=yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True, width=100) if recipe else "",
        record=m.record,
        graph=graph.of(m),
        followed=followed.follow(m.run, m.record, m.shards, redact=m.redact),
    )


def _pruned(value: Any) -> Any:
    """Without what is not set."""
    if isinstance(value, Mapping):
        inner = {k: _pruned(v) for k, v in value.items()}
        return {k: v for k, v in inner.items() if v is not None and v not in ("", [], {})}
    return [_pruned(v) for v in value] if isinstance(value, list) else value
