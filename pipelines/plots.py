"""``cuvee mix plot`` and ``cuvee mix solve --plots``: a blend's charts as SVG files."""

from __future__ import annotations

import polars as pl

from manifests import storage
from manifests.mix import MixManifest
from manifests.report import mixture
from mixing.constraints import Constraints
from mixing.curves import marginal, pareto
from mixing.objective import Objective
from mixing.solver import Mixture
from mixing.surrogate import Surrogate
from pipelines.errors import CuveeError


def of_run(run: str, folder: str) -> list[str]:
    """Of a run's blend, from the tables the run has of it."""
    if not storage.is_file(storage.join(run, "mix/mix.yaml")):
        raise CuveeError(f"{run}: no mix/mix.yaml to draw")
    manifest = MixManifest.read(storage.join(run, "mix/mix.yaml"))
    tables = [_table(run, f"mix/{name}.parquet") for name in ("marginal", "pareto", "predictions")]
    charts = mixture.drawn(manifest, tables[0], tables[1], mixture.colours(manifest))
    charts |= mixture.predicted(tables[2]) if tables[2] is not None else {}
    return mixture.write_files(charts, folder)


def of_solution(
    manifest: MixManifest,
    surrogate: Surrogate,
    objective: Objective,
    constraints: Constraints,
    solved: Mixture,
    folder: str,
    pair: tuple[str, str] | None = None,
) -> list[str]:
    """Of a blend just solved."""
    curves = marginal(surrogate, objective, constraints, solved)
    front = pareto(surrogate, objective, constraints, pair)
    charts = mixture.drawn(manifest, curves, front, mixture.colours(manifest))
    charts |= mixture.predicted(predictions(surrogate))
    return mixture.write_files(charts, folder)


def predictions(surrogate: Surrogate) -> pl.DataFrame:
    """Of the runs it learned from, one row a run and metric: run, metric, measured, predicted, sd."""
    mean, sd = surrogate.judge(surrogate.mixtures)
    frames = [
        pl.DataFrame(
            {
                "run": [str(r) for r in surrogate.runs],
                "metric": metric,
                "measured": surrogate.measured[:, i],
                "predicted": mean[:, i],
                "sd": sd[:, i],
            }
        )
        for i, metric in enumerate(surrogate.metrics)
    ]
    return pl.concat(frames).with_columns(pl.col("measured").fill_nan(None))


def _table(run: str, path: str) -> pl.DataFrame | None:
    uri = storage.join(run, path)
    return pl.DataFrame(pl.from_arrow(storage.read_table(uri))) if storage.is_file(uri) else None
