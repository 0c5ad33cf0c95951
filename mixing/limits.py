"""Limits that candidates of a swarm obey: bounds of domains, and of sums over groups of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mixing.simplex import UNITS, Floats

_SWEEPS = 50
_BISECTIONS = 60
_EXACT = 1e-9


@dataclass(frozen=True)
class Limits:
    """``bounds`` of domains, ``(least, most)``, and groups: ``(members, least, most)`` of their sum."""

    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: Mapping[str, tuple[Collection[str], float, float]] = field(default_factory=dict)

    def on(self, names: Sequence[str]) -> Box:
        """The limits as arrays over ``names``. ValueError for unknown domains, and bounds that leave no mixture."""
        used = {*self.bounds, *(d for members, _, _ in self.groups.values() for d in members)}
        if unknown := sorted(used - {*names}):
            raise ValueError(f"limits name unknown domains {', '.join(unknown)}; there are {', '.join(names)}")
        every = {**self.bounds, **{f"group {g}": (least, most) for g, (_, least, most) in self.groups.items()}}
        for name, (least, most) in every.items():
            if not 0 <= least <= most <= 1:
                raise ValueError(f"bounds of {name} are {least:g} to {most:g}; they must rise within 0 and 1")
        low, high = (np.array([self.bounds.get(n, (0.0, 1.0))[i] for n in names]) for i in (0, 1))
        if low.sum() > 1 + _EXACT or high.sum() < 1 - _EXACT:
            raise ValueError(f"bounds leave no mixture: least weights sum to {low.sum():.4g}, most to {high.sum():.4g}")
        slack = len(names) / UNITS / 2  # rounding to ten-thousandths moves a sum by less
        groups = []
        for members, least, most in self.groups.values():
            inner = least + slack * (least > 0), most - slack * (most < 1)
            if inner[0] > inner[1]:
                inner = ((least + most) / 2,) * 2
            groups.append((np.isin(names, [*members]), *inner))
        return Box(low, high, groups)


@dataclass(frozen=True)
class Box:
    low: Floats  #: ``float64[m]``
    high: Floats
    groups: list[tuple[npt.NDArray[np.bool_], float, float]]

    def bring(self, X: Floats) -> Floats:
        """Rows of ``X[n, m]`` on the simplex moved within the limits; those that cannot be are dropped.

        Groups are scaled to their bounds and weights scaled and clipped to theirs in turns, as raking does.
        """
        if not self.groups and not self.low.any() and (self.high >= 1).all():
            return X
        X = self._clipped(X)
        for _ in range(_SWEEPS):
            before = X
            for members, least, most in self.groups:
                total = X[:, members].sum(1)
                wanted = np.clip(total, least, most)
                with np.errstate(divide="ignore", invalid="ignore"):
                    inside, outside = wanted / total, (1 - wanted) / (1 - total)
                even = wanted / members.sum(), (1 - wanted) / max((~members).sum(), 1)  # where a side has nothing
                scaled = np.where(
                    members,
                    np.where((total > 0)[:, None], X * np.nan_to_num(inside)[:, None], even[0][:, None]),
                    np.where((total < 1)[:, None], X * np.nan_to_num(outside)[:, None], even[1][:, None]),
                )
                X = self._clipped(np.where((wanted == total)[:, None], X, scaled))
            if np.abs(X - before).max(initial=0.0) < _EXACT:
                break
        good = np.ones(len(X), bool)
        for members, least, most in self.groups:
            total = X[:, members].sum(1)
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
