"""How much the optimum depends on which runs were made: the swarm resampled, fitted and solved again and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from mixing import least_squares
from mixing.constraints import Constraints
from mixing.families import Linear
from mixing.laws import Laws, replaced
from mixing.objective import Objective
from mixing.simplex import Floats
from mixing.solver import optimum, state
from mixing.surrogate import Surrogate

_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Resampled:
    """``intervals`` of every weight, and of the ``gain`` over the natural mixture: 95 % of the draws lie within.

    The gain of a draw's optimum is judged by laws fitted to the runs that the draw left out, about a third: they share
    no noise with those that chose it, so an optimum chosen by noise shows none. ``indistinguishable`` says that the
    gain may be none; None where no natural mixture is known.
    """

    draws: int
    intervals: dict[str, tuple[float, float]]
    gain: tuple[float, float] | None
    indistinguishable: bool | None


def resample(
    surrogate: Surrogate,
    objective: Objective | None = None,
    constraints: Constraints | None = None,
    *,
    draws: int = 100,
    seed: int = 0,
) -> Resampled:
    """The bootstrap over runs (Efron 1979). Every refit starts at the laws of all runs, every solve at its optimum."""
    if draws < 2:
        raise ValueError(f"draws is {draws}; a bootstrap needs 2 or more")
    n = len(surrogate.runs)
    counts = np.random.default_rng([seed, n]).multinomial(n, np.full(n, 1 / n), draws)
    with threadpool_limits(1, "blas"):
        problem = state(surrogate, objective, constraints)
        best, natural = optimum(problem), problem.region.natural
        drawn = _refits(problem.laws, surrogate, counts)
        points = np.array([optimum(problem.with_laws(laws), [best]) for laws in drawn])
        low, high = np.quantile(points, _TAILS, axis=0)
        intervals = {d: (_four(low[j]), _four(high[j])) for j, d in enumerate(problem.region.domains)}
        if natural is None:
            return Resampled(draws, intervals, None, None)
        left_out = _refits(problem.laws, surrogate, (counts == 0).astype(np.int64))
        judges = [problem.with_laws(laws) for laws in left_out]
        gains = [judge.value(natural) - judge.value(x) for judge, x in zip(judges, points, strict=True)]
    least, most = (float(f"{g:.6g}") for g in np.quantile(gains, _TAILS))
    return Resampled(draws, intervals, (least, most), least <= 0)


def _refits(laws: Laws, surrogate: Surrogate, counts: npt.NDArray[np.int64]) -> list[Laws]:
    """Laws fitted to runs by ``counts[draws, runs]``, all metrics and draws of a family in one stack.

    A metric that a draw has no run of keeps all.
    """
    X, draws = surrogate.mixtures, len(counts)
    known = ~np.isnan(surrogate.measured)
    fitted = []
    for s in laws.stacks:
        many = len(s.at)
        whole = np.where(known, surrogate.noise.precision[:, None], 0.0).T[s.at]
        W: Floats = (counts[:, None].astype(np.float64) * whole).reshape(draws * many, -1)
        W = np.where((W > 0).any(1, keepdims=True), W, np.tile(whole, (draws, 1)))
        Y = np.where(known, surrogate.measured, 0.0).T[s.at]
        Z = np.tile((Y - s.centre[:, None]) / s.scale[:, None], (draws, 1)) * (W > 0)
        if isinstance(s.family, Linear):
            P, _ = s.family.fit(X, Z, W, np.repeat(np.arange(draws), many))
        else:  # drawn where the fit of all runs drew its laws in the end
            own = np.tile(s.family.prior(X.shape[1]), (many, 1))
            prior = s.family.shared(s.parameters, own, np.zeros(many, np.int64))
            noise = np.array([surrogate.laws[surrogate.metrics[i]].noise for i in s.at])
            starts, priors = (np.tile(each, (draws, 1)) for each in (s.parameters, prior))
            P, _ = least_squares.fit(s.family, X, Z, W, starts, priors, np.tile(noise, draws))
        fitted.append(P.reshape(draws, many, -1))
    return [
        replaced(laws, [(P[d], s.centre, s.scale) for P, s in zip(fitted, laws.stacks, strict=True)])
        for d in range(draws)
    ]


def _four(value: float) -> float:
    return round(float(value), 4)
