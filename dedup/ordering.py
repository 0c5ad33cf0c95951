"""Sorting records by a random key, and those few of equal keys by a second."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

#: records of a run from which on merging runs costs less than sorting anew
_RUN = 256


def in_order(keys: npt.NDArray[np.uint64], seconds: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """As ``np.lexsort((seconds, keys))`` in a fraction of the time.

    Keys that come in sorted runs are merged, others sorted by NumPy's vectorised, unstable, sort; a stable sort by both
    is left for equal keys whose seconds are not in order.
    """
    merging = np.count_nonzero(keys[1:] < keys[:-1]) * _RUN < len(keys)
    order = np.argsort(keys, kind="stable" if merging else "quicksort")
    ordered = keys[order]
    equal = ordered[1:] == ordered[:-1]
    if not equal.any():
        return order
    after = seconds[order]
    if not (equal & (after[1:] < after[:-1])).any():
        return order
    tied = np.flatnonzero(np.concatenate([equal, [False]]) | np.concatenate([[False], equal]))
    some = order[tied]
    order[tied] = some[np.lexsort((seconds[some], keys[some]))]
    return order
