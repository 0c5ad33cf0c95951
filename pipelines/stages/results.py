"""Metrics of the user's own trainer in place of proxies: a table, mapped to ours and joined by run."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from manifests import storage
from manifests.receipts import digest_of, output
from mixing import tables
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe.mixing import Results
from pipelines.task import Made, Task

VERSION = 1
SWARM = "mix/swarm.parquet"
RUNS = "mix/runs/results.parquet"


@dataclass(frozen=True)
class _Import:
    results: Results
    domains: tuple[str, ...]


def swarm(conductor: Conductor, results: Results, domains: list[str]) -> pl.DataFrame:
    """The mixtures that the user's runs were made with, as the run's swarm."""
    key = digest_of("swarm", "results", VERSION, results.model_dump(), storage.digest(results.weights), domains)
    conductor.here("swarm", Task("swarm", "swarm", key, write_swarm, _Import(results, tuple(domains))))
    return pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(conductor.run, SWARM))))


def write_swarm(run: str, spec: _Import) -> Made:
    path = spec.results.weights
    frame = _by_run(tables.read(path), spec.results.run, path)
    if strange := [c for c in frame.columns if c not in ("run", *spec.domains)]:
        raise ValueError(f"{path}: unknown domains {', '.join(strange)}; the pools have {', '.join(spec.domains)}")
    absent = [pl.lit(0.0).alias(d) for d in spec.domains if d not in frame.columns]
    frame = frame.with_columns(absent).select("run", *spec.domains)
    storage.write_table(storage.join(run, SWARM), frame.to_arrow())
    return Made([output(run, SWARM, frame.height)], {"runs": frame.height})


def metrics(conductor: Conductor, results: Results, catalog: Catalog) -> pl.DataFrame:
    """The user's metrics under our names, one row a run."""
    key = digest_of("results", VERSION, results.model_dump(), storage.digest(results.metrics))
    receipt = conductor.here("proxies", Task("proxies", "results", key, write_metrics, results))
    catalog.add([receipt])
    return pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(conductor.run, RUNS))))


def write_metrics(run: str, results: Results) -> Made:
    """Values that are no finite numbers become null, and a run without any is marked as diverged."""
    frame = _by_run(tables.read(results.metrics), results.run, results.metrics)
    wanted = results.columns or {c: c for c in frame.columns if c != "run" and frame[c].dtype.is_numeric()}
    if missing := [theirs for theirs in wanted.values() if theirs not in frame.columns]:
        raise ValueError(
            f"{results.metrics} has no column {', '.join(missing)}; it has {', '.join(frame.columns[:30])}"
        )
    if not wanted:
        raise ValueError(f"{results.metrics} has no column of numbers")
    values = [pl.col(theirs).cast(pl.Float64, strict=False).alias(ours) for ours, theirs in wanted.items()]
    frame = frame.select("run", *values)
    finite = [pl.when(pl.col(c).is_finite()).then(pl.col(c)).alias(c) for c in wanted]
    frame = frame.with_columns(finite).with_columns(diverged=pl.all_horizontal(pl.col(c).is_null() for c in wanted))
    storage.write_table(storage.join(run, RUNS), frame.to_arrow())
    return Made([output(run, RUNS, frame.height)], {"runs": frame.height, "diverged": int(frame["diverged"].sum())})


def _by_run(frame: pl.DataFrame, key: str, path: str) -> pl.DataFrame:
    """With the run's name first, as text, and no column that merely names a run."""
    if key and key not in frame.columns:
        raise ValueError(f"{path} has no column {key!r}; it has {', '.join(frame.columns[:30])}")
    found = key or next((c for c in ("run", "run_id", "id", "name", "index") if c in frame.columns), frame.columns[0])
    return tables.without_names(frame, found).rename({found: "run"}).with_columns(pl.col("run").cast(pl.String))
