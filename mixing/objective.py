"""What a mixture is chosen for: an aggregate of predicted metrics, and metrics that must not get worse."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from mixing import risk
from mixing.laws import Laws
from mixing.region import Region
from mixing.repetition import Repetition
from mixing.simplex import Floats

KINDS = ("mean", "worst")
MOST_RISK = 2.5  #: deviations: farther out there are too few scenarios

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Objective:
    """Always minimised.

    ``weights`` of metrics, divided by the sum of their sizes (default: all alike); a negative one is for a metric where
    more is better. ``mean`` is their weighted mean. ``worst`` is the largest of the groups' weighted mean changes
    against the natural mixture, or against the mean of the runs where none is known (DoReMi's excess loss, Xie et al.
    2023); without ``groups`` every metric is one. ``risk`` looks at what the runs allow beside the likeliest laws: the
    worst mean over scenarios, which for normal errors is that many deviations above the mean (``mixing.risk``).
    ``no_worse`` allows no metric to be worse than under the natural mixture by more than this, in its own units.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    kind: Literal["mean", "worst"] = "mean"
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    risk: float = 0.0
    no_worse: float | None = None

    def shares(self, metrics: Sequence[str]) -> dict[str, float]:
        """Weights of the metrics that count, sizes summing to one. ValueError for unknown metrics or groups."""
        if self.kind not in KINDS:
            raise ValueError(f"unknown objective {self.kind!r}; there are {', '.join(KINDS)}")
        if not 0 <= self.risk <= MOST_RISK:
            raise ValueError(f"risk is {self.risk:g}; it must be within 0 and {MOST_RISK:g} deviations")
        if self.no_worse is not None and not 0 <= self.no_worse < np.inf:
            raise ValueError(f"no_worse is {self.no_worse:g}; it must not be negative")
        grouped = [m for members in self.groups.values() for m in members]
        for names in (self.weights, grouped):
            if unknown := [m for m in names if m not in metrics]:
                raise ValueError(f"unknown metrics {unknown} in the objective; there are {list(metrics)}")
        if twice := sorted({m for m in grouped if grouped.count(m) > 1}):
            raise ValueError(f"metrics in two groups of the objective: {', '.join(twice)}")
        weights = self.weights or dict.fromkeys(grouped or metrics, 1.0)
        total = sum(abs(w) for w in weights.values())
        if not np.isfinite(total) or total <= 0:
            raise ValueError(f"the weights of the objective must be finite and not all zero; found {dict(weights)}")
        if missing := [m for m in grouped if not weights.get(m)]:
            raise ValueError(f"groups of the objective name metrics without weight: {', '.join(missing)}")
        return {m: w / total for m, w in weights.items() if w}


