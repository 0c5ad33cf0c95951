"""Laws that the runs allow beside the likeliest, drawn by randomising and then optimising (Bardsley and others 2014).

An error drawn from about the normal approximation at the fit (Laplace's; MacKay 1992) moves the predictions of the runs
along their tangents; the draw is the law that predicts what they moved to. Parameters that runs hardly tell apart bend
so strongly that errors by the curvature at the fit alone would lead ten deviations away, or a hundred. The noise is
that of the cross-validated errors, so misfit counts as well; and errors of metrics go together as their residuals do,
as all come from the same mixtures (seemingly unrelated regressions, Zellner 1962).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mixing.laws import Laws
from mixing.predictors import Law
from mixing.simplex import Floats
from mixing.surrogate import Surrogate

DRAWS = 64
_STEPS = 8
_SETTLED = 1e-2  #: of a prior deviation: a step below which a draw is done
_LONGEST = 1.0  #: of a step
_HALVINGS = 40


def errors(surrogate: Surrogate, laws: Laws, draws: int = DRAWS) -> list[Floats]:
    """Errors of the parameters of ``laws``, those of ``surrogate``: ``float64[draws, laws, p]`` a stack.

    They begin in pairs of opposite ones, and follow the domains' names: another order of domains has the same draws.
    Stacks err apart, as their parameters mean different things.
    """
    names = np.argsort(np.argsort(surrogate.domains))
    together = _correlations(surrogate)
    found = []
    for number, s in enumerate(laws.stacks):
        many, p = s.parameters.shape
        blocks = range(s.family.head, p, len(names))
        order = np.concatenate([np.arange(s.family.head), *(first + names for first in blocks)]).astype(np.int64)
        z = np.random.default_rng([number, many, p]).standard_normal((draws // 2, many, p))[..., order]
        sign = np.sign(s.scale)
        z = np.einsum("ij,djp->dip", _root(sign[:, None] * together[np.ix_(s.at, s.at)] * sign), z)
        z = np.concatenate([z, -z])
        found.append(np.stack([_draws(surrogate, laws.metrics[s.at[i]], z[:, i]) for i in range(many)], axis=1))
    return found


def _draws(surrogate: Surrogate, metric: str, z: Floats) -> Floats:
    """Errors of one law from standard normal ``z[draws, p]``."""
    law = surrogate.laws[metric]
    covariance, variance = surrogate.uncertainty(metric)
    lengths, axes = _axes(law, covariance, variance)
    error = z @ ((axes * lengths) @ axes.T)
    J = law.law.jacobian(law.parameters, law.X)
    wanted = law.law.value(law.parameters, law.X) + error @ J.T
    back = (law.w[:, None] * J) @ covariance / variance
    moved, active = error.copy(), np.arange(len(z))
    for _ in range(_STEPS):  # chords: the slopes are those at the fit throughout
        short = wanted[active] - law.law.value(law.parameters + moved[active], law.X)
        step = short @ back + (error[active] - moved[active]) @ covariance / law.law.spread**2
        moved[active] += np.clip(step, -_LONGEST, _LONGEST)
        active = active[np.abs(step).max(1) > _SETTLED * law.law.spread]
        if not len(active):
            break
    return moved


def _axes(law: Law, covariance: Floats, variance: float) -> tuple[Floats, Floats]:
    """Principal deviations of a law's parameters, ``float64[p]``, and their directions, a column each.

    A deviation is one where the fit's loss rises by one along it, as in the error sets of parton distributions (Pumplin
    and others 2001): the curvature at the fit says so only of a law that hardly bends. The bend is measured at the end
    of the axis, and again at where that puts the end.
    """
    values, axes = np.linalg.eigh(covariance)
    longest = np.sqrt(np.maximum(values, 0.0))
    J, fitted = law.law.jacobian(law.parameters, law.X), law.law.value(law.parameters, law.X)
    along = (J @ axes).T
    lengths = longest
    for sign in (1.0, -1.0):
        length = longest
        for _ in range(2):
            far = sign * np.maximum(length, 1e-9)[:, None]
            bend = (law.law.value(law.parameters + far * axes.T, law.X) - fitted - far * along) / far**2
            slope = (law.w * along**2).sum(1) / variance + 1 / law.law.spread**2
            both = 2 * sign * (law.w * along * bend).sum(1) / variance
            bent = (law.w * bend**2).sum(1) / variance
            least, length = np.zeros(len(longest)), longest
            for _ in range(_HALVINGS):
                middle = (least + length) / 2
                over = slope * middle**2 + both * middle**3 + bent * middle**4 > 1
                least, length = np.where(over, least, middle), np.where(over, middle, length)
        lengths = np.minimum(lengths, length)
    return lengths, axes


def _root(A: Floats) -> Floats:
    """The symmetric square root of a covariance, ``float64[p, p]``."""
    values, vectors = np.linalg.eigh(A)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T, np.float64)


def _correlations(surrogate: Surrogate) -> Floats:
    """``float64[metrics, metrics]``, of what runs left out differ from their predictions by."""
    off = surrogate.crossvalidated - surrogate.measured
    known: npt.NDArray[np.bool_] = ~np.isnan(off)
    off = np.where(known, off, 0.0)
    sizes = np.sqrt(np.square(off).sum(0))
    scaled = off / np.where(sizes > 0, sizes, 1.0)
    found = scaled.T @ scaled
    found[np.diag_indices_from(found)] = 1.0
    return np.asarray(found, np.float64)
