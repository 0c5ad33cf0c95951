"""Mixture weights as whole ten-thousandths, which print exactly, compare exactly and sum to one; and whole counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UNITS = 10_000
Floats = npt.NDArray[np.float64]


def round_weights(weights: Floats, lower: Floats | None = None, upper: Floats | None = None) -> Floats:
    """``weights[m]`` (≥ 0, any positive sum) as multiples of 1e-4 that sum to one, by largest remainders.

    With bounds, no weight leaves ``[lower, upper]`` so long as the bounds leave room on the 1e-4 grid; where they do
    not, the bounds give way by less than 1e-4.
    """
    weights = np.asarray(weights, np.float64)
    if not np.all(np.isfinite(weights)) or weights.min(initial=0.0) < 0 or weights.sum() <= 0:
        raise ValueError(f"weights must be finite, not negative and not all zero; found {weights.tolist()}")
    exact = weights / weights.sum() * UNITS
    low = np.zeros(len(exact)) if lower is None else np.ceil(np.asarray(lower) * UNITS - 1e-6)
    high = np.full(len(exact), float(UNITS)) if upper is None else np.floor(np.asarray(upper) * UNITS + 1e-6)
    high = np.maximum(high, low)
    if not low.sum() <= UNITS <= high.sum():
        low, high = np.floor(exact), np.ceil(exact)
    units = np.clip(np.floor(exact + 1e-9), low, high)
    while (missing := int(UNITS - units.sum())) != 0:
        step = 1 if missing > 0 else -1
        room = units < high if step > 0 else units > low
        gain = np.where(room, step * (exact - units), -np.inf)
        chosen = np.argsort(-gain, kind="stable")[: min(abs(missing), int(room.sum()))]
        units[chosen] += step
    return np.asarray(units / UNITS + 0.0, np.float64)  # no negative zeros


def whole(exact: Floats, total: int) -> npt.NDArray[np.int64]:
    """``exact[m]``, which sums to ``total``, as integers that do, by largest remainders; ties go to the first."""
    counts: npt.NDArray[np.int64] = np.floor(exact + 1e-9).astype(np.int64)
    counts[np.argsort(-(exact - counts), kind="stable")[: total - int(counts.sum())]] += 1
    return counts
