"""Repeated cross-validation: every run is predicted by models that never saw its mixture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.stats

from mixing.simplex import Floats

Flags = npt.NDArray[np.bool_]
_MANY = 64  #: runs from which five folds tell enough; below, eight
_INTERVAL = 0.9


@dataclass(frozen=True)
class Scores:
    """Of predictions of runs left out, over all repeats, in the metric's units."""

    error: float  #: mean absolute error, each at most the metric's own deviation
    rmse: float
    r2: float | None
    spearman: float | None  #: mean of the repeats'
    merit: float  #: what decides: geometric mean of relative error and of what is missing from a perfect ranking
    factor: float  #: by which the model's variances are too small
    coverage: float  #: share of runs within the interval that should hold 90 %, scaled by the other folds' errors


def folds(mixtures: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """``int64[repeats, runs]``: the fold of every run. Runs of one mixture share a fold, or a repeat would tell."""
    numbers = np.unique(mixtures)
    n = len(numbers)
    k, repeats = (5, 2) if n >= _MANY else (min(8, n), 3 if n > 8 else 1)
    place = np.empty((repeats, int(numbers.max()) + 1), np.int64)
    for r in range(repeats):
        place[r, numbers] = np.random.default_rng([r, n]).permutation(n) % k
    return place[:, mixtures]


def splits(fold: npt.NDArray[np.int64]) -> Iterator[tuple[int, Flags]]:
    """(repeat, runs left out) of every fold of every repeat."""
    for r, row in enumerate(fold):
        for f in range(int(row.max()) + 1):
            yield r, row == f


def score(predicted: Floats, y: Floats, variance: Floats, fold: npt.NDArray[np.int64]) -> Scores:
    """``predicted[repeats, n]`` of ``y[n]``; ``variance`` is the model's own, ``[n]`` or ``[repeats, n]``."""
    spread = float(y.std())
    error = np.abs(predicted - y)
    capped = np.minimum(error, spread)  # laws go astray at a corner that was left out; one such run must not decide
    rmse = float(np.sqrt(np.square(error).mean()))
    ranks = [r for r in (spearman(row, y) for row in predicted) if r is not None]
    rho = float(np.mean(ranks)) if ranks else None
    relative = float(capped.mean()) / spread if spread > 0 else 0.0
    ratios = np.square(capped) / np.broadcast_to(np.maximum(variance, 1e-300), capped.shape)
    return Scores(
        error=float(capped.mean()),
        rmse=rmse,
        r2=1 - rmse**2 / spread**2 if spread > 0 else None,
        spearman=rho,
        merit=float(np.sqrt(relative * (1 - rho))) if rho is not None else relative,
        factor=float(ratios.mean()),
        coverage=_coverage(ratios, fold),
    )


def spearman(a: Floats, b: Floats) -> float | None:
    """None where either is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(scipy.stats.spearmanr(a, b).statistic)


def _coverage(ratios: Floats, fold: npt.NDArray[np.int64]) -> float:
    limit = float(scipy.stats.norm.ppf((1 + _INTERVAL) / 2)) ** 2
    inside = []
    for r, test in splits(fold):
        rest = ratios[r, ~test]
        if rest.size:
            inside.append(ratios[r, test] <= limit * rest.mean())
    return float(np.concatenate(inside).mean()) if inside else float("nan")
