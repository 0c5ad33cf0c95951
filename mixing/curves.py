"""Curves through the surrogate for people: what two metrics cost each other, and what more of a domain would do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from mixing.constraints import Constraints
from mixing.objective import Objective
from mixing.simplex import Floats
from mixing.solver import Mixture, optimum, state
from mixing.surrogate import Surrogate

_POINTS = 15
_STEPS = 21


def pareto(
    surrogate: Surrogate, objective: Objective, constraints: Constraints, pair: tuple[str, str] | None = None
) -> pl.DataFrame:
    """The front between two metrics under the constraints: ``first``, ``second`` (names), ``x``, ``y`` (values).

    Without a ``pair`` the two whose values over the runs agree least. Each point is the optimum of a weighted mean of
    both, each in deviations over the runs; of laws that are not convex, parts of the front may be missed.
    """
    metrics = surrogate.metrics
    schema = {"first": pl.String, "second": pl.String, "x": pl.Float64, "y": pl.Float64}
    pair = pair or _opposed(surrogate)
    if pair is None:
        return pl.DataFrame(schema=schema)
    if unknown := [m for m in pair if m not in metrics]:
        raise ValueError(f"unknown metrics {unknown}; there are {list(metrics)}")
    shares = objective.shares(metrics)
    scale = {m: float(np.nanstd(surrogate.measured[:, metrics.index(m)])) or 1.0 for m in pair}
    sign = {m: -1.0 if shares.get(m, 1.0) < 0 else 1.0 for m in pair}
    rows, start = [], list[Floats]()
    with threadpool_limits(1, "blas"):
        for share in np.linspace(0.001, 0.999, _POINTS):
            parts = zip(pair, (1 - share, share), strict=True)
            weights = {m: sign[m] * float(part) / scale[m] for m, part in parts}
            problem = state(
                surrogate, replace(objective, kind="mean", groups={}, weights=weights, risk=0.0), constraints
            )
            best = optimum(problem, start)
            start = [best]
            values = dict(zip(metrics, problem.metrics(best).tolist(), strict=True))
            rows.append((*pair, values[pair[0]], values[pair[1]]))
    return pl.DataFrame(rows, schema=schema, orient="row")


def marginal(surrogate: Surrogate, objective: Objective, constraints: Constraints, mixture: Mixture) -> pl.DataFrame:
    """The objective as one domain's weight changes and the others keep their proportions: domain, weight, objective.

    From none of the domain to twice its weight and a tenth; constraints are not asked.
    """
    problem = state(surrogate, replace(objective, risk=0.0), replace(constraints, decay=None))
    names = problem.region.domains
    x = np.array([mixture.weights[d] for d in names])
    rows = []
    for j, name in enumerate(names):
        others = np.where(np.arange(len(x)) == j, 0.0, x)
        if others.sum() <= 0:
            continue
        for weight in np.linspace(0.0, min(1.0, 2 * x[j] + 0.1), _STEPS):
            at = others * (1 - weight) / others.sum()
            at[j] = weight
            rows.append((name, float(weight), problem.value(at)))
    return pl.DataFrame(rows, schema={"domain": pl.String, "weight": pl.Float64, "objective": pl.Float64}, orient="row")


def _opposed(surrogate: Surrogate) -> tuple[str, str] | None:
    """The two metrics of least correlation over the runs."""
    Y = surrogate.measured[~np.isnan(surrogate.measured).any(1)]
    varied = [i for i in range(Y.shape[1]) if len(Y) > 1 and np.ptp(Y[:, i]) > 0]
    if len(varied) < 2:
        return None
    C = np.corrcoef(Y[:, varied].T) + 2 * np.eye(len(varied))
    a, b = divmod(int(np.argmin(np.round(C, 9))), len(varied))
    first, second = sorted((varied[a], varied[b]))
    return surrogate.metrics[first], surrogate.metrics[second]
