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
from manifests.report.queries import Why
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
    why: Mapping[str, Why]  #: of stages, models, workers, a token's span and record


def of(m: Material) -> Lineage:
    work: defaultdict[str, float] = defaultdict(float)
    counts: dict[str, Counter[str]] = {}
    for receipt in m.receipts:
        work[receipt.stage] += receipt.seconds
        counts.setdefault(receipt.stage, Counter()).update(receipt.counts)
    stages = [
        {**stage, "work": work.get(stage["stage"]), "counts": dict(counts.get(stage["stage"], {}))}
        for stage in m.record.get("stages") or []
    ]
    inputs = []
    for source, found in list((m.record.get("inputs") or {}).items())[:_INPUTS]:
        files = found.get("files", [])
        inputs.append({"source": source, "base": found.get("base", ""), "files": files[:_FILES]})
        size = sum(f["size"] for f in files)
        inputs[-1] |= {"count": len(files), "bytes": size, "more": max(0, len(files) - _FILES)}
        of_source = f"record['inputs'][{source!r}]['files']"
        gives = {"files": len(files), "bytes": size, "more": len(files) - _FILES if len(files) > _FILES else None}
        query = f"pl.select(files=len(f := {of_source}), bytes=sum(x['size'] for x in f), more=len(f) - {_FILES})"
        inputs[-1] |= {"why": m.why(query, gives)}
        inputs[-1] |= {"table": m.table(f"pl.DataFrame({of_source}).select('name', 'size').head({_FILES})")}
    models = {o.path: o for r in m.receipts for o in r.outputs if o.path.startswith("models/")}
    generators = m.sums.by("terms", "generator", "style", where=pl.col("generator") != "").head(_MODELS)
    recipe, token = _pruned(m.recipe), followed.follow(m.run, m.record, m.shards, redact=m.redact)
    return Lineage(
        stages=stages,
        inputs=inputs,
        models=[models[p] for p in sorted(models)][:_MODELS],
        generators=[
            {
                **r,
                "why": m.summed(r, names=("documents", "kept"), generator=r["generator"], style=r["style"]),
                "generator": plain(r["generator"], 120),
                "style": plain(r["style"], 80),
            }
            for r in generators.iter_rows(named=True)
        ],
        recipe=yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True, width=100) if recipe else "",
        record=m.record,
        graph=graph.of(m),
        followed=token,
        why=_why(m, token),
    )


#: what the run's record says of each stage, and what its receipts add
_STAGES = (
    "pl.DataFrame(record['stages']).select('stage', 'tasks', 'ran', 'seconds').join(tasks.group_by('stage').agg("
    "work=pl.col('seconds').sum(), documents=pl.col('documents').sum()), on='stage', how='left', "
    "maintain_order='left').filter(pl.col('tasks') > 0)"
)
_MODELS_QUERY = (
    "outputs.filter(pl.col('path').str.starts_with('models/')).unique('path', keep='last').sort('path')"
    f".select('path', 'bytes').head({_MODELS})"
)


def _why(m: Material, token: followed.Followed | None) -> dict[str, Why]:
    stages = _STAGES if m.receipts else _STAGES.partition(".join(")[0] + ".filter(pl.col('tasks') > 0)"
    why = {"stages": m.table(stages), "models": m.table(_MODELS_QUERY)}
    if (workers := m.record.get("workers")) is not None:
        why["workers"] = m.why("pl.select(workers=record['workers'])", {"workers": workers})
    if token is not None:
        t, place = token.trace, token.trace.document["record"]
        why["span"] = m.why(token.query, {"row": t.row, "start": t.start, "last": t.end - 1})
        gives = {"first": place["offset"], "beyond": place["offset"] + place["length"]}
        why["record"] = m.why(token.query_record, gives)
    return why


def _pruned(value: Any) -> Any:
    """Without what is not set."""
    if isinstance(value, Mapping):
        inner = {k: _pruned(v) for k, v in value.items()}
        return {k: v for k, v in inner.items() if v is not None and v not in ("", [], {})}
    return [_pruned(v) for v in value] if isinstance(value, list) else value
