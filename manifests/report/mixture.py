"""The blend that was chosen and the proxy runs behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import storage
from manifests.mix import MixManifest
from manifests.report import answers, charts
from manifests.report import frame as frames
from manifests.report.material import Material
from manifests.report.queries import Why

#: metrics whose predictions the page draws, and proxy runs that have a row
PREDICTIONS, SHOWN = 12, 600


@dataclass(frozen=True)
class Blend:
    """The mixture. ``rows``: domain, natural, weight, available, tokens, epochs; ``why`` of what is available.
    ``answers``: of the whole, the tables, what is permitted, and how sure it is.
    """

    manifest: MixManifest
    rows: Sequence[Mapping[str, Any]]
    permitted: int
    pooled: int
    why: Mapping[str, Why]  #: by domain
    answers: Mapping[str, Why]


@dataclass(frozen=True)
class Mixture:
    """``formats`` of the shards: name, shards, documents, tokens, bytes; ``missing`` of the budget, in tokens."""

    blend: Blend | None
    swarm: Swarm | None
    formats: Sequence[Mapping[str, Any]]
    missing: int
    digests: tuple[str, str]  #: of the shards' tokenizer and mix
    why: Mapping[str, Why]  #: of what is missing, the swarm and its predictions


@dataclass(frozen=True)
class Swarm:
    """``runs``: run, the weights, the metrics; ``predictions``: run, metric, measured, predicted, sd, empty if none."""

    domains: Sequence[str]
    metrics: Sequence[str]
    runs: pl.DataFrame
    predictions: pl.DataFrame
    scores: Sequence[Mapping[str, Any]]


def of(m: Material) -> Mixture | None:
    """None before there is a swarm, a blend or a shard."""
    runs, missing = swarm(m.run), sum(max(0, n) for n in (m.shards.get("deficit") or {}).values())
    why = {
        "missing": m.why("pl.select(missing=sum(max(0, d) for d in index['deficit'].values()))", {"missing": missing})
    }
    found = Mixture(
        blend=_blend(m, m.mix) if m.mix else None,
        swarm=runs,
        formats=_formats(m),
        missing=missing,
        digests=(str(m.shards.get("tokenizer", "")), str(m.shards.get("mix", ""))),
        why=why | (_of_swarm(m, runs) if runs else {}),
    )
    return found if found.blend or found.swarm or found.formats else None


def _blend(m: Material, manifest: MixManifest) -> Blend:
    available = sum(d.available for d in manifest.domains.values()) or 1
    rows = [
        {**d.model_dump(exclude={"pools"}), "name": name, "natural": d.available / available}
        for name, d in manifest.domains.items()
    ]
    rows.sort(key=lambda r: (-r["weight"], r["name"]))
    train = m.sums.by("pools", "stratum", where=pl.col("split") == "train")
    strata = [s for d in manifest.domains.values() for s in d.pools]
    permitted = int(train.filter(pl.col("stratum").is_in(strata))["tokens"].sum() or 0)
    why = {}
    for name, d in manifest.domains.items():
        row = m.sums.by("pools", where=(pl.col("split") == "train") & pl.col("stratum").is_in(d.pools)).row(
            0, named=True
        )
        pools = f"pl.col('stratum').is_in(mix['domains'][{name!r}].get('pools', []))"
        why[name] = m.summed(row, pools, names=("documents", "tokens"), split="train")
    pooled = int(train["tokens"].sum() or 0)
    return Blend(manifest, rows, permitted, pooled, why, answers.of(m, manifest, permitted, pooled))


def _of_swarm(m: Material, found: Swarm) -> dict[str, Why]:
    """Of the table of proxy runs, their number, and what the laws of the metrics are worth."""
    table = "pl.read_parquet(run / 'mix/swarm.parquet')"
    runs = f"{table}.sort('run')"
    if found.metrics:
        measured = (
            "pl.concat([pl.read_parquet(f, glob=False) for f in (run / 'mix/runs').glob('*.parquet')], how='diagonal')"
        )
        runs += f".join({measured}, on='run', how='left', maintain_order='left')"
    chosen = "[s for s in file_of(run / 'mix/surrogate.json').get('scores', []) if s.get('chosen')]"
    correlations = {s["metric"]: s.get("spearman") for s in found.scores}
    why = {
        "runs": m.why(f"{table}.select(runs=pl.len())", {"runs": found.runs.height}),
        "swarm": m.table(f"{runs}.select({[*found.domains, *found.metrics]!r}).head({SHOWN})"),
    }
    if correlations:
        why["laws"] = m.why(f"pl.select(**{{s['metric']: s['spearman'] for s in {chosen}}})", correlations)
    return why


def _formats(m: Material) -> list[Mapping[str, Any]]:
    sizes = {o.path: o.bytes for r in m.receipts if r.stage == "shards" for o in r.outputs}
    found: list[Mapping[str, Any]] = []
    for name, listed in sorted((m.shards.get("formats") or {}).items()):
        total = sum(sizes.get(f"shards/{name}/{f}", 0) for s in listed for f in s["files"])
        sums = {k: sum(s[k] for s in listed) for k in ("documents", "tokens")}
        shards = f"index['formats'][{name!r}]"
        query = (
            f"pl.read_parquet(run / 'shards/{name}/*.spans.parquet').select(shards=len({shards}), documents=pl.len(), "
            f"tokens=(pl.col('end') - pl.col('start')).sum(), "
            f"bytes=sum((run / 'shards/{name}' / f).stat().st_size for s in {shards} for f in s['files']))"
        )
        gives = {"shards": len(listed), **sums, "bytes": total}
        why = m.why(query, gives, m.sharded)
        found.append({"name": name, "shards": len(listed), "bytes": total, **sums, "why": why})
    return found


def swarm(run: str) -> Swarm | None:
    """Of the files in ``mix/``; None before a swarm was designed."""
    weights = frames.table(run, "mix/swarm.parquet")
    if weights is None:
        return None
    domains = [c for c in weights.columns if c != "run"]
    files = storage.list_files(storage.join(run, "mix/runs"), "*.parquet")
    measured = [frames.read(f) for f in files]
    runs, metrics = weights.sort("run"), list[str]()
    if measured:
        table = pl.concat(measured, how="diagonal")
        metrics = [c for c in table.columns if c not in ("run", "loss", "diverged")]
        extra = [c for c in ("loss", "diverged") if c in table.columns]
        runs = runs.join(table.select("run", *metrics, *extra), on="run", how="left", maintain_order="left")
    scores = [s for s in (frames.json_of(run, "mix/surrogate.json") or {}).get("scores", []) if s.get("chosen")]
    predictions = frames.table(run, "mix/predictions.parquet")
    return Swarm(domains, metrics, runs, pl.DataFrame() if predictions is None else predictions, scores)


def figures(run: str, found: Blend, colour: Mapping[str, str]) -> dict[str, str]:
    """Charts of the blend as SVG, those the run has the data for."""
    return drawn(
        found.manifest, frames.table(run, "mix/marginal.parquet"), frames.table(run, "mix/pareto.parquet"), colour
    )


def drawn(
    manifest: MixManifest, curves: pl.DataFrame | None, front: pl.DataFrame | None, colour: Mapping[str, str]
) -> dict[str, str]:
    """``weights`` of more than one domain, ``marginal`` effects and the ``pareto`` front as SVG."""
    total = sum(d.available for d in manifest.domains.values())
    rows = []
    for name, d in manifest.domains.items():
        natural = d.natural if d.natural is not None else (d.available / total if total else None)
        low, high = d.interval or (None, None)
        rows.append({"name": name, "natural": natural, "weight": d.weight, "low": low, "high": high})
    made = {"weights": charts.weights(rows)} if len(rows) > 1 else {}
    if curves is not None and curves.height:
        made["marginal"] = charts.marginal(curves, colour)
    if front is not None and front.height:
        first, second = (manifest.metrics.get(front[c][0]) for c in ("first", "second"))
        marks = []
        if first and second:
            marks.append({"name": "blend", "x": first.predicted, "y": second.predicted})
            if first.natural is not None and second.natural is not None:
                marks.append({"name": "natural", "x": first.natural, "y": second.natural})
        made["pareto"] = charts.pareto(front, marks)
    return made


def predicted(predictions: pl.DataFrame) -> dict[str, str]:
    """Predicted against measured, an SVG a metric. Columns: run, metric, measured, predicted, sd."""
    made = {}
    for (metric,), points in predictions.sort("metric", "run").group_by("metric", maintain_order=True):
        usable = points.filter(pl.col("measured").is_finite() & pl.col("predicted").is_finite())
        if usable.height:
            made[f"predicted-{re.sub('[^A-Za-z0-9_.-]+', '-', str(metric))}"] = charts.prediction(usable)
    return made


#: the page's variables as the colours of its light theme, for files that stand alone
_COLOURS = {
    "--ink-2": "#6d6468", "--line": "#e6dfd9", "--drop": "#d9cfc8", "--c0": "#8f2d4c", "--c1": "#cf8f2e",
    "--c2": "#2f827a", "--c3": "#4f70a8", "--c4": "#7f8c3b", "--c5": "#7c5199", "--c6": "#c4633f", "--c7": "#7b7f87",
}  # fmt: skip


def standalone(svg: str) -> str:
    """An SVG of the page as a file of its own."""
    for name, value in _COLOURS.items():
        svg = svg.replace(f"var({name})", value)
    return svg


def write_files(svgs: Mapping[str, str], folder: str) -> list[str]:
    """Charts as SVG files; returns their paths."""
    paths = [storage.join(folder, f"{name}.svg") for name in svgs]
    for path, svg in zip(paths, svgs.values(), strict=True):
        storage.write_bytes(path, standalone(svg).encode())
    return paths


def colours(manifest: MixManifest) -> dict[str, str]:
    """One of the page's colours a domain, for charts of a manifest alone."""
    return {name: f"var(--c{i % 8})" for i, name in enumerate(sorted(manifest.domains))}
