"""Penalised robust least squares of many laws at once, by Levenberg and Marquardt's method.

All laws see the same mixtures, so one step of all is a few products of stacked matrices; a law that has settled leaves
the stack.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from mixing.simplex import Floats

_HUBER = 0.3  #: residuals above this many deviations count linearly: a bad run does not bend the law
_STEPS = 200
_SETTLED = 1e-9  #: relative gain of a step below which a law is done
_LONGEST = 2.0  #: of a step, in each parameter
_CELLS = 8_000_000  #: of the Jacobians held at once


class _Law(Protocol):
    spread: float

    def value(self, P: Floats, X: Floats) -> Floats: ...
    def jacobian(self, P: Floats, X: Floats) -> Floats: ...


def fit(
    law: _Law, X: Floats, Z: Floats, W: Floats, starts: Floats, prior: Floats, noise: Floats
) -> tuple[Floats, Floats]:
    """Parameters ``float64[laws, p]`` and losses ``float64[laws]``, least Σ huber(√w (law(x) − z)) + λ |p − prior|².

    ``Z`` and ``W`` are ``float64[laws, n]``, ``starts`` and ``prior`` ``float64[laws, p]``; λ is the variance
    ``noise[laws]`` by the prior one of the parameters, so that this is the most probable law.
    """
    batch = max(1, _CELLS // (X.shape[0] * starts.shape[1]))
    done = [
        _fit(law, X, *(array[i : i + batch] for array in (Z, W, starts, prior, noise / law.spread**2)))
        for i in range(0, len(Z), batch)
    ]
    return np.concatenate([P for P, _ in done]), np.concatenate([loss for _, loss in done])


def _fit(
    law: _Law, X: Floats, Z: Floats, W: Floats, starts: Floats, prior: Floats, penalty: Floats
) -> tuple[Floats, Floats]:
    root = np.sqrt(W)
    P, damping = starts.copy(), np.ones(len(starts))
    diagonal = np.arange(P.shape[1])

    def losses(of: Floats, at: npt.NDArray[np.int64]) -> Floats:
        robust = huber(root[at] * (law.value(of, X) - Z[at]))[0]
        return np.asarray(np.square(robust).sum(1) + penalty[at] * np.square(of - prior[at]).sum(1), np.float64)

    active = np.arange(len(P))
    loss = losses(P, active)
    for _ in range(_STEPS):
        here = P[active]
        robust, slope = huber(root[active] * (law.value(here, X) - Z[active]))
        J = (slope * root[active])[..., None] * law.jacobian(here, X)
        A = J.transpose(0, 2, 1) @ J
        A[:, diagonal, diagonal] += penalty[active, None]
        A[:, diagonal, diagonal] += damping[active, None] * (A[:, diagonal, diagonal] + 1e-8)
        downhill = np.einsum("bnp,bn->bp", J, robust) + penalty[active, None] * (here - prior[active])
        step = -np.linalg.solve(A, downhill[..., None])[..., 0]
        tried = here + np.clip(step, -_LONGEST, _LONGEST)
        found = losses(tried, active)
        better = np.isfinite(found) & (found < loss[active])
        gain = 1 - found / np.maximum(loss[active], 1e-300)
        taken = active[better]
        P[taken], loss[taken] = tried[better], found[better]
        damping[active] = np.where(better, np.maximum(damping[active] * 0.3, 1e-9), damping[active] * 4)
        active = active[~((better & (gain < _SETTLED)) | (damping[active] > 1e9))]
        if not len(active):
            break
    return P, loss


def huber(r: Floats) -> tuple[Floats, Floats]:
    """Residuals whose squares are Huber's loss, and their derivative."""
    size = np.abs(r)
    far = size > _HUBER
    root = np.sqrt(np.maximum(2 * _HUBER * size - _HUBER**2, _HUBER**2))
    return np.where(far, np.sign(r) * root, r), np.where(far, _HUBER / root, 1.0)
