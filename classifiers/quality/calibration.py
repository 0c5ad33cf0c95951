"""From raw scores to probabilities: isotonic regression on scores of texts the model had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: part of a probability that keeps rising where the steps of isotonic regression are flat, so that order is kept
_SLOPE = 1e-3
_BINS = 15


@dataclass(frozen=True)
class Calibration:
    """Rising knots: raw score to probability, straight between them."""

    raw: Floats
    probability: Floats

    def __call__(self, raw: Floats) -> npt.NDArray[np.float32]:
        """``float32[n]``: in (0, 1), rising with ``raw``."""
        stepped = np.interp(raw, self.raw, self.probability)
        rising = 0.5 + np.arctan(raw - self.raw.mean()) / np.pi
        return np.asarray((1 - _SLOPE) * stepped + _SLOPE * rising, np.float32)


def fit(raw: Floats, positive: npt.NDArray[np.bool_]) -> Calibration:
    """Isotonic regression (Barlow et al. 1972), knots in the middle of its steps; one more example of each side."""
    from sklearn.isotonic import IsotonicRegression

    ends = np.concatenate([raw, [raw.max(), raw.min()]])
    truth = np.concatenate([positive, [False, True]])  # so that no text is certain
    steps = IsotonicRegression().fit_transform(ends, truth)
    values, where = np.unique(steps, return_inverse=True)
    middle = np.bincount(where, ends) / np.bincount(where)
    return Calibration(middle, values)


def error(probability: npt.NDArray[np.float32], positive: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error in 15 bins of equal width (Guo et al. 2017, arXiv:1706.04599)."""
    bins = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
    sizes = np.bincount(bins, minlength=_BINS)
    gaps = np.abs(np.bincount(bins, probability, _BINS) - np.bincount(bins, positive, _BINS))
    return float(gaps.sum() / max(sizes.sum(), 1))
