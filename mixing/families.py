"""Families of laws that predict one standardised metric from mixture weights, smooth and convex in the weights.

``X`` is ``float64[n, m]``, rows on the simplex. ``P`` holds the parameters of one law, ``float64[p]``, or of many,
``float64[laws, p]``; results have the same leading axes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import scipy.special

from mixing import least_squares
from mixing.simplex import Floats

Ints = npt.NDArray[np.int64]
_OFFSET = 1e-3  #: keeps powers of a weight of zero smooth
_STARTS = 4
_ROUNDS = 3
_NOISE = 1e-2  #: variance that is assumed at first
_LEAST_NOISE = 1e-5
_PRIOR_LAWS = 2


class Family(ABC):
    """A law with parameters, and how it learns them."""

    name: str
    spread: float  #: prior standard deviation of the parameters
    curved: bool = True  #: convex and not linear: then a metric may need its sign turned
    head: int  #: parameters before those of the domains, of which each block has one a domain

    @abstractmethod
    def prior(self, m: int) -> Floats:
        """``float64[p]``: what the parameters are drawn towards."""

    @abstractmethod
    def value(self, P: Floats, X: Floats) -> Floats:
        """``float64[..., n]``."""

    @abstractmethod
    def jacobian(self, P: Floats, X: Floats) -> Floats:
        """Derivatives by the parameters, ``float64[..., n, p]``."""

    @abstractmethod
    def gradient(self, P: Floats, X: Floats) -> Floats:
        """Derivatives by the weights, ``float64[..., n, m]``."""

    def loss(self, X: Floats, Z: Floats, W: Floats) -> Floats:
        """What a fit from the prior alone leaves, ``float64[laws]``."""
        prior = np.tile(self.prior(X.shape[1]), (len(Z), 1))
        return least_squares.fit(self, X, Z, W, prior, prior, np.full(len(Z), _NOISE))[1]

    def fit(self, X: Floats, Z: Floats, W: Floats, groups: Ints, starts: Floats | None = None) -> tuple[Floats, Floats]:
        """Parameters ``float64[laws, p]`` and noise variances ``float64[laws]`` for ``Z``, ``float64[laws, n]``.

        ``W[laws, n]`` weights the runs, 0 where a law is not to see one. From ``starts[laws, p]``, or the best of
        several points. Then some rounds of empirical Bayes (Morris 1983): the noise follows from what a law leaves, so
        that noisy metrics are shrunk more; and laws are drawn towards the median of their group instead of the prior,
        because metrics of one swarm resemble one another.
        """
        own = np.tile(self.prior(X.shape[1]), (len(Z), 1))
        prior, noise = own, np.full(len(Z), _NOISE)
        if starts is None:
            around = np.random.default_rng(0).normal(0.0, 0.7, (_STARTS - 1, own.shape[1]))
            fits = [least_squares.fit(self, X, Z, W, own + move, prior, noise) for move in (0.0, *around)]
            best = np.array([loss for _, loss in fits]).argmin(0)
            P = np.stack([P for P, _ in fits])[best, np.arange(len(Z))]
        else:
            P = least_squares.fit(self, X, Z, W, starts, prior, noise)[0]
        for _ in range(_ROUNDS):
            noise, prior = self._noise(P, X, Z, W, noise), self.shared(P, own, groups)
            P = least_squares.fit(self, X, Z, W, P, prior, noise)[0]
        return P, noise

    def _noise(self, P: Floats, X: Floats, Z: Floats, W: Floats, noise: Floats) -> Floats:
        """What is left for each run beyond the parameters that the runs, not the prior, decide (MacKay 1992)."""
        root = np.sqrt(W)
        left = np.square(least_squares.huber(root * (self.value(P, X) - Z))[0]).sum(1)
        decided = np.empty(len(P))
        for i, p in enumerate(P):
            J = root[i, :, None] * self.jacobian(p, X)
            A = J.T @ J
            decided[i] = np.trace(np.linalg.solve(A + noise[i] / self.spread**2 * np.eye(len(A)), A))
        runs = (W > 0).sum(1)
        return np.asarray(np.maximum(left / np.maximum(runs - decided, 1 + runs / 20), _LEAST_NOISE), np.float64)

    @staticmethod
    def shared(P: Floats, own: Floats, groups: Ints) -> Floats:
        """What laws ``P[laws, p]`` are drawn towards: the median of their group, itself drawn towards their prior."""
        shared = own.copy()
        for group in np.unique(groups):
            members = groups == group
            if (n := members.sum()) >= 3:  # the median of two follows either
                shared[members] = (n * np.median(P[members], axis=0) + _PRIOR_LAWS * own[members]) / (n + _PRIOR_LAWS)
        return shared


class Linear(Family):
    """z = c + w·x by least squares: RegMix's baseline."""

    name, spread, curved, head = "linear", 1e4, False, 1

    def prior(self, m: int) -> Floats:
        return np.zeros(1 + m)

    def value(self, P: Floats, X: Floats) -> Floats:
        return np.asarray(P[..., :1] + P[..., 1:] @ X.T, np.float64)

    def jacobian(self, P: Floats, X: Floats) -> Floats:
        J = np.hstack([np.ones((len(X), 1)), X])
        return np.broadcast_to(J, (*P.shape[:-1], *J.shape))

    def gradient(self, P: Floats, X: Floats) -> Floats:
        return np.broadcast_to(P[..., None, 1:], (*P.shape[:-1], *X.shape))

    def fit(self, X: Floats, Z: Floats, W: Floats, groups: Ints, starts: Floats | None = None) -> tuple[Floats, Floats]:
        P = np.stack([self._solve(X, z, w) for z, w in zip(Z, W, strict=True)])
        return P, self._noise(P, X, Z, W, np.full(len(P), _NOISE))

    def _solve(self, X: Floats, z: Floats, w: Floats) -> Floats:
        """Centred, so that the intercept is not drawn to zero; of no runs, zero."""
        root = np.sqrt(w / (w.sum() or 1.0))
        mean, centre = float(root**2 @ z), root**2 @ X
        y = root * (z - mean)
        U, s, V = np.linalg.svd(root[:, None] * (X - centre), full_matrices=False)
        slope = V.T @ (s / (s**2 + self._penalty(U, s, y, root)) * (U.T @ y))
        return np.concatenate([[mean - centre @ slope], slope])

    def _penalty(self, U: Floats, s: Floats, y: Floats, root: Floats) -> float:
        return 1e-9


