"""Whether an optimum lies where runs were made, and which runs would confirm it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixing.objective import Problem
from mixing.simplex import Floats
from mixing.surrogate import Surrogate

_USUAL = 0.95
_STEPS = 20


@dataclass(frozen=True)
class Observed:
    """Distances are Hellinger's, from 0 to 1. ``usual`` and ``usual_deviation``: of 95 % of the runs from the others.

    ``confirm``: mixtures to train proxies on before the optimum is trusted; empty when it lies among the runs.
    """

    outside: bool
    nearest: str  #: the run nearest to the optimum
    distance: float
    usual: float
    deviation: float  #: of the objective at the optimum
    usual_deviation: float
    confirm: tuple[dict[str, float], ...]


def observe(surrogate: Surrogate, problem: Problem, x: Floats) -> Observed:
    """Judges the mixture ``x[m]``, in the order of the problem's domains.

    It is outside the observed runs when it is farther from the nearest than 95 % of runs are from theirs, or when the
    surrogate is less sure of it than of 95 % of the runs. Then it is proposed itself, and the farthest mixture on the
    way to it from the best run of which the surrogate is as sure as of the runs.
    """
    order = [surrogate.domains.index(d) for d in problem.region.domains]
    runs = surrogate.mixtures[:, order]
    roots = np.sqrt(runs)
    distance = np.linalg.norm(roots - np.sqrt(x), axis=1) / np.sqrt(2)
    between = np.sqrt(np.maximum(2 - 2 * roots @ roots.T, 0)) / np.sqrt(2)
    between[between < 1e-6] = np.inf  # itself, and repeats
    nearest = between.min(1)
    usual = float(np.quantile(nearest[np.isfinite(nearest)], _USUAL)) if np.isfinite(nearest).any() else 0.0
    coefficients = np.array([abs(problem.shares.get(m, 0.0)) for m in surrogate.metrics])

    def deviation(X: Floats) -> Floats:
        back = X[:, [problem.region.domains.index(d) for d in surrogate.domains]]
        return np.asarray(np.sqrt(np.square(surrogate.judge(back)[1]) @ np.square(coefficients)), np.float64)

    usual_deviation = float(np.quantile(deviation(runs), _USUAL))
    here = float(deviation(x[None])[0])
    outside = bool(distance.min() > usual or here > usual_deviation * (1 + 1e-9))
    confirm = []
    if outside:
        best = runs[int(np.argmin([problem.value(r) for r in runs]))]
        way = best + np.linspace(0, 1, _STEPS + 1)[:, None] * (x - best)
        sure = np.flatnonzero(deviation(way) <= usual_deviation)
        last = int(sure[-1]) if len(sure) else 0
        points = [x] if last in (0, _STEPS) else [x, problem.region.round(way[last])]
        confirm = [dict(zip(problem.region.domains, p.tolist(), strict=True)) for p in points]
    return Observed(
        outside,
        str(surrogate.runs[int(np.argmin(distance))]),
        float(distance.min()),
        usual,
        here,
        usual_deviation,
        tuple(confirm),
    )
