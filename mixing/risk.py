"""What a prediction may turn out to be: the entropic value at risk over scenarios (Ahmadi-Javid 2012).

The worst mean over all weightings of the scenarios within ``risk² / 2`` nats of even ones. Of normally distributed
scenarios that is their mean and ``risk`` deviations. It is convex wherever every scenario is, and smooth, which
neither holds for a mean and a deviation.
"""

from __future__ import annotations

import math

import numpy as np

from mixing.simplex import Floats

_HALVINGS = 60
_RANGE = (1e-3, 1e6)  #: of the temperature's inverse, in deviations


def worst_weights(values: Floats, risk: float) -> Floats:
    """The weights of scenarios ``values[scenarios, k]`` at which each column's mean is worst; columns sum to one.

    Exponential in the values; by bisection on the logarithm of the temperature.
    """
    nats = risk**2 / 2
    top = values.max(0)
    spread = values.std(0)
    z = (values - top) / np.where(spread > 0, spread, 1.0)
    least, most = (np.full(values.shape[1], math.log(end)) for end in _RANGE)
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        far = _divergence(_tilted(z, middle)) > nats
        least, most = np.where(far, least, middle), np.where(far, middle, most)
    return _tilted(z, least)


def _tilted(z: Floats, log_inverse: Floats) -> Floats:
    q = np.exp(np.exp(log_inverse) * z)
    return np.asarray(q / q.sum(0), np.float64)


def _divergence(q: Floats) -> Floats:
    """Nats from even weights."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(q > 0, q * np.log(q * len(q)), 0.0).sum(0), np.float64)
