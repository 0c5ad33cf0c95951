"""Families of laws that predict one standardised metric from mixture weights, smooth and convex in the weights.

``X`` is ``float64[n, m]``, rows on the simplex; ``z`` is ``float64[n]`` with mean 0 and deviation 1. A family's fit
returns a parameter vector; its other methods are functions of that vector.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import scipy.optimize
import scipy.special

from mixing.simplex import Floats

_HUBER = 0.3  #: residuals above this many deviations count linearly: a bad run does not bend the law
_OFFSET = 1e-3  #: keeps powers of a weight of zero smooth


class Family(ABC):
    """A law with parameters ``p``."""

    name: str
    penalty: float  #: ridge towards ``prior``, in squared standard deviations
    curved: bool = True  #: convex and not linear: then a metric may need its sign turned

    @abstractmethod
    def prior(self, m: int) -> Floats:
        """What the parameters are drawn towards."""

    @abstractmethod
    def value(self, p: Floats, X: Floats) -> Floats:
        """``float64[n]``."""

    @abstractmethod
    def jacobian(self, p: Floats, X: Floats) -> Floats:
        """Derivatives by the parameters, ``float64[n, len(p)]``."""

    @abstractmethod
    def gradient(self, p: Floats, X: Floats) -> Floats:
        """Derivatives by the weights, ``float64[n, m]``."""

    def starts(self, m: int, n: int, rng: np.random.Generator) -> list[Floats]:
        """The prior, and ``n - 1`` points around it."""
        centre = self.prior(m)
        return [centre, *(centre + rng.normal(0.0, 0.7, len(centre)) for _ in range(n - 1))]

    def fit(self, X: Floats, z: Floats, starts: list[Floats]) -> tuple[Floats, float]:
        """Parameters of least penalised Huber loss over all starts, and that loss."""
        prior, weight = self.prior(X.shape[1]), np.sqrt(self.penalty)

        def residuals(p: Floats) -> Floats:
            return np.concatenate([_huber(self.value(p, X) - z)[0], weight * (p - prior)])

        def jacobian(p: Floats) -> Floats:
            slope = _huber(self.value(p, X) - z)[1]
            return np.vstack([slope[:, None] * self.jacobian(p, X), weight * np.eye(len(p))])

        fits = [
            scipy.optimize.least_squares(residuals, start, jac=jacobian, method="lm", max_nfev=300) for start in starts
        ]
        best = min(fits, key=lambda f: float(f.cost))
        return np.asarray(best.x, np.float64), float(best.cost)


class Linear(Family):
    """z = c + w·x by least squares: RegMix's baseline."""

    name, penalty, curved = "linear", 1e-9, False

    def prior(self, m: int) -> Floats:
        return np.zeros(1 + m)

    def value(self, p: Floats, X: Floats) -> Floats:
        return np.asarray(p[0] + X @ p[1:], np.float64)

    def jacobian(self, p: Floats, X: Floats) -> Floats:
        return np.hstack([np.ones((len(X), 1)), X])

    def gradient(self, p: Floats, X: Floats) -> Floats:
        return np.broadcast_to(p[1:], X.shape)

    def fit(self, X: Floats, z: Floats, starts: list[Floats]) -> tuple[Floats, float]:
        return self._solve(X, z, self.penalty)

    def _solve(self, X: Floats, z: Floats, penalty: float) -> tuple[Floats, float]:
        """Centred, so that the intercept is not drawn to zero."""
        mean, centre = z.mean(), X.mean(0)
        A = X - centre
        w = np.linalg.solve(A.T @ A + penalty * np.eye(X.shape[1]), A.T @ (z - mean))
        p = np.concatenate([[mean - centre @ w], w])
        return p, float(np.square(self.value(p, X) - z).sum() / 2)


class Ridge(Linear):
    """Linear with a penalty chosen by leave-one-out error, in closed form (Golub, Heath and Wahba 1979)."""

    name, penalty = "ridge", 1e-2

    def fit(self, X: Floats, z: Floats, starts: list[Floats]) -> tuple[Floats, float]:
        U, s, _ = np.linalg.svd(X - X.mean(0), full_matrices=False)
        c = z - z.mean()

        def left_out(penalty: float) -> float:
            shrink = s**2 / (s**2 + penalty)
            leverage = (U**2) @ shrink + 1 / len(z)
            return float(np.square((c - U @ (shrink * (U.T @ c))) / np.maximum(1 - leverage, 1e-6)).mean())

        return self._solve(X, z, min(np.geomspace(1e-6, 1e3, 28), key=left_out))


