"""How near a mixture is to the best, and what each constraint costs: one linear programme says both.

Convex functions lie above their tangents. Replacing objective and constraints by their tangents at a mixture gives a
linear programme whose optimum is below that of the problem, wherever the mixture came from (with the simplex alone this
is the Frank–Wolfe gap, Jaggi 2013). At the optimum both agree, and the programme's duals are the shadow prices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize

from mixing.objective import Problem
from mixing.simplex import Floats

_LEAST_PRICE = 1e-7


@dataclass(frozen=True)
class Price:
    """What a binding constraint costs: the objective falls by ``cost`` for each hundredth that it is loosened.

    A hundredth of the blend for shares, of a nat for divergence, of the metric's unit for a metric.
    """

    constraint: str
    cost: float


@dataclass(frozen=True)
class Certificate:
    """``bound``: no mixture's objective is below it, if the problem is convex. Prices, dearest first."""

    bound: float
    prices: tuple[Price, ...]


def certify(problem: Problem, x: Floats) -> Certificate:
    """Of the tangents at ``x``."""
    parts, by_part, sides, by_side = problem.evaluate(np.asarray(x, np.float64))
    region, n = problem.region, len(x)
    # variables: the mixture y, and t ≥ every part
    tangents = np.hstack([by_part, -np.ones((len(parts), 1))])
    named = np.vstack([region.A, by_side]) if len(by_side) else region.A
    limits = np.concatenate([region.b, by_side @ x - sides]) if len(by_side) else region.b
    A = np.vstack([tangents, np.hstack([named, np.zeros((len(named), 1))])])
    found = scipy.optimize.linprog(
        np.concatenate([np.zeros(n), [1.0]]),
        A_ub=A,
        b_ub=np.concatenate([by_part @ x - parts, limits]),
        A_eq=np.concatenate([np.ones(n), [0.0]])[None],
        b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
        method="highs",
    )
    if found.status != 0:  # tangents at a point far outside leave nothing
        return Certificate(-np.inf, ())
    names = [*(row.name for row in region.rows), *problem.side_names]
    duals = -found.ineqlin.marginals[len(parts) :]
    prices = [Price(name, float(d) / 100) for name, d in zip(names, duals, strict=True) if d / 100 > _LEAST_PRICE]
    return Certificate(float(found.fun), tuple(sorted(prices, key=lambda p: (-p.cost, p.constraint))))
