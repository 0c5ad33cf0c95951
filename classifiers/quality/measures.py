"""How well scores tell one label from the rest, and which threshold does what is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


def auc(scores: Scores, positive: Flags) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney 1947); NaN when either side is empty."""
    from scipy.stats import rankdata

    n, m = int(positive.sum()), int((~positive).sum())
    if n == 0 or m == 0:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - n * (n + 1) / 2) / (n * m))


@dataclass(frozen=True)
class Curve:
    """Precision and recall of keeping what scores at least ``threshold``, from the highest threshold to the lowest."""

    threshold: Scores
    precision: Scores
    recall: Scores
    kept: Scores  #: share of all


def curve(scores: Scores, positive: Flags) -> Curve:
    """One point a distinct score."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.empty(0, np.int64)
    hits = np.cumsum(positive[order])[last]
    return Curve(ranked[last], hits / (last + 1), hits / max(int(positive.sum()), 1), (last + 1) / max(len(scores), 1))


def threshold_for_precision(scores: Scores, positive: Flags, precision: float) -> float:
    """The lowest threshold from which on precision is at least this. ValueError when no threshold has it."""
    found = curve(scores, positive)
    enough = np.flatnonzero(found.precision >= precision)
    if not len(enough):
        best = found.precision.max(initial=0.0)
        raise ValueError(f"no threshold reaches a precision of {precision:g}; the best is {best:.4f}")
    return float(found.threshold[enough[-1]])


def threshold_for_share(scores: Scores, share: float) -> float:
    """The threshold that keeps about this share of the texts, and never less of them where enough score alike."""
    if not len(scores):
        raise ValueError("no text was scored, so no threshold keeps a share of them")
    ranked = np.sort(scores)[::-1]
    return float(ranked[min(len(ranked), max(1, round(share * len(ranked)))) - 1])
