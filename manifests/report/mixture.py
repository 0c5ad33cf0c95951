"""The blend that was chosen and the proxy runs behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import storage
from manifests.mix import MixManifest
from manifests.report import charts
from manifests.report import frame as frames


@dataclass(frozen=True)
class Blend:
    """The mixture. ``rows``: domain, natural, weight, available, tokens, epochs."""

    manifest: MixManifest
    rows: Sequence[Mapping[str, Any]]
    permitted: int
    pooled: int


@dataclass(frozen=True)
class Swarm:
    """``runs``: run, the weights, the metrics; ``predictions``: run, metric, measured, predicted, sd, empty if none."""

    domains: Sequence[str]
    metrics: Sequence[str]
    runs: pl.DataFrame
    predictions: pl.DataFrame
    scores: Sequence[Mapping[str, Any]]


def blend(run: str, documents: pl.DataFrame) -> Blend | None:
    """Of ``mix/mix.yaml`` and the documents' pools; None when the run has no mix."""
    uri = storage.join(run, "mix/mix.yaml")
    if not storage.is_file(uri):
        return None
    manifest = MixManifest.read(uri)
    available = sum(d.available for d in manifest.domains.values()) or 1
    rows = [
        {**d.model_dump(exclude={"pools"}), "name": name, "natural": d.available / available}
        for name, d in manifest.domains.items()
    ]
    train = documents.filter(pl.col("split") == "train")
    strata = [s for d in manifest.domains.values() for s in d.pools]
    permitted = train.filter(pl.col("stratum").is_in(strata))
    rows.sort(key=lambda r: (-r["weight"], r["name"]))
    return Blend(manifest, rows, int(permitted["tokens"].sum() or 0), int(train["tokens"].sum() or 0))


def swarm(run: str) -> Swarm | None:
    """Of the files in ``mix/``; None before a swarm was designed."""
    weights = frames.table(run, "mix/swarm.parquet")
    if weights is None:
        return None
    domains = [c for c in weights.columns if c != "run"]
    files = storage.list_files(storage.join(run, "mix/runs"), "*.parquet")
    measured = [pl.read_parquet(frames.path_of(f), glob=False) for f in files]
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
