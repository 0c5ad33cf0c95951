"""A mergeable sketch of scores: counts in 4,096 cells of their log-odds, from which any quantile is read.

Sketches of parts add up to the sketch of the whole in any order, exactly. A quantile is right up to the share of scores
in one cell, which is narrower than 0.7 % of the odds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

CELLS = 4096
#: log-odds at the outer cells
_SPAN = 14.0

Counts = npt.NDArray[np.int64]


def cells(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The cell of each probability, rising with it; NaN counts as 0."""
    inside = np.nan_to_num(scores.astype(np.float64)).clip(1e-9, 1 - 1e-9)
    odds = np.log(inside / (1 - inside))
    return np.asarray(((odds + _SPAN) / (2 * _SPAN) * CELLS).clip(0, CELLS - 1), np.int64)


def sketch(scores: npt.NDArray[np.float32]) -> Counts:
    """``int64[4096]``: how many scores are in each cell."""
    return np.bincount(cells(scores), minlength=CELLS).astype(np.int64)


def merged(sparse: Iterable[Mapping[str, int]]) -> Counts:
    """The sum of sketches written by ``packed``."""
    total = np.zeros(CELLS, np.int64)
    for counts in sparse:
        for cell, n in counts.items():
            total[int(cell)] += n
    return total


def packed(counts: Counts) -> dict[str, int]:
    """The cells that are not empty, as JSON has them."""
    found = np.flatnonzero(counts)
    return {str(c): n for c, n in zip(found.tolist(), counts[found].tolist(), strict=True)}


def quantiles(counts: Counts, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``float32[n]`` in (0, 1): the share of all that scores lower, half of its own cell counted."""
    before = np.cumsum(counts) - counts / 2
    return np.asarray((before / max(int(counts.sum()), 1))[cells(scores)], np.float32)


def buckets(counts: Counts, scores: npt.NDArray[np.float32], number: int = 20) -> npt.NDArray[np.int16]:
    """``int16[n]``: 0 to ``number - 1``, the highest scores last; equal scores share a bucket."""
    return np.minimum(quantiles(counts, scores) * number, number - 1).astype(np.int16)


def drift(reference: Counts, scores: npt.NDArray[np.float32], bins: int = 10) -> float:
    """How far the model's certainty of some texts is from that of ``reference``: population stability index.

    Certainty is how far a score is from one half, so that a source of good texts alone has not drifted. Over ``bins``
    quantiles of the reference, with half an example more in each; below 0.1 there is little drift, above 0.25 much.
    """
    both = reference + reference[::-1]
    certain = np.where(np.arange(CELLS) >= CELLS // 2, both, 0)
    ranks = (np.cumsum(certain) - certain / 2) / max(int(certain.sum()), 1)
    bin_of = np.minimum(ranks * bins, bins - 1).astype(np.int64)
    old = np.bincount(bin_of, certain, bins) + 0.5
    new = np.bincount(bin_of[cells(np.maximum(scores, 1 - scores))], minlength=bins) + 0.5
    a, b = new / new.sum(), old / old.sum()
    return float(((a - b) * np.log(a / b)).sum())


def combined(quantiled: npt.NDArray[np.float32], how: str) -> npt.NDArray[np.float32]:
    """Of ``float32[models, n]`` quantiles, their ``max`` or ``mean`` (Su et al. 2024, arXiv:2412.02595)."""
    if how not in ("max", "mean"):
        raise ValueError(f"ensemble {how!r}: allowed are max, mean")
    return np.asarray(quantiled.max(axis=0) if how == "max" else quantiled.mean(axis=0, dtype=np.float64), np.float32)
