"""Gaussian process on the square roots of the weights, with a length of its own for every domain (ARD).

A Matérn-5/2 kernel and a linear one (Rasmussen and Williams 2006, 4.2); hyperparameters of most posterior density under
weak priors. Square roots spread out small weights, where metrics change most.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.optimize

from mixing.simplex import Floats

Flags = npt.NDArray[np.bool_]
_JITTER = 1e-6
_STEPS = 80
_LENGTH, _LENGTH_SD = 1.5, 1.0  #: of the logarithm of a length; features lie within 0 and 2
_OTHERS = np.array([0.0, -1.0, -5.0])  #: logarithms of the variances: Matérn, linear, noise
_OTHERS_SD = 2.0
_BOUNDS = [(-8.0, 8.0), (-12.0, 6.0), (-12.0, 2.0)]


@dataclass(frozen=True)
class GaussianProcess:
    """Posterior of one standardised metric ``z[n]`` at mixtures ``X[n, m]``; ``w[n]`` are the runs' precisions."""

    theta: Floats  #: logarithms of the m lengths, then of the variances: Matérn, linear, noise
    X: Floats
    z: Floats
    w: Floats

    def mean(self, X: Floats) -> Floats:
        """``float64[n]``."""
        return np.asarray(self._between(X) @ self._solved, np.float64)

    def variance(self, X: Floats) -> Floats:
        """Of a new run of ordinary precision, ``float64[n]``."""
        _, linear, noise = np.exp(self.theta[-3:])
        F = _features(X)
        explained = np.square(scipy.linalg.solve_triangular(self._root, self._between(X).T, lower=True)).sum(0)
        prior = np.exp(self.theta[-3]) + linear * (np.square(F).sum(1) + 1)
        return np.asarray(np.maximum(prior - explained, 0.0) + noise + _JITTER, np.float64)

    def without(self, test: Flags) -> Floats:
        """Means at the runs ``test`` had the process not seen them, with the same hyperparameters.

        Closed form (Rasmussen and Williams 2006, 5.4.2, by blocks).
        """
        block = self._inverse[np.ix_(test, test)]
        return np.asarray(self.z[test] - np.linalg.solve(block, self._solved[test]), np.float64)

    def left_out_variance(self) -> Floats:
        """Of each run had it been left out, ``float64[n]`` (the same, 5.12)."""
        return np.asarray(1 / np.diag(self._inverse), np.float64)

    @cached_property
    def _inverse(self) -> Floats:
        identity = np.eye(len(self.z))
        return np.asarray(scipy.linalg.cho_solve((self._root, True), identity, check_finite=False), np.float64)

    @cached_property
    def _root(self) -> Floats:
        K = _kernel(self.theta, _features(self.X), _features(self.X))
        K[np.diag_indices_from(K)] += np.exp(self.theta[-1]) / self.w + _JITTER
        return np.asarray(scipy.linalg.cholesky(K, lower=True, check_finite=False), np.float64)

    @cached_property
    def _solved(self) -> Floats:
        return np.asarray(scipy.linalg.cho_solve((self._root, True), self.z, check_finite=False), np.float64)

    def _between(self, X: Floats) -> Floats:
        return _kernel(self.theta, _features(X), _features(self.X))


def fit(X: Floats, z: Floats, w: Floats) -> GaussianProcess:
    """Hyperparameters by L-BFGS from the priors' means."""
    m = X.shape[1]
    F = _features(X)
    centre = np.concatenate([np.full(m, _LENGTH), _OTHERS])
    width = np.concatenate([np.full(m, _LENGTH_SD), np.full(3, _OTHERS_SD)])

    def penalised(theta: Floats) -> tuple[float, Floats]:
        try:
            value, gradient = _evidence(theta, F, z, w)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros_like(theta)
        off = (theta - centre) / width
        return value + 0.5 * float(off @ off), gradient + off / width

    found = scipy.optimize.minimize(
        penalised,
        centre,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-3.0, 6.0)] * m + _BOUNDS,
        options={"maxiter": _STEPS},
    )
    return GaussianProcess(np.asarray(found.x, np.float64), X, z, w)


def _features(X: Floats) -> Floats:
    return np.asarray(2 * np.sqrt(X), np.float64)


def _squares(theta: Floats, A: Floats, B: Floats) -> Floats:
    """Squared distances in lengths."""
    scale = np.exp(-theta[:-3])
    A, B = A * scale, B * scale
    return np.asarray(np.maximum(np.square(A).sum(1)[:, None] + np.square(B).sum(1) - 2 * A @ B.T, 0.0), np.float64)


def _kernel(theta: Floats, A: Floats, B: Floats) -> Floats:
    matern, linear, _ = np.exp(theta[-3:])
    r = np.sqrt(5 * _squares(theta, A, B))
    return np.asarray(matern * (1 + r + r * r / 3) * np.exp(-r) + linear * (A @ B.T + 1), np.float64)


def _evidence(theta: Floats, F: Floats, z: Floats, w: Floats) -> tuple[float, Floats]:
    """Negative logarithm of the marginal likelihood, and its gradient by ``theta``."""
    matern, linear, noise = np.exp(theta[-3:])
    r = np.sqrt(5 * _squares(theta, F, F))
    fall = np.exp(-r)
    smooth = matern * (1 + r + r * r / 3) * fall
    plane = linear * (F @ F.T + 1)
    K = smooth + plane
    K[np.diag_indices_from(K)] += noise / w + _JITTER
    root = scipy.linalg.cholesky(K, lower=True, check_finite=False, overwrite_a=True)
    solved = scipy.linalg.cho_solve((root, True), z, check_finite=False)
    value = 0.5 * float(z @ solved) + float(np.log(np.diag(root)).sum())
    inverse, _ = scipy.linalg.lapack.dpotri(root, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    G = 0.5 * (inverse - np.outer(solved, solved))
    H = G * (-5 / 6 * matern) * (1 + r) * fall  # by the squared distances
    along = np.square(F).T @ H.sum(1) - np.einsum("nk,nk->k", F, H @ F)
    by_length = -4 * np.exp(-2 * theta[:-3]) * along
    by_others = [np.vdot(G, smooth), np.vdot(G, plane), float(np.diag(G) @ (noise / w))]
    return value, np.concatenate([by_length, by_others])
