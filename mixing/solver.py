"""The solver: the mixture of least predicted loss under constraints, with a certificate of how near it is to the best.

The laws are convex in the mixture, and so is the objective: SLSQP finds its minimum, and a linear minimisation over the
same constraints bounds what is left to gain (the Frank–Wolfe gap, Jaggi 2013), whatever found the point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import scipy.optimize

from mixing.simplex import UNITS, Floats, round_weights
from mixing.surrogate import Surrogate

_TINY = 1e-12
_RANDOM_STARTS = 4


class Infeasible(ValueError):
    """No mixture meets the constraints; the message names those that clash."""


@dataclass(frozen=True)
class Constraints:
    """What a mixture must obey; everything is optional.

    A domain with ``available`` tokens gets at most ``available * max_epochs / budget`` of the weight.
    ``max_divergence`` bounds the Kullback–Leibler divergence from ``natural``, in nats.
    """

    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    available: Mapping[str, int] = field(default_factory=dict)
    budget: int = 0
    max_epochs: float = 4.0
    natural: Mapping[str, float] = field(default_factory=dict)
    max_divergence: float | None = None


@dataclass(frozen=True)
class Mixture:
    """The optimum, rounded to ten-thousandths; predictions are for the rounded weights."""

    weights: dict[str, float]
    objective: float  #: weighted mean of the metrics
    predicted: dict[str, float]
    predicted_sd: dict[str, float]
    natural_objective: float | None  #: of the natural mixture, where there is one
    natural_predicted: dict[str, float]
    gap: float | None  #: no mixture's objective is lower by more than this; None when the laws give no such bound
    divergence: float | None  #: from the natural mixture, nats


def solve(
    surrogate: Surrogate, objective: Mapping[str, float] | None = None, constraints: Constraints | None = None
) -> Mixture:
    """Minimises the weighted mean of metrics that ``objective`` names (default: all alike).

    A negative weight is for a metric where more is better. Weights are divided by the sum of their sizes. Raises
    ``Infeasible`` naming the constraints that cannot be met together, ValueError for unknown metrics or domains.
    """
    constraints = constraints or Constraints()
    weights = _objective(surrogate, objective)
    space = _Space(surrogate.domains, constraints)
    coefficients = np.array([weights.get(m, 0.0) for m in surrogate.metrics])

    def value(x: Floats) -> float:
        return float(surrogate.means(x[None])[0] @ coefficients)

    def gradient(x: Floats) -> Floats:
        return np.asarray(coefficients @ surrogate.gradients(x[None])[0], np.float64)

    best = min((_descend(value, gradient, space, start) for start in space.starts()), key=value)
    x = space.round(best)
    natural = space.natural
    at = pl.DataFrame([x, *([] if natural is None else [natural])], schema=list(surrogate.domains), orient="row")
    predicted = surrogate.predict(at)
    rows = [{m: float(predicted[m][i]) for m in surrogate.metrics} for i in range(at.height)]
    return Mixture(
        weights=dict(zip(surrogate.domains, x.tolist(), strict=True)),
        objective=value(x),
        predicted=rows[0],
        predicted_sd={m: float(predicted[f"{m}_sd"][0]) for m in surrogate.metrics},
        natural_objective=None if natural is None else value(natural),
        natural_predicted=rows[1] if natural is not None else {},
        # The bound holds from the unrounded point; what rounding cost is added.
        gap=value(x) - value(best) + space.gap(best, gradient(best)) if surrogate.convex(weights) else None,
        divergence=None if natural is None else space.divergence(x),
    )


def _objective(surrogate: Surrogate, objective: Mapping[str, float] | None) -> dict[str, float]:
    objective = objective or dict.fromkeys(surrogate.metrics, 1.0)
    if unknown := [m for m in objective if m not in surrogate.metrics]:
        raise ValueError(f"unknown metrics {unknown} in the objective; there are {list(surrogate.metrics)}")
    total = sum(abs(w) for w in objective.values())
    if not np.isfinite(total) or total <= 0:
        raise ValueError(f"the weights of the objective must be finite and not all zero; found {dict(objective)}")
    return {m: w / total for m, w in objective.items()}


class _Space:
    """The mixtures allowed: weights between bounds that sum to one, near the natural ones if a divergence is set."""

    def __init__(self, domains: tuple[str, ...], constraints: Constraints) -> None:
        self.domains, self._constraints = domains, constraints
        for name in ("bounds", "available", "natural"):
            if unknown := [d for d in getattr(constraints, name) if d not in domains]:
                raise ValueError(f"{name} name unknown domains {unknown}; there are {list(domains)}")
        self.natural = self._natural()
        self._radius = constraints.max_divergence
        if self._radius is not None and self.natural is None:
            raise ValueError("max_divergence needs the natural proportions")
        self.low, self.high, reasons = self._bounds()
        self._check(reasons)
        self._nearest = self._project()
        if self._radius is not None and self.divergence(self._nearest) > self._radius + 1e-9:
            raise Infeasible(
                f"max_divergence {self._radius:g} cannot be met: the bounds on domains force a divergence of "
                f"{self.divergence(self._nearest):.4g} from the natural proportions: raise it or loosen bounds"
            )

    def starts(self) -> list[Floats]:
        """The nearest mixture to the natural one, and corners drawn towards it until they are allowed."""
        rng = np.random.default_rng(0)
        found = [self._nearest]
        for _ in range(_RANDOM_STARTS):
            corner = self._least(rng.normal(size=len(self.domains)))
            share = 0.5
            while self._radius is not None and share > 1e-3 and self._outside(corner, share):
                share /= 2
            found.append(self._nearest + share * (corner - self._nearest))
        return found

    def divergence(self, x: Floats) -> float:
        """Nats from the natural mixture."""
        assert self.natural is not None
        q = self.natural
        used = x > 0
        with np.errstate(divide="ignore"):
            return float(np.sum(x[used] * (np.log(x[used]) - np.log(q[used]))))

    def constraints(self) -> list[dict[str, object]]:
        """For SLSQP."""
        ones = np.ones(len(self.domains))
        total: dict[str, object] = {"type": "eq", "fun": lambda x: x.sum() - 1, "jac": lambda _: ones}
        if self._radius is None:
            return [total]
        radius = self._radius
        near: dict[str, object] = {
            "type": "ineq",
            "fun": lambda x: radius - self.divergence(np.maximum(x, _TINY)),
            "jac": lambda x: -self._divergence_gradient(x),
        }
        return [total, near]

    def gap(self, x: Floats, gradient: Floats) -> float:
        """An upper bound of what any allowed mixture gains over ``x``, for a convex objective with this gradient.

        With a divergence, the bound is that of the Lagrangian, least over its multiplier: each multiplier gives one.
        """

        def bound(multiplier: float) -> float:
            slope, slack = gradient, 0.0
            if multiplier and self._radius is not None:
                slope = gradient + multiplier * self._divergence_gradient(x)
                slack = multiplier * (self._radius - self.divergence(x))
            return float(slope @ (x - self._least(slope))) + slack

        best = bound(0.0)
        if self._radius is not None:
            scale = 1 + float(np.ptp(gradient))
            powers = scipy.optimize.minimize_scalar(
                lambda t: bound(scale * 10.0**t), bounds=(-6, 3), method="bounded", options={"xatol": 1e-10}
            )
            best = min(best, float(powers.fun))
        return max(best, 0.0)

    def round(self, x: Floats) -> Floats:
        """``x`` in ten-thousandths, within the bounds and, if need be, drawn inwards until it is near enough."""
        for share in (0.0, *np.geomspace(1e-5, 1.0, 26)):
            rounded = round_weights(np.clip(x + share * (self._nearest - x), 0, None), self.low, self.high)
            if self._radius is None or self.divergence(rounded) <= self._radius:
                break
        return rounded

    def _natural(self) -> Floats | None:
        if not self._constraints.natural:
            return None
        q = np.array([self._constraints.natural.get(d, 0.0) for d in self.domains])
        if not np.all(np.isfinite(q)) or q.min() < 0 or q.sum() <= 0:
            raise ValueError(f"natural proportions must be finite and not negative; found {q.tolist()}")
        return np.asarray(q / q.sum(), np.float64)

    def _bounds(self) -> tuple[Floats, Floats, list[str]]:
        """Bounds of every domain, and in words what keeps it from more."""
        c, low, high, reasons = self._constraints, [], [], []
        for j, name in enumerate(self.domains):
            least, most = c.bounds.get(name, (0.0, 1.0))
            if not 0 <= least <= most <= 1:
                raise Infeasible(f"bounds of {name} are {least:g} to {most:g}; they must rise within 0 and 1")
            reason = f"{name} ≤ {most:g} (bound)" if name in c.bounds else ""
            if name in c.available and c.budget:
                cap = c.available[name] * c.max_epochs / c.budget
                if cap < most:
                    reason = f"{name} ≤ {cap:.4g} ({c.available[name]:,} tokens × {c.max_epochs:g} epochs)"
                    if cap < least:
                        raise Infeasible(
                            f"{name} must have at least {least:g} of {c.budget:,} tokens, but {reason}: lower its "
                            "bound or the budget, or raise max_epochs"
                        )
                    most = cap
            if self._radius is not None and self.natural is not None and self.natural[j] == 0:
                most, reason = 0.0, f"{name} ≤ 0 (none in the natural proportions, from which it must not diverge)"
                if least > 0:
                    raise Infeasible(f"{name} must have at least {least:g}, but {reason}: drop its bound")
            low.append(least)
            high.append(most)
            reasons.append(reason)
        return np.array(low), np.array(high), reasons

    def _check(self, reasons: list[str]) -> None:
        if (least := self.low.sum()) > 1 + 1e-9:
            named = ", ".join(f"{d} ≥ {v:g}" for d, v in zip(self.domains, self.low, strict=True) if v > 0)
            raise Infeasible(f"the least weights sum to {least:.4g}, more than 1: {named}: lower some")
        if (most := self.high.sum()) < 1 - 1e-9:
            c = self._constraints
            fits = f" to {int(most * c.budget):,} or less" if c.budget else ""
            named = ", ".join(r for r in reasons if r)
            raise Infeasible(
                f"at most {most:.4g} of the budget can be filled: {named}: add data, raise max_epochs or bounds, or "
                f"lower the budget{fits}"
            )

    def _project(self) -> Floats:
        """The allowed mixture of least divergence from the natural (else uniform) one: shares scaled and clipped."""
        q = np.full(len(self.domains), 1 / len(self.domains)) if self.natural is None else self.natural
        if self.natural is not None and (self.high[q == 0] > 0).any() and self._radius is None:
            q = np.maximum(q, 1e-6)  # without a divergence a domain of no natural share may still be needed

        def total(t: float) -> float:
            return float(np.clip(q * np.exp(t), self.low, self.high).sum()) - 1

        if total(-50) >= 0:  # the lower bounds leave nothing to share out
            return np.asarray(self.low / self.low.sum(), np.float64)
        t = float(scipy.optimize.brentq(total, -50, 50)) if total(50) > 0 else 50.0
        x = np.clip(q * np.exp(t), self.low, self.high)
        return np.asarray(x / x.sum(), np.float64)

    def _outside(self, corner: Floats, share: float) -> bool:
        assert self._radius is not None
        return self.divergence(self._nearest + share * (corner - self._nearest)) > self._radius

    def _divergence_gradient(self, x: Floats) -> Floats:
        assert self.natural is not None
        return np.asarray(np.log(np.maximum(x, _TINY)) - np.log(np.maximum(self.natural, _TINY)) + 1, np.float64)

    def _least(self, slope: Floats) -> Floats:
        """The mixture within the bounds of least ``slope · x``: what is free goes to the smallest slopes first."""
        x = self.low.copy()
        left = 1 - x.sum()
        for j in np.argsort(slope, kind="stable"):
            more = min(self.high[j] - x[j], left)
            x[j] += more
            left -= more
        return x


def _descend(value: object, gradient: object, space: _Space, start: Floats) -> Floats:
    """SLSQP from a start; the start itself when it fails."""
    found = scipy.optimize.minimize(
        value,
        start,
        jac=gradient,
        method="SLSQP",
        bounds=list(zip(space.low, space.high, strict=True)),
        constraints=space.constraints(),
        options={"ftol": 1e-13, "maxiter": 500},
    )
    x = np.clip(found.x, space.low, space.high)
    if not np.all(np.isfinite(x)) or abs(x.sum() - 1) > 1 / UNITS:
        return start
    return np.asarray(x, np.float64)
