"""Candidates of a swarm moved within the constraints of a blend, by raking: each limit is met in turn, by scaling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixing.constraints import Constraints
from mixing.region import Region
from mixing.simplex import UNITS, Floats

_SWEEPS = 50
_BISECTIONS = 60
_EXACT = 1e-9


@dataclass(frozen=True)
class Raking:
    low: Floats  #: ``float64[m]``
    high: Floats
    groups: list[tuple[Floats, float, float]]  #: the part of each domain that counts, least and most

    @classmethod
    def of(cls, names: Sequence[str], constraints: Constraints) -> Raking:
        """For bounds, caps, what is excluded, and groups. ``Infeasible`` or ValueError as the solver's region says."""
        region = Region(names, constraints)
        slack = len(names) / UNITS / 2  # rounding to ten-thousandths moves a sum by less
        groups = []
        for group in constraints.groups.values():
            least, most = group.at_least + slack * (group.at_least > 0), group.at_most - slack * (group.at_most < 1)
            if least > most:
                least = most = (group.at_least + group.at_most) / 2
            groups.append((np.array([float(group.members.get(n, 0.0)) for n in names]), least, most))
        return cls(region.low, region.high, groups)

    def bring(self, X: Floats) -> Floats:
        """Rows of ``X[n, m]`` on the simplex moved within the limits; those that cannot be are dropped.

        Groups are scaled to their limits and weights scaled and clipped to theirs in turns.
        """
        if not self.groups and not self.low.any() and (self.high >= 1).all():
            return X
        X = self._clipped(X)
        for _ in range(_SWEEPS):
            before = X
            for parts, least, most in self.groups:
                total = X @ parts
                wanted = np.clip(total, least, most)
                with np.errstate(divide="ignore", invalid="ignore"):
                    inside, outside = wanted / total, (1 - wanted) / (1 - total)
                even = wanted / max(parts.sum(), _EXACT), (1 - wanted) / max((1 - parts).sum(), _EXACT)  # from nothing
                counted = np.where((total > 0)[:, None], X * np.nan_to_num(inside)[:, None], even[0][:, None])
                rest = np.where((total < 1)[:, None], X * np.nan_to_num(outside)[:, None], even[1][:, None])
                X = self._clipped(np.where((wanted == total)[:, None], X, parts * counted + (1 - parts) * rest))
            if np.abs(X - before).max(initial=0.0) < _EXACT:
                break
        good = np.ones(len(X), bool)
        for parts, least, most in self.groups:
            total = X @ parts
            good &= (total >= least - 1e-6) & (total <= most + 1e-6)
        return X[good]

    def _clipped(self, X: Floats) -> Floats:
        """Each row times the factor at which, clipped to the bounds, it sums to one; by bisection on the logarithm."""
        X = np.maximum(X, 1e-12)
        least, most = np.full(len(X), -40.0), np.full(len(X), 40.0)
        for _ in range(_BISECTIONS):
            middle = (least + most) / 2
            large = np.clip(X * np.exp(middle)[:, None], self.low, self.high).sum(1) > 1
            least, most = np.where(large, least, middle), np.where(large, middle, most)
        found = np.clip(X * np.exp(most)[:, None], self.low, self.high)
        return np.asarray(np.where(found < 1e-9, 0.0, found), np.float64)