class Ridge(Linear):
    """Linear with a penalty chosen by leave-one-out error, in closed form (Golub, Heath and Wahba 1979)."""

    name, spread = "ridge", 1.0

    def _penalty(self, U: Floats, s: Floats, y: Floats, root: Floats) -> float:
        def left_out(penalty: float) -> float:
            shrink = s**2 / (s**2 + penalty)
            leverage = (U**2) @ shrink + root**2
            return float(np.square((y - U @ (shrink * (U.T @ y))) / np.maximum(1 - leverage, 1e-6)).sum())

        return float(min(np.geomspace(1e-8, 10.0, 28), key=left_out))


class LogLinear(Family):
    """z = c + exp(w·x): the mixing law M4 of Ye et al. (arXiv 2403.16952), and OlmixBase (arXiv 2602.12237)."""

    name, spread, head = "log_linear", 3.0, 1

    def prior(self, m: int) -> Floats:
        return np.concatenate([[-1.8], np.zeros(m)])

    def value(self, P: Floats, X: Floats) -> Floats:
        return np.asarray(P[..., :1] + self._exponential(P, X), np.float64)

    def jacobian(self, P: Floats, X: Floats) -> Floats:
        by_w = self._exponential(P, X)[..., None] * X
        return np.concatenate([np.ones((*by_w.shape[:-1], 1)), by_w], axis=-1)

    def gradient(self, P: Floats, X: Floats) -> Floats:
        return np.asarray(self._exponential(P, X)[..., None] * P[..., None, 1:], np.float64)

    @staticmethod
    def _exponential(P: Floats, X: Floats) -> Floats:
        return np.asarray(np.exp(np.clip(P[..., 1:] @ X.T, -30, 30)), np.float64)


class PowerLawConcave(Family):
    """z = c + (e + Σ a_j ((x_j + δ)^b_j − δ^b_j))^−g with a, e, g > 0 and 0 < b < 1.

    Effective data with diminishing returns in each domain, then the power law of scaling: a convex decreasing function
    of a concave one, so convex in x. Parameters: c, g, e, a (m), b (m), through maps onto their ranges.
    """

    name, spread, head = "power_law_concave", 1.0, 3

    def prior(self, m: int) -> Floats:
        return np.concatenate([[-2.0, 0.0, -2.0], np.full(m, -1.0), np.zeros(m)])

    def value(self, P: Floats, X: Floats) -> Floats:
        _, g, _, _, _, _, _, effective = self._terms(P, X)
        return np.asarray(P[..., :1] + effective**-g, np.float64)

    def jacobian(self, P: Floats, X: Floats) -> Floats:
        logs, g, e, a, b, powers, floor, effective = self._terms(P, X)
        m = X.shape[1]
        loss = effective**-g
        slope = -g * loss / effective
        J = np.empty((*effective.shape, P.shape[-1]))
        J[..., 0] = 1.0
        J[..., 1] = -np.log(effective) * loss * scipy.special.expit(P[..., 1:2])
        J[..., 2] = slope * e
        by_a = slope[..., None] * a[..., None, :]
        J[..., 3 : 3 + m] = by_a * (powers - floor)
        J[..., 3 + m :] = by_a * (powers * logs - floor * np.log(_OFFSET)) * (b * (1 - b))[..., None, :]
        return J

    def gradient(self, P: Floats, X: Floats) -> Floats:
        _, g, _, a, b, powers, _, effective = self._terms(P, X)
        slope = -g * effective ** (-g - 1)
        return np.asarray(slope[..., None] * (a * b)[..., None, :] * powers / (X + _OFFSET), np.float64)

    @staticmethod
    def _terms(P: Floats, X: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats]:
        m = X.shape[1]
        logs = np.log(X + _OFFSET)
        g, e = np.logaddexp(0.0, P[..., 1:2]), np.exp(np.clip(P[..., 2:3], -12, 12))
        a = np.exp(np.clip(P[..., 3 : 3 + m], -12, 12))
        b = scipy.special.expit(np.clip(P[..., 3 + m :], -12, 12))
        powers = np.exp(b[..., None, :] * logs)
        floor = (_OFFSET**b)[..., None, :]
        return logs, g, e, a, b, powers, floor, e + np.einsum("...nm,...m->...n", powers - floor, a)


FAMILIES: dict[str, Family] = {f.name: f for f in (Linear(), Ridge(), LogLinear(), PowerLawConcave())}
