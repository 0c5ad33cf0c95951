"""The mixtures allowed, as named linear constraints on the simplex and a ball of divergence around the natural one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.optimize

from mixing.constraints import Constraints
from mixing.infeasible import Infeasible, irreducible
from mixing.simplex import UNITS, Floats, round_weights

TINY = 1e-12
_SLACK = 1e-9
_SHOWN = 12  #: constraints that an error names


@dataclass(frozen=True, eq=False)
class Row:
    """``coefficients · x ≤ limit``.

    ``cap`` marks limits that shrink as the budget grows, ``ratio`` proportions, which whole ten-thousandths keep to the
    nearest or not at all: 1 to √2 is 0 to 0.
    """

    name: str
    coefficients: Floats
    limit: float
    cap: bool = False
    ratio: bool = False


class Region:
    """Compiled ``Constraints`` over ``domains``. ``Infeasible`` when no mixture obeys the linear ones."""

    def __init__(self, domains: Sequence[str], constraints: Constraints) -> None:
        constraints.check(domains)
        self.domains, self.constraints = tuple(domains), constraints
        self.natural = self._natural()
        self.radius = constraints.max_divergence
        self.rows = self._rows()
        self.A = np.array([r.coefficients for r in self.rows]).reshape(len(self.rows), len(self.domains))
        self.b = np.array([r.limit for r in self.rows])
        if not self._met(self.rows):
            raise self._clash()
        self.low, self.high = self._box()
        self.nearest = self._nearest()

    def divergence(self, x: Floats) -> float:
        """Nats from the natural mixture."""
        assert self.natural is not None
        used = x > 0
        with np.errstate(divide="ignore"):
            return float(np.sum(x[used] * (np.log(x[used]) - np.log(self.natural[used]))))

    def divergence_gradient(self, x: Floats) -> Floats:
        assert self.natural is not None
        return np.asarray(np.log(np.maximum(x, TINY)) - np.log(np.maximum(self.natural, TINY)) + 1, np.float64)

    def excess(self, x: Floats) -> float:
        """By how much ``x`` breaks the worst-kept constraint; not positive when it keeps all."""
        worst = float((self.A @ x - self.b).max(initial=-math.inf))
        if self.radius is not None:
            worst = max(worst, self.divergence(x) - self.radius)
        return max(worst, float(-x.min()))

    def least(self, slope: Floats) -> Floats:
        """The mixture of least ``slope · x`` under the linear constraints."""
        found = _linear(slope, self.A, self.b)
        assert found.status == 0, found.message
        return np.asarray(found.x, np.float64)

    def corners(self, count: int) -> list[Floats]:
        """Different mixtures under all constraints: vertices, drawn towards the nearest mixture where need be."""
        rng = np.random.default_rng(0)
        found = []
        for _ in range(count):
            corner, share = self.least(rng.normal(size=len(self.domains))), 0.5
            while self.radius is not None and share > 1e-3 and self._far(corner, share):
                share /= 2
            found.append(np.asarray(self.nearest + share * (corner - self.nearest), np.float64))
        return found

    def round(self, x: Floats) -> Floats:
        """``x`` in ten-thousandths under the linear constraints, if the grid allows that; else off by less than one.

        Proportions are kept to a ten-thousandth.
        """
        rounded = round_weights(np.clip(np.round(x, 10), 0, None), self.low, self.high)
        b = self.b + np.array([row.ratio for row in self.rows]) / UNITS
        if not len(b) or float((self.A @ rounded - b).max()) <= _SLACK:
            return rounded
        n = len(x)
        # whole units u and distances d: the least sum of d with d ≥ |u − exact|, and the constraints kept
        exact = x * UNITS
        eye = np.eye(n)
        sides = [
            scipy.optimize.LinearConstraint(np.hstack([np.ones((1, n)), np.zeros((1, n))]), UNITS, UNITS),
            scipy.optimize.LinearConstraint(np.hstack([self.A, np.zeros_like(self.A)]), -np.inf, b * UNITS + 1e-6),
            scipy.optimize.LinearConstraint(np.hstack([eye, -eye]), -np.inf, exact),
            scipy.optimize.LinearConstraint(np.hstack([-eye, -eye]), -np.inf, -exact),
        ]
        found = scipy.optimize.milp(
            np.concatenate([np.zeros(n), np.ones(n)]),
            integrality=np.concatenate([np.ones(n), np.zeros(n)]),
            bounds=scipy.optimize.Bounds(0, np.concatenate([np.full(n, UNITS), np.full(n, np.inf)])),
            constraints=sides,
        )
        return rounded if found.x is None else np.asarray(np.round(found.x[:n]) / UNITS, np.float64)

    def without(self, rows: Sequence[Row]) -> Region:
        """This region with only the linear constraints ``rows``, which must be feasible."""
        other = object.__new__(Region)
        other.__dict__.update(self.__dict__)
        other.rows = list(rows)
        other.A = np.array([r.coefficients for r in rows]).reshape(len(rows), len(self.domains))
        other.b = np.array([r.limit for r in rows])
        other.low, other.high = other._box()
        other.nearest = other._nearest()
        return other

    def slsqp(self) -> list[dict[str, object]]:
        """The linear constraints that are no bounds, and the sum, for SLSQP."""
        several = [i for i, row in enumerate(self.rows) if np.count_nonzero(row.coefficients) > 1]
        A, b, ones = self.A[several], self.b[several], np.ones(len(self.domains))
        sides: list[dict[str, object]] = [{"type": "eq", "fun": lambda x: x.sum() - 1, "jac": lambda _: ones}]
        if several:
            sides.append({"type": "ineq", "fun": lambda x: b - A @ x, "jac": lambda _: -A})
        return sides

    def _natural(self) -> Floats | None:
        if not self.constraints.natural:
            return None
        q = np.array([float(self.constraints.natural.get(d, 0.0)) for d in self.domains])
        return np.asarray(q / q.sum(), np.float64)

    def _rows(self) -> list[Row]:
        c, eye = self.constraints, np.eye(len(self.domains))
        rows: list[Row] = []
        for j, name in enumerate(self.domains):
            least, most = c.bounds.get(name, (0.0, 1.0))
            if least > 0:
                rows.append(Row(f"{name} ≥ {least:g}", -eye[j], -least))
            if most < 1:
                rows.append(Row(f"{name} ≤ {most:g}", eye[j], most))
            if name in c.excluded:
                rows.append(Row(f"{name} is excluded", eye[j], 0.0))
            if name in c.available and c.budget:
                cap = c.most(name, c.available[name]) / c.budget
                if cap < 1:
                    said = f"{c.available[name]:,} tokens × {c.epochs(name):g} epochs of a budget of {c.budget:,}"
                    rows.append(Row(f"{name} ≤ {cap:.4g} ({said})", eye[j], cap, cap=True))
            if self.radius is not None and self.natural is not None and self.natural[j] == 0:
                rows.append(Row(f"{name} ≤ 0 (max_divergence from proportions that lack it)", eye[j], 0.0))
        for name, group in c.groups.items():
            parts = np.array([float(group.members.get(d, 0.0)) for d in self.domains])
            if group.at_least > 0:
                rows.append(Row(f"{name} ≥ {group.at_least:g}", -parts, -group.at_least))
            if group.at_most < 1:
                rows.append(Row(f"{name} ≤ {group.at_most:g}", parts, group.at_most))
        for held in c.frozen:
            parts = np.array([float(held.get(d, 0.0)) for d in self.domains]) / sum(held.values())
            members = np.array([d in held for d in self.domains], np.float64)
            for j in np.flatnonzero(members)[:-1]:  # the last follows from the others
                ratio = eye[j] - parts[j] * members
                name = f"{self.domains[j]} is {parts[j]:.4g} of {', '.join(held)}"
                rows += [Row(name, ratio, 0.0, ratio=True), Row(name, -ratio, 0.0, ratio=True)]
        for ladder in c.ladders:
            for lower, upper in pairwise(ladder):
                step = np.zeros(len(self.domains))
                size = min(c.available[lower], c.available[upper])
                step[self.domains.index(lower)] = size / c.available[lower]
                step[self.domains.index(upper)] = -size / c.available[upper]
                rows.append(Row(f"epochs of {lower} ≤ epochs of {upper}", step, 0.0))
        return rows

    def _box(self) -> tuple[Floats, Floats]:
        low, high = np.zeros(len(self.domains)), np.ones(len(self.domains))
        for row in self.rows:
            (used,) = np.nonzero(row.coefficients)
            if len(used) == 1:
                j, limit = int(used[0]), row.limit / row.coefficients[used[0]]
                if row.coefficients[j] > 0:
                    high[j] = min(high[j], limit)
                else:
                    low[j] = max(low[j], limit)
        return low, np.maximum(low, high)

    def _met(self, rows: Sequence[Row]) -> bool:
        A = np.array([r.coefficients for r in rows]).reshape(len(rows), len(self.domains))
        found = _linear(np.zeros(len(self.domains)), A, np.array([r.limit for r in rows]))
        return bool(found.status == 0)

    def _clash(self) -> Infeasible:
        rows = irreducible(self.rows, self._met)
        return self.clash([row.name for row in rows], rows)

    def clash(self, names: Sequence[str], rows: Sequence[Row]) -> Infeasible:
        """The error that names constraints that cannot be met together, of which ``rows`` are the linear ones."""
        shown = [*names[:_SHOWN], *([f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else [])]
        text = f"no mixture meets {'these together' if len(names) > 1 else 'this'}: {'; '.join(shown)}"
        if all(row.limit >= 0 and np.count_nonzero(row.coefficients) == 1 for row in rows) and len(rows) == len(names):
            text += f": at most {sum(r.limit for r in rows if r.coefficients.max() > 0):.4g} of the blend can be filled"
        remedy = "loosen one of them"
        if any(row.cap for row in rows) and (budget := self._largest_budget(rows)):
            remedy = f"lower the budget to {budget:,} or less, raise max_epochs, or {remedy}"
        return Infeasible(f"{text}: {remedy}")

    def _largest_budget(self, rows: Sequence[Row]) -> int:
        """The budget at which the caps of ``rows`` are wide enough; 0 when they alone are not to blame."""
        n = len(self.domains)
        A = np.array([[*r.coefficients, -r.limit if r.cap else 0.0] for r in rows])
        b = np.array([0.0 if r.cap else r.limit for r in rows])
        found = scipy.optimize.linprog(
            np.concatenate([np.zeros(n), [1.0]]),
            A_ub=A,
            b_ub=b,
            A_eq=np.concatenate([np.ones(n), [0.0]])[None],
            b_eq=[1.0],
            bounds=[(0, 1)] * n + [(1, None)],
            method="highs",
        )
        return int(self.constraints.budget / found.x[-1] * (1 - 1e-9)) if found.status == 0 else 0

    def _nearest(self) -> Floats:
        """The mixture under the linear constraints of least divergence from the natural (else uniform) one."""
        q = np.full(len(self.domains), 1 / len(self.domains)) if self.natural is None else self.natural
        q = np.maximum(q, 1e-9)  # a domain of no natural share may still be needed
        if not self.rows or float((self.A @ q - self.b).max()) <= 0:
            return np.asarray(q / q.sum(), np.float64)
        start = np.clip(q, self.low, self.high)
        start = start + (1 - start.sum()) * (self.high - start) / max(float((self.high - start).sum()), TINY)
        if float((self.A @ start - self.b).max()) > _SLACK:
            start = np.mean([self.least(s) for s in (*np.eye(len(q)), *-np.eye(len(q)))], axis=0)
        found = scipy.optimize.minimize(
            lambda x: float(np.sum(np.maximum(x, TINY) * np.log(np.maximum(x, TINY) / q))),
            start,
            jac=lambda x: np.log(np.maximum(x, TINY) / q) + 1,
            method="SLSQP",
            bounds=list(zip(self.low, self.high, strict=True)),
            constraints=self.slsqp(),
            options={"ftol": 1e-12, "maxiter": 300},
        )
        x = np.clip(found.x, self.low, self.high)
        kept = abs(x.sum() - 1) < 1e-8 and float((self.A @ x - self.b).max()) < 1e-8
        return np.asarray(x / x.sum() if kept else start, np.float64)

    def _far(self, corner: Floats, share: float) -> bool:
        assert self.radius is not None
        return self.divergence(self.nearest + share * (corner - self.nearest)) > self.radius


def _linear(slope: Floats, A: Floats, b: Floats) -> scipy.optimize.OptimizeResult:
    n = len(slope)
    return scipy.optimize.linprog(
        slope, A_ub=A if len(b) else None, b_ub=b if len(b) else None, A_eq=np.ones((1, n)), b_eq=[1.0],
        bounds=(0, 1), method="highs",
    )  # fmt: skip
