"""The convex laws of all metrics, stacked by family, so that one point costs a few products of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixing.families import FAMILIES, Family, PowerLawConcave
from mixing.simplex import Floats
from mixing.surrogate import Surrogate


@dataclass(frozen=True, eq=False)
class Stack:
    """Laws of one family: ``centre + scale * family(x)`` for the metrics at ``at``."""

    family: Family
    at: npt.NDArray[np.int64]  #: their places among the metrics
    parameters: Floats  #: ``float64[laws, p]``, or ``float64[draws, laws, p]``
    centre: Floats
    scale: Floats  #: negative for a metric turned upside down


@dataclass(frozen=True, eq=False)
class Laws:
    """What the solver minimises; or many draws of it at once, over which every result has a leading axis then."""

    domains: tuple[str, ...]
    metrics: tuple[str, ...]
    stacks: tuple[Stack, ...]

    @classmethod
    def of(cls, surrogate: Surrogate) -> Laws:
        """Those that plan for a surrogate."""
        laws = [surrogate.laws[m] for m in surrogate.metrics]
        stacks = []
        for name in sorted({law.family for law in laws}):
            at = np.array([i for i, law in enumerate(laws) if law.family == name], np.int64)
            P = np.stack([laws[i].parameters for i in at])
            centre, scale = (np.array([getattr(laws[i], of) for i in at]) for of in ("centre", "scale"))
            stacks.append(Stack(FAMILIES[name], at, P, centre, scale))
        return cls(surrogate.domains, surrogate.metrics, tuple(stacks))

    def means(self, X: Floats) -> Floats:
        """``float64[n, metrics]`` for mixtures ``X[n, domains]``."""
        out = np.empty((*self._draws(), len(X), len(self.metrics)))
        for s in self.stacks:
            values = s.centre[:, None] + s.scale[:, None] * s.family.value(s.parameters, X)
            out[..., s.at] = values.swapaxes(-1, -2)
        return out

    def gradients(self, X: Floats) -> Floats:
        """``float64[n, metrics, domains]``."""
        out = np.empty((*self._draws(), len(X), len(self.metrics), X.shape[1]))
        for s in self.stacks:
            slopes = s.scale[:, None, None] * s.family.gradient(s.parameters, X)
            out[..., s.at, :] = slopes.swapaxes(-2, -3)
        return out

    def moved(self, errors: Sequence[Floats]) -> Laws:
        """Draws of the laws, of parameters off by ``errors``, ``float64[draws, laws, p]`` a stack."""
        return replaced(self, [(s.parameters + e, s.centre, s.scale) for s, e in zip(self.stacks, errors, strict=True)])

    def convex(self, weights: Mapping[str, float]) -> bool:
        """Whether the weighted sum of metrics is certainly convex in the mixture."""
        w = self._weights(weights)
        return all(not s.family.curved or bool((s.scale * w[s.at] >= 0).all()) for s in self.stacks)

    def least_helpful(self, sign: Floats) -> npt.NDArray[np.int64]:
        """For each metric the domain alone that is worst for it; ``sign[metrics]`` is −1 where more is better."""
        return np.asarray(np.argmax(self.means(np.eye(len(self.domains))) * sign, axis=-2), np.int64)

    def of_effective_data(self) -> npt.NDArray[np.bool_]:
        """For each metric, whether its law is one of effective data, defined for any amounts and not for shares."""
        out = np.zeros(len(self.metrics), bool)
        for s in self.stacks:
            out[s.at] = isinstance(s.family, PowerLawConcave)
        return out

    def _draws(self) -> tuple[int, ...]:
        return self.stacks[0].parameters.shape[:-2]

    def _weights(self, weights: Mapping[str, float]) -> Floats:
        return np.array([weights.get(m, 0.0) for m in self.metrics])


def replaced(laws: Laws, parameters: Sequence[tuple[Floats, Floats, Floats]]) -> Laws:
    """The laws with other parameters, centres and scales, a triple a stack."""
    stacks = tuple(Stack(s.family, s.at, *new) for s, new in zip(laws.stacks, parameters, strict=True))
    return Laws(laws.domains, laws.metrics, stacks)
