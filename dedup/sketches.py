"""Sketches: two bits of each of 128 entries of a signature, enough to tell from afar that two texts are not alike.

They travel with the keys, so that documents that share a bucket by chance, or by boilerplate, part there again and no
text is read for them (b-bit minwise hashing: Li and König 2010).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from dedup.params import MinHashParams
from dedup.shingles import mix

#: 64-bit words of a sketch, each of 32 entries
WORDS = 4
ENTRIES = 32 * WORDS
_CHANCE = 0.25  #: that two bits agree by chance
#: standard deviations by which an estimate may lie below the threshold: one pair in seven hundred is missed
_MARGIN = 3.0


def sketches(signatures: npt.NDArray[np.uint64], params: MinHashParams) -> npt.NDArray[np.uint64]:
    """``uint64[n, WORDS]`` of ``uint64[n, hashes]``; of fewer than 128 hashes each gives one entry."""
    out = np.zeros((len(signatures), WORDS), np.uint64)
    _sketches(signatures, entries(params), out)
    return out


def entries(params: MinHashParams) -> int:
    return min(ENTRIES, params.hashes)


def least_equal(threshold: float, params: MinHashParams) -> int:
    """Equal entries that a pair of this similarity has, less what chance may take from it."""
    n = entries(params)
    p = min(1.0, threshold) * (1 - _CHANCE) + _CHANCE
    return math.floor(n * p - _MARGIN * math.sqrt(n * p * (1 - p)))


@njit(cache=True, nogil=True)
def _sketches(signatures: Any, entries: int, out: Any) -> None:
    for d in range(signatures.shape[0]):
        for i in range(entries):
            bits = mix(signatures[d, i]) & np.uint64(3)
            out[d, i // 32] |= bits << np.uint64(2 * (i % 32))


@njit(inline="always", cache=True)
def unequal(a: Any, b: Any) -> Any:
    """Entries in which two sketches differ."""
    n = np.uint64(0)
    for w in range(a.size):
        x = a[w] ^ b[w]
        x = (x | (x >> np.uint64(1))) & np.uint64(0x5555555555555555)
        x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        n += (x * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return np.int64(n)