class LogLinear(Family):
    """z = c + exp(w·x): the mixing law M4 of Ye et al. (arXiv 2403.16952), and OlmixBase (arXiv 2602.12237)."""

    name, penalty = "log_linear", 1e-3

    def prior(self, m: int) -> Floats:
        return np.concatenate([[-1.8], np.zeros(m)])

    def value(self, p: Floats, X: Floats) -> Floats:
        return np.asarray(p[0] + self._exponential(p, X), np.float64)

    def jacobian(self, p: Floats, X: Floats) -> Floats:
        return np.hstack([np.ones((len(X), 1)), self._exponential(p, X)[:, None] * X])

    def gradient(self, p: Floats, X: Floats) -> Floats:
        return self._exponential(p, X)[:, None] * p[1:]

    @staticmethod
    def _exponential(p: Floats, X: Floats) -> Floats:
        return np.asarray(np.exp(np.clip(X @ p[1:], -30, 30)), np.float64)


class PowerLawConcave(Family):
    """z = c + (e + Σ a_j ((x_j + δ)^b_j − δ^b_j))^−g with a, e, g > 0 and 0 < b < 1.

    Effective data with diminishing returns in each domain, then the power law of scaling: a convex decreasing function
    of a concave one, so convex in x. Parameters: c, g, e, a (m), b (m), through maps onto their ranges.
    """

    name, penalty = "power_law_concave", 1e-2

    def prior(self, m: int) -> Floats:
        return np.concatenate([[-2.0, 0.0, -2.0], np.full(m, -1.0), np.zeros(m)])

    def value(self, p: Floats, X: Floats) -> Floats:
        _, g, _, _, _, _, effective = self._terms(p, X)
        return np.asarray(p[0] + effective**-g, np.float64)

    def jacobian(self, p: Floats, X: Floats) -> Floats:
        _, g, e, a, b, powers, effective = self._terms(p, X)
        loss = effective**-g
        slope = -g * loss / effective
        by_b = powers * np.log(X + _OFFSET) - _OFFSET**b * np.log(_OFFSET)
        columns = [
            np.ones((len(X), 1)),
            (-np.log(effective) * loss * scipy.special.expit(p[1]))[:, None],
            (slope * e)[:, None],
            slope[:, None] * a * (powers - _OFFSET**b),
            slope[:, None] * a * by_b * b * (1 - b),
        ]
        return np.hstack(columns)

    def gradient(self, p: Floats, X: Floats) -> Floats:
        _, g, _, a, b, powers, effective = self._terms(p, X)
        slope = -g * effective ** (-g - 1)
        return np.asarray(slope[:, None] * a * b * powers / (X + _OFFSET), np.float64)

    @staticmethod
    def _terms(p: Floats, X: Floats) -> tuple[float, float, float, Floats, Floats, Floats, Floats]:
        m = X.shape[1]
        g, e = float(np.logaddexp(0.0, p[1])), float(np.exp(np.clip(p[2], -12, 12)))
        a = np.exp(np.clip(p[3 : 3 + m], -12, 12))
        b = scipy.special.expit(np.clip(p[3 + m :], -12, 12))
        powers = (X + _OFFSET) ** b
        return float(p[0]), g, e, a, b, powers, e + (powers - _OFFSET**b) @ a


FAMILIES: dict[str, Family] = {f.name: f for f in (Linear(), Ridge(), LogLinear(), PowerLawConcave())}


def _huber(r: Floats) -> tuple[Floats, Floats]:
    """Residuals whose squares are Huber's loss, and their derivative."""
    size = np.abs(r)
    far = size > _HUBER
    root = np.sqrt(np.maximum(2 * _HUBER * size - _HUBER**2, _HUBER**2))
    return np.where(far, np.sign(r) * root, r), np.where(far, _HUBER / root, 1.0)
