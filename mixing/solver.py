"""The solver: the mixture of least predicted loss under constraints, and a bound on how much better another can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import scipy.optimize
from threadpoolctl import threadpool_limits

from mixing import conic, scenarios
from mixing.certificate import Certificate, Price, certify
from mixing.constraints import Constraints, Group
from mixing.infeasible import Infeasible, irreducible
from mixing.laws import Laws
from mixing.objective import Objective, Problem
from mixing.observed import Observed, observe
from mixing.region import Region, Row
from mixing.simplex import UNITS, Floats
from mixing.surrogate import Surrogate

__all__ = [
    "Constraints",
    "Group",
    "Infeasible",
    "Mixture",
    "Objective",
    "certified",
    "optimum",
    "rounded",
    "solve",
    "state",
]

_STARTS = 8
_SLACK = 1e-8
_BROKEN = 1e-6  #: by which a constraint may be missed before rounding
_CLOSE = 1e-5  #: of the range of slopes: what a convex optimum may leave to gain
_EXACT: Mapping[str, float] = MappingProxyType({"ftol": 1e-13, "maxiter": 500})
_ROUGH: Mapping[str, float] = MappingProxyType({"ftol": 1e-9, "maxiter": 60})


@dataclass(frozen=True)
class Mixture:
    """The optimum, rounded to ten-thousandths; predictions are for the rounded weights."""

    weights: dict[str, float]
    objective: float
    predicted: dict[str, float]
    predicted_sd: dict[str, float]
    natural_objective: float | None  #: of the natural mixture, where there is one
    natural_predicted: dict[str, float]
    gap: float | None  #: no mixture's objective is lower by more than this; None when the laws give no such bound
    divergence: float | None  #: from the natural mixture, nats
    prices: tuple[Price, ...]  #: of the binding constraints
    observed: Observed  #: how near the optimum is to the runs


def solve(
    surrogate: Surrogate,
    objective: Objective | Mapping[str, float] | None = None,
    constraints: Constraints | None = None,
) -> Mixture:
    """The best mixture for ``objective`` (a mapping: the weights of a mean; default: all metrics alike).

    Raises ``Infeasible`` naming the constraints that cannot be met together, ValueError for unknown metrics or domains.
    """
    # matrices are small here: threads of BLAS cost seven times what they give
    with threadpool_limits(1, "blas"):
        problem = state(surrogate, objective, constraints)
        best = optimum(problem)
        best, certificate = certified(problem, best)
        x = rounded(problem, best)
        observed = observe(surrogate, problem, x)
    region = problem.region
    natural = region.natural
    order = [region.domains.index(d) for d in surrogate.domains]
    at = pl.DataFrame(
        [x[order], *([] if natural is None else [natural[order]])], schema=list(surrogate.domains), orient="row"
    )
    predicted = surrogate.predict(at)
    rows = [
        _counted(problem, surrogate, predicted, i, p)
        for i, p in enumerate([x, *([] if natural is None else [natural])])
    ]
    return Mixture(
        weights=dict(zip(surrogate.domains, x[order].tolist(), strict=True)),
        objective=problem.value(x),
        predicted=rows[0],
        predicted_sd={m: float(predicted[f"{m}_sd"][0]) for m in surrogate.metrics},
        natural_objective=None if natural is None else problem.value(natural),
        natural_predicted=rows[1] if natural is not None else {},
        gap=max(0.0, problem.value(x) - certificate.bound) if problem.convex else None,
        divergence=None if natural is None else region.divergence(x),
        prices=certificate.prices,
        observed=observed,
    )


def _counted(problem: Problem, surrogate: Surrogate, predicted: pl.DataFrame, row: int, x: Floats) -> dict[str, float]:
    """A row of predictions, with what the laws say that repetition costs; the judges know nothing of it."""
    cost = problem.metrics(x) - problem.laws.means(x[problem.order][None])[0]
    return {m: float(predicted[m][row] + c) for m, c in zip(surrogate.metrics, cost, strict=True)}


def state(
    surrogate: Surrogate,
    objective: Objective | Mapping[str, float] | None = None,
    constraints: Constraints | None = None,
) -> Problem:
    """The problem that ``solve`` solves. Domains are taken in the order of their names, so that none is favoured."""
    if not isinstance(objective, Objective):
        objective = Objective(weights=objective or {})
    objective.shares(surrogate.metrics)  # names are checked before anything is computed
    region = Region(sorted(surrogate.domains), constraints or Constraints())
    runs = surrogate.mixtures[:, [surrogate.domains.index(d) for d in region.domains]]
    laws = Laws.of(surrogate)
    errors = scenarios.errors(surrogate, laws) if objective.risk else ()
    return Problem(laws, objective, region, runs.mean(0), errors)


def optimum(problem: Problem, starts: Sequence[Floats] = ()) -> Floats:
    """The best mixture, not rounded: from one start where the problem is convex, else from many. ``Infeasible``.

    ``starts`` are the optima of problems alike that had one; where this one has none, what breaks its curved
    constraints least is taken for it.
    """
    region = problem.region
    if not starts and conic.applies(problem) and (found_at_once := conic.optimum(problem)) is not None:
        return found_at_once
    inside = region.nearest
    if problem.side_names and problem.excess(inside) > _SLACK:
        inside = _deepest(problem, region)
        if not starts and problem.evaluate(inside)[2].max() > _SLACK:
            raise _clash(problem, region)
    found = list(starts) if starts and problem.convex else [*starts, inside]
    if problem.risk and not starts:
        found = [optimum(problem.without_risk())]
    if not problem.convex:
        found += region.corners(_STARTS)
    # a resample's optimum need be no surer than the resample, nor one over scenarios than they are many
    effort = _ROUGH if starts or problem.risk else _EXACT
    descents = [_descend(problem.evaluate, region, start, _scale(problem, start), effort) for start in found]
    allowed = [x for x in (*descents, inside) if problem.excess(x) <= _BROKEN]
    return min(allowed or [inside], key=problem.value)


def certified(problem: Problem, best: Floats) -> tuple[Floats, Certificate]:
    """With its certificate; where that shows that a descent ended early, after others, from there and from corners."""
    certificate = certify(problem, best)
    # slopes are alike at an optimum inside, so the range is taken at other mixtures too
    close = _CLOSE * max(_scale(problem, x) for x in (best, problem.region.nearest, *problem.region.corners(1)))
    if not problem.convex or problem.value(best) - certificate.bound <= close:
        return best, certificate
    for start in (best, *problem.region.corners(_STARTS)):
        found = _descend(problem.evaluate, problem.region, start, _scale(problem, start))
        if problem.excess(found) <= _BROKEN and problem.value(found) < problem.value(best):
            best, certificate = found, certify(problem, found)
        if problem.value(best) - certificate.bound <= close:
            break
    return best, certificate


def _clash(problem: Problem, region: Region) -> Infeasible:
    """The error that names the constraints, curved ones too, that cannot be met together."""

    def feasible(items: Sequence[Row | int]) -> bool:
        """Whether these linear constraints, and sides by number, can be met together."""
        rows = [i for i in items if isinstance(i, Row)]
        sides = [i for i in items if isinstance(i, int)]
        if not sides:
            return True

        reduced = region.without(rows)
        return bool(problem.evaluate(_deepest(problem, reduced, sides))[2][sides].max() <= _SLACK)

    broken = irreducible([*region.rows, *range(len(problem.side_names))], feasible)
    rows = [i for i in broken if isinstance(i, Row)]
    names = [*(r.name for r in rows), *(problem.side_names[i] for i in broken if isinstance(i, int))]
    return region.clash(names, rows)


def _deepest(problem: Problem, region: Region, sides: Sequence[int] | None = None) -> Floats:
    """The mixture of the region that keeps these curved constraints (default: all) by the widest margin."""
    chosen = list(range(len(problem.side_names)) if sides is None else sides)

    def margins(x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        _, _, values, slopes = problem.evaluate(x)
        return values[chosen], slopes[chosen], np.zeros(0), np.zeros((0, len(x)))

    return _descend(margins, region, region.nearest)


def _descend(
    evaluate: Callable[[Floats], tuple[Floats, Floats, Floats, Floats]],
    region: Region,
    start: Floats,
    scale: float = 1.0,
    effort: Mapping[str, float] = _EXACT,
) -> Floats:
    """SLSQP from a start, on the largest part through a bound t on all; the start itself when it fails."""
    n = len(start)
    parts = evaluate(start)[0]
    several = len(parts) > 1

    sides = region.slsqp()
    if len(evaluate(start)[2]):
        sides.append({"type": "ineq", "fun": lambda x: -evaluate(x)[2], "jac": lambda x: -evaluate(x)[3]})
    bounds = list(zip(region.low, region.high, strict=True))
    if several:
        sides = [
            *(_lifted(s, n) for s in sides),
            {
                "type": "ineq",
                "fun": lambda v: v[n] - evaluate(v[:n])[0] / scale,
                "jac": lambda v: np.hstack([-evaluate(v[:n])[1] / scale, np.ones((len(parts), 1))]),
            },
        ]
        unit = np.append(np.zeros(n), 1.0)
        aim: Callable[[Floats], float] = lambda v: float(v[n])  # noqa: E731
        slope: Callable[[Floats], Floats] = lambda _: unit  # noqa: E731
        begin, bounds = np.append(start, parts.max() / scale), [*bounds, (-np.inf, np.inf)]
    else:
        aim = lambda x: float(evaluate(x)[0][0] / scale)  # noqa: E731
        slope = lambda x: evaluate(x)[1][0] / scale  # noqa: E731
        begin = start
    found = scipy.optimize.minimize(
        aim, begin, jac=slope, method="SLSQP", bounds=bounds, constraints=sides, options=dict(effort)
    )
    x = np.clip(found.x[:n], region.low, region.high)
    return np.asarray(x, np.float64) if np.all(np.isfinite(x)) and abs(x.sum() - 1) < 1 / UNITS else start


def _lifted(constraint: Mapping[str, Any], n: int) -> dict[str, Any]:
    """A constraint on x as one on (x, t)."""
    fun, jac = constraint["fun"], constraint["jac"]

    def padded(v: Floats) -> Floats:
        J = np.asarray(jac(v[:n]), np.float64)
        return np.concatenate([J, np.zeros((*J.shape[:-1], 1))], axis=-1)

    return {"type": constraint["type"], "fun": lambda v: fun(v[:n]), "jac": padded}


def _scale(problem: Problem, x: Floats) -> float:
    """The objective's range of slopes, so that the tolerances of SLSQP mean the same for every metric."""
    return float(np.ptp(problem.evaluate(x)[1], axis=1).max()) or 1.0


def rounded(problem: Problem, x: Floats, on_grid: Callable[[Floats], Floats] | None = None) -> Floats:
    """``x`` in ten-thousandths, drawn inwards as far as curved constraints ask it, and the grid allows.

    ``on_grid`` brings a mixture there under the linear constraints; by default as the region does.
    """
    on_grid = on_grid or problem.region.round
    found = on_grid(x)
    if problem.side_names and problem.evaluate(found)[2].max() > 0:
        inner = _deepest(problem, problem.region)
        for share in np.geomspace(1e-5, 1.0, 26):
            found = on_grid(x + share * (inner - x))
            if problem.evaluate(found)[2].max() <= 0:
                break
    return found