class Problem:
    """An objective over a region, as smooth functions: minimise the largest of ``parts`` with all ``sides`` ≤ 0.

    ``parts`` has one function for a mean and one a group for a worst case. All are evaluated together, once a point.
    """

    def __init__(
        self,
        laws: Laws,
        objective: Objective,
        region: Region,
        reference: Floats,
        errors: Sequence[Floats] = (),
        repetition: Repetition | None = None,
    ) -> None:
        """``reference[m]`` is what a worst case is measured against where the region knows no natural mixture.

        ``errors`` are those of the laws' parameters in every scenario; an objective with a risk needs them.
        ``repetition`` is by default what the region's constraints say of it.
        """
        self.region, self.risk, self._objective, self.errors = region, objective.risk, objective, errors
        self.shares = objective.shares(laws.metrics)
        self.order = np.array([region.domains.index(d) for d in laws.domains])  #: x[order] is in the laws' order
        self.repetition = repetition or Repetition.of(region.domains, region.constraints)
        self._sign = np.array([-1.0 if self.shares.get(m, 1.0) < 0 else 1.0 for m in laws.metrics])
        self._base = region.natural if region.natural is not None else reference
        self.parts = self._components(laws.metrics)  #: coefficients over metrics, a row a part
        self.side_names: list[str] = []
        if objective.no_worse is not None:
            if region.natural is None:
                raise ValueError("no_worse needs the natural proportions: give `natural`")
            self.side_names = [f"{m} no worse than natural by more than {objective.no_worse:g}" for m in laws.metrics]
        if region.radius is not None:
            self.side_names.append(f"divergence from natural ≤ {region.radius:g} nats")
        self._take(laws)

    def _take(self, laws: Laws) -> None:
        """Everything that follows from the laws."""
        self.laws, no_worse = laws, self._objective.no_worse
        self._wasted = self._worst_domains(laws)
        self._scenarios = laws.moved(self.errors) if self.risk else None
        self._wasted_by_scenario = self._worst_domains(self._scenarios) if self._scenarios else None
        at_base = self._means(self._base)[0]
        worst = self._objective.kind == "worst"
        self.offset = -(self.parts @ at_base) if worst else np.zeros(len(self.parts))
        if self._scenarios and self._wasted_by_scenario is not None:
            # laws bend: the scenarios' mean is not quite the fit's, and brought to it where mixtures are compared
            mean = self._of(self._scenarios, self._wasted_by_scenario, self._base)[0].mean(0)
            self.offset = self.offset + self.parts @ (at_base - mean)
        held = no_worse is not None
        self.sides = np.diag(self._sign) if held else np.zeros((0, len(laws.metrics)))
        self.limits = self._sign * at_base + (no_worse or 0.0) if held else np.zeros(0)
        constrained = dict(zip(laws.metrics, self._sign.tolist(), strict=True)) if held else {}
        self.convex = self.repetition.concave and laws.convex(self.shares) and laws.convex(constrained)
        self._last: tuple[bytes, tuple[Floats, Floats, Floats, Floats]] = (b"", (at_base,) * 4)

    def with_laws(self, laws: Laws) -> Problem:
        """The same problem under other laws of the same metrics."""
        other = copy.copy(self)
        other._take(laws)
        return other

    def without_risk(self) -> Problem:
        """The same problem for someone who does not mind it."""
        other = copy.copy(self)
        other.risk, other._last = 0.0, (b"", self._last[1])
        return other

    def value(self, x: Floats) -> float:
        """The objective."""
        return float(self.evaluate(x)[0].max())

    def excess(self, x: Floats) -> float:
        """By how much the worst-kept constraint of all is broken."""
        return max(self.region.excess(x), float(self.evaluate(x)[2].max(initial=-np.inf)))

    def evaluate(self, x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Parts ``[k]`` and their gradients ``[k, m]``, sides ``[q]`` and theirs, at one mixture."""
        key = x.tobytes()
        if self._last[0] != key:
            self._last = (key, self._evaluate(x))
        return self._last[1]

    def metrics(self, x: Floats) -> Floats:
        """Predicted metrics, repetition counted."""
        return self._means(x)[0]

    def _evaluate(self, x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        means, slopes = self._means(x)
        parts, by_part = self.parts @ means + self.offset, self.parts @ slopes
        if self.risk:
            parts, by_part = self._at_risk(x)
        sides, by_side = self.sides @ means - self.limits, self.sides @ slopes
        if self.region.radius is not None:
            sides = np.append(sides, self.region.divergence(np.maximum(x, 0)) - self.region.radius)
            by_side = np.vstack([by_side, self.region.divergence_gradient(x)])
        return parts, by_part, sides, by_side

    def _means(self, x: Floats) -> tuple[Floats, Floats]:
        """Metrics ``[metrics]`` and their gradients ``[metrics, m]`` in the region's order of domains.

        Where data decays by repetition, less than the whole weight counts. In a power law of effective data the rest
        adds nothing. Other laws are defined on the simplex alone: there the rest counts as the domain that helps the
        metric least, which keeps a convex law of a weighted sum convex.
        """
        return self._of(self.laws, self._wasted, x)

    def _of(self, laws: Laws, wasted: Ints, x: Floats) -> tuple[Floats, Floats]:
        """The same of any laws, with a leading axis over draws where they have one."""
        counted, by_x = self.repetition.effective(x)
        order = self.order
        if self.repetition.decay is None:
            X = counted[order][None]
            return laws.means(X)[..., 0, :], self._back(laws.gradients(X)[..., 0, :, :])
        kinds, lost = np.unique(wasted), np.diag(self.repetition.lost(counted))
        rows = np.array([counted if k < 0 else counted + lost[k] for k in kinds])[:, order]
        at = np.searchsorted(kinds, wasted)[..., None, :]
        means = np.take_along_axis(laws.means(rows), at, -2)[..., 0, :]
        slopes = self._back(np.take_along_axis(laws.gradients(rows), at[..., None], -3)[..., 0, :, :])
        least = np.take_along_axis(slopes, np.maximum(wasted, 0)[..., None], -1)
        lesser = np.where(wasted[..., None] < 0, 0.0, least * self.repetition.mates[wasted])
        return means, (slopes - lesser) @ by_x

    def _back(self, slopes: Floats) -> Floats:
        """Columns from the laws' order of domains to the region's."""
        out = np.empty_like(slopes)
        out[..., self.order] = slopes
        return out

    def _at_risk(self, x: Floats) -> tuple[Floats, Floats]:
        """Parts and their gradients, each over the scenarios that are worst for it."""
        assert self._scenarios is not None
        assert self._wasted_by_scenario is not None
        means, slopes = self._of(self._scenarios, self._wasted_by_scenario, x)
        values = means @ self.parts.T + self.offset
        q = risk.worst_weights(values, self.risk)
        by_law = np.einsum("sk,kt->kst", q, self.parts).reshape(len(self.parts), -1)
        return (q * values).sum(0), by_law @ slopes.reshape(-1, len(x))

    def _components(self, metrics: Sequence[str]) -> Floats:
        """Coefficients of the parts over metrics."""
        c, groups = np.array([self.shares.get(m, 0.0) for m in metrics]), self._objective.groups
        if self._objective.kind == "mean":
            return c[None]
        grouped = {m for members in groups.values() for m in members}
        sets = [*groups.values(), *([m] for m in self.shares if m not in grouped)]
        rows = np.array([[c[i] if m in g else 0.0 for i, m in enumerate(metrics)] for g in sets])
        return np.asarray(rows / np.abs(rows).sum(1, keepdims=True), np.float64)

    def _worst_domains(self, laws: Laws) -> Ints:
        """For each metric the domain that helps it least, by its prediction there; −1 for laws of effective data."""
        return np.where(laws.of_effective_data(), -1, self.order[laws.least_helpful(self._sign)])
