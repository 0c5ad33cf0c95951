"""The blend that was chosen and the proxy runs behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import storage
from manifests.mix import MixManifest
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
        metrics = [c for c in table.columns if c.startswith("bpb/")]
        extra = [c for c in ("loss", "diverged") if c in table.columns]
        runs = runs.join(table.select("run", *metrics, *extra), on="run", how="left", maintain_order="left")
    scores = [s for s in (frames.json_of(run, "mix/surrogate.json") or {}).get("scores", []) if s.get("chosen")]
    predictions = frames.table(run, "mix/predictions.parquet")
    return Swarm(domains, metrics, runs, pl.DataFrame() if predictions is None else predictions, scores)
