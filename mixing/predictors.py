"""Fitted models of one metric in its own units: a law, a Gaussian process, trees, and the mean of two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from mixing.families import FAMILIES, Family
from mixing.gaussian_process import GaussianProcess
from mixing.simplex import Floats
from mixing.trees import Trees


class Predictor(Protocol):
    """Predicts one metric; ``variance`` is of a new run, up to a factor that cross-validation fixes."""

    @property
    def family(self) -> str: ...
    def mean(self, X: Floats) -> Floats: ...
    def variance(self, X: Floats) -> Floats: ...
    def left_out_variance(self) -> Floats:
        """At each run learned from, had it been left out."""
        ...

    def noise_variance(self) -> float:
        """Of a typical run, as far as the model tells noise from misfit."""
        ...


@dataclass(frozen=True)
class Law:
    """``centre + scale * law(x)``; a negative scale turns a metric upside down, so that the law stays convex."""

    law: Family
    parameters: Floats
    centre: float
    scale: float
    noise: float  #: variance of the standardised metric about the law
    X: Floats  #: mixtures learned from, and their relative precisions
    w: Floats

    @property
    def family(self) -> str:
        return self.law.name

    def mean(self, X: Floats) -> Floats:
        return np.asarray(self.centre + self.scale * self.law.value(self.parameters, X), np.float64)

    def variance(self, X: Floats) -> Floats:
        """Of noise and, linearised, of the parameters (Seber and Wild 1989, 5.1)."""
        return 1 + self._leverage(self.law.jacobian(self.parameters, X))

    def left_out_variance(self) -> Floats:
        """1 / (1 - h): what the leverage h of a run becomes without it (Sherman and Morrison)."""
        h = self.w * self._leverage(self.law.jacobian(self.parameters, self.X))
        return np.asarray((1 / self.w) / np.maximum(1 - h, 0.05), np.float64)

    def noise_variance(self) -> float:
        return self.noise * self.scale**2

    def covariance(self, variance: float) -> Floats:
        """Of the parameters' errors, ``float64[p, p]``, where standardised runs vary by ``variance`` about the law.

        Where runs say nothing the prior alone bounds them.
        """
        J = self.law.jacobian(self.parameters, self.X) * np.sqrt(self.w)[:, None]
        precision = J.T @ J / variance + np.eye(J.shape[1]) / self.law.spread**2
        return np.asarray(np.linalg.inv(precision), np.float64)

    @cached_property
    def _inverse(self) -> Floats:
        J = self.law.jacobian(self.parameters, self.X) * np.sqrt(self.w)[:, None]
        penalty = self.noise / self.law.spread**2
        return np.asarray(np.linalg.pinv(J.T @ J + penalty * np.eye(J.shape[1]), hermitian=True), np.float64)

    def _leverage(self, J: Floats) -> Floats:
        return np.asarray(np.maximum(np.einsum("ij,jk,ik->i", J, self._inverse, J), 0.0), np.float64)


@dataclass(frozen=True)
class Standardised:
    """``centre + scale * model(x)`` of a Gaussian process or of trees."""

    model: GaussianProcess | Trees
    centre: float
    scale: float
    n: int

    @property
    def family(self) -> str:
        return "gp" if isinstance(self.model, GaussianProcess) else "lightgbm"

    def mean(self, X: Floats) -> Floats:
        return np.asarray(self.centre + self.scale * self.model.mean(X), np.float64)

    def variance(self, X: Floats) -> Floats:
        return np.asarray(self.scale**2 * self.model.variance(X), np.float64)

    def left_out_variance(self) -> Floats:
        if isinstance(self.model, GaussianProcess):
            return np.asarray(self.scale**2 * self.model.left_out_variance(), np.float64)
        return np.full(self.n, self.scale**2)

    def noise_variance(self) -> float:
        return self.scale**2 * (float(np.exp(self.model.theta[-1])) if isinstance(self.model, GaussianProcess) else 1.0)


@dataclass(frozen=True)
class Calibrated:
    """A predictor whose variance has been brought to the size of its cross-validated errors."""

    predictor: Predictor
    factor: float

    def mean(self, X: Floats) -> Floats:
        return self.predictor.mean(X)

    def deviation(self, X: Floats) -> Floats:
        """Standard deviation of a new run, ``float64[n]``."""
        return np.asarray(np.sqrt(self.factor * self.predictor.variance(X)), np.float64)

    def left_out_variance(self) -> Floats:
        """At each run learned from, had it been left out."""
        return np.asarray(self.factor * self.predictor.left_out_variance(), np.float64)


@dataclass(frozen=True)
class Ensemble:
    """The mean of two predictors, ``share`` of it the first's; where they differ, it is less sure."""

    first: Calibrated
    second: Calibrated
    share: float

    @property
    def family(self) -> str:
        return f"{self.first.predictor.family}+{self.second.predictor.family}"

    def mean(self, X: Floats) -> Floats:
        return self.share * self.first.mean(X) + (1 - self.share) * self.second.mean(X)

    def variance(self, X: Floats) -> Floats:
        first, second = np.square(self.first.deviation(X)), np.square(self.second.deviation(X))
        return combined(self.share, first, second, self.first.mean(X) - self.second.mean(X))

    def by_precision(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean and variance with shares that follow the mixture: inverse to what each says of its own variance there.

        These are the best weights of forecasts that err independently (Bates and Granger 1969). Among the runs a
        process is often the surer; beyond them it falls back on its prior and says so, and the first leads.
        """
        first, second = np.square(self.first.deviation(X)), np.square(self.second.deviation(X))
        share = np.divide(second, first + second, out=np.full_like(first, 0.5), where=first + second > 0)
        means = self.first.mean(X), self.second.mean(X)
        mean = share * means[0] + (1 - share) * means[1]
        return np.asarray(mean, np.float64), combined(share, first, second, means[0] - means[1])

    def left_out_variance(self) -> Floats:
        """Without their difference, which in-sample is too small; cross-validation adds its own."""
        first, second = (p.left_out_variance() for p in (self.first, self.second))
        return combined(self.share, first, second, 0.0)

    def noise_variance(self) -> float:
        return min(p.predictor.noise_variance() for p in (self.first, self.second))


def combined(share: Floats | float, first: Floats, second: Floats, difference: Floats | float) -> Floats:
    """Variance of a mean of predictors that err alike: the mean of theirs, and what their difference adds."""
    own = share * first + (1 - share) * second
    return np.asarray(own + share * (1 - share) * np.square(difference), np.float64)


def to_json(p: Predictor) -> dict[str, Any]:
    """What ``from_json`` needs besides the runs."""
    if isinstance(p, Law):
        numbers = {"centre": p.centre, "scale": p.scale, "noise": p.noise}
        return {"family": p.family, "parameters": p.parameters.tolist(), **numbers}
    if isinstance(p, Ensemble):
        members = [{**to_json(c.predictor), "factor": c.factor} for c in (p.first, p.second)]
        return {"family": "ensemble", "members": members, "share": p.share}
    assert isinstance(p, Standardised)
    learned = {"theta": p.model.theta.tolist()} if isinstance(p.model, GaussianProcess) else {"text": p.model.text}
    return {"family": p.family, **learned, "centre": p.centre, "scale": p.scale}


def from_json(d: Mapping[str, Any], X: Floats, y: Floats, w: Floats) -> Predictor:
    """``X``, ``y`` and ``w`` are the mixtures, values and precisions of the runs that have this metric."""
    if d["family"] == "ensemble":
        first, second = (Calibrated(from_json(m, X, y, w), float(m["factor"])) for m in d["members"])
        return Ensemble(first, second, float(d["share"]))
    centre, scale = float(d["centre"]), float(d["scale"])
    if d["family"] == "gp":
        theta = np.array(d["theta"], np.float64)
        return Standardised(GaussianProcess(theta, X, (y - centre) / scale, w), centre, scale, len(y))
    if d["family"] == "lightgbm":
        return Standardised(Trees(str(d["text"])), centre, scale, len(y))
    parameters = np.array(d["parameters"], np.float64)
    return Law(FAMILIES[d["family"]], parameters, centre, scale, float(d["noise"]), X, w)
