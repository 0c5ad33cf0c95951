"""Noise of a run, from repeats of the same mixture; larger at some mixtures than at others where the repeats say so.

The variance is taken to grow with the concentration Σ x² of a mixture (1 at a corner), log-linearly, with one slope for
all metrics: repeats are few. The slope is shrunk by its own uncertainty (James and Stein 1961), so that repeats that do
not differ leave every run the same weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.special

from mixing.simplex import Floats

_MOST = 100.0  #: a run counts at most this much more or less than the typical one


@dataclass(frozen=True)
class Noise:
    sd: Floats  #: ``float64[metrics]``, of a typical run; NaN without repeats
    precision: Floats  #: ``float64[runs]``, relative, 1 for the typical run


def mixtures(X: Floats) -> npt.NDArray[np.int64]:
    """``int64[runs]``: runs of the same mixture have the same number."""
    return np.asarray(np.unique(np.round(X, 6), axis=0, return_inverse=True)[1].ravel(), np.int64)


def measure(X: Floats, Y: Floats) -> Noise:
    """``X`` is ``float64[runs, domains]``, ``Y`` ``float64[runs, metrics]`` with NaN for what is missing."""
    group = mixtures(X)
    spread, freedom, concentration = [], [], []
    for g in np.flatnonzero(np.bincount(group) > 1):
        y = Y[group == g]
        seen = (~np.isnan(y)).sum(0)
        mean = np.where(seen > 0, np.nansum(y, axis=0) / np.maximum(seen, 1), 0.0)
        spread.append(np.nansum(np.square(y - mean), axis=0))
        freedom.append(np.maximum(seen - 1, 0))
        concentration.append(float(np.square(X[group == g][0]).sum()))
    if not spread:
        return Noise(np.full(Y.shape[1], np.nan), np.ones(len(X)))
    S, d = np.array(spread), np.array(freedom, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = S.sum(0) / d.sum(0)
    slope = _slope(S, d, np.array(concentration), pooled)
    log_precision = -slope * (np.square(X).sum(1) - np.median(np.square(X).sum(1)))
    precision = np.clip(np.exp(log_precision), 1 / _MOST, _MOST)
    return Noise(np.sqrt(pooled), np.asarray(precision / np.median(precision), np.float64))


def _slope(S: Floats, d: Floats, concentration: Floats, pooled: Floats) -> float:
    """Of the log variance by concentration, by weighted least squares over all groups and metrics."""
    usable = (d > 0) & (S > 0) & (pooled > 0)
    h, k = np.broadcast_to(concentration[:, None], S.shape)[usable], d[usable]
    if len(np.unique(h)) < 2:
        return 0.0
    # a variance of k degrees of freedom: its logarithm is off by digamma(k/2) - log(k/2) and varies by trigamma(k/2)
    y = np.log((S / np.maximum(d, 1) / np.where(pooled > 0, pooled, 1.0))[usable])
    y -= scipy.special.digamma(k / 2) - np.log(k / 2)
    w = 1 / scipy.special.polygamma(1, k / 2)
    h = h - np.average(h, weights=w)
    information = float(w @ np.square(h))
    if information <= 0:
        return 0.0
    slope = float(w @ (h * (y - np.average(y, weights=w)))) / information
    variance = S.shape[1] / information  # metrics of one run are wrong together: counted as if they were one
    return slope * max(0.0, 1 - float(variance) / max(slope**2, 1e-12))
