"""Hashes inside compiled functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

SEED = np.uint64(0xCBF29CE484222325)


@njit(inline="always", cache=True)
def fold(h: Any, x: Any) -> Any:
    """FNV-1a over one value (Fowler, Noll, Vo)."""
    return (h ^ np.uint64(x)) * np.uint64(0x100000001B3)


@njit(inline="always", cache=True)
def mix(h: Any) -> Any:
    """Finaliser after splitmix64: spreads every bit over the 64."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))
