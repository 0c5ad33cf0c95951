"""MinHash signatures straight from Arrow buffers: words, shingles and hashing in one compiled pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from dedup.params import MinHashParams
from dedup.shingles import mix, shingle, units
from manifests.text import buffers, classes

__all__ = ["MinHashParams", "band_keys", "signatures"]


#: bits of a signature's entry that hold a hash; those above hold the round, so that an earlier round is smaller
_HASH_BITS = 48
_MAXIMUM = 0xFFFFFFFFFFFFFFFF


@njit(cache=True, nogil=True, boundscheck=False)
def _signatures(offsets: Any, data: Any, table: Any, seeds: Any, ngram: int, characters: bool, out: Any) -> None:
    longest = np.int64(0)
    for d in range(offsets.size - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    found = np.empty(2 * longest + 2, np.uint64)
    for d in range(offsets.size - 1):
        n = units(data, offsets[d], offsets[d + 1], table, characters, found)
        length = min(ngram, n)
        count = n - length + 1 if n else 0
        for q in range(count):
            found[q] = shingle(found, q, length)
        _sketch(found, count, seeds, out[d])


@njit(cache=True, nogil=True, boundscheck=False)
def _sketch(found: Any, count: int, seeds: Any, out: Any) -> None:
    """Fast similarity sketching of ``found[:count]`` (Dahlgaard, Knudsen, Thorup 2017, algorithm 1)."""
    size = np.uint64(out.size)
    out[:] = np.uint64(_MAXIMUM)
    mask = (np.uint64(1) << np.uint64(_HASH_BITS)) - np.uint64(1)
    empty = out.size if count else 0
    turn = 0
    while empty:
        top = np.uint64(turn) << np.uint64(_HASH_BITS)
        for q in range(count):
            h = mix(found[q] ^ seeds[turn])
            # in the first turns each shingle goes to a place of its own choice; then each place takes one from all
            place = ((h >> np.uint64(32)) * size) >> np.uint64(32) if turn < out.size else np.uint64(turn - out.size)
            value = top | (h & mask)
            was = out[place]
            empty -= was == np.uint64(_MAXIMUM)
            out[place] = min(was, value)
        turn += 1


@njit(cache=True, nogil=True)
def _band_keys(signatures: Any, rows: int, out: Any) -> None:
    for d in range(signatures.shape[0]):
        for band in range(out.shape[1]):
            h = mix(np.uint64(band + 1))
            for r in range(rows):
                h = mix(h ^ signatures[d, band * rows + r])
            out[d, band] = h


def signatures(texts: pa.Array | pa.ChunkedArray, params: MinHashParams) -> npt.NDArray[np.uint64]:
    """``uint64[n, bands * rows]``: the sketch of each text's set of shingle hashes.

    The share of equal entries in two rows is an unbiased estimate of the Jaccard similarity of the two sets, as
    concentrated as that of as many independent minima; it takes one hash a shingle, a few where there are few. A text
    without words has all entries at the maximum.
    """
    offsets, data = buffers(texts)
    generator = np.random.Generator(np.random.PCG64(params.seed))
    seeds = generator.integers(0, 1 << 64, 2 * params.hashes, np.uint64)
    out = np.empty((len(offsets) - 1, params.hashes), np.uint64)
    _signatures(offsets, data, classes(), seeds, params.ngram, params.unit == "char", out)
    return out


def band_keys(signatures: npt.NDArray[np.uint64], params: MinHashParams) -> npt.NDArray[np.uint64]:
    """``uint64[n, bands]``: one key a band; equal keys make two texts candidates. ValueError for other parameters."""
    if signatures.shape[1] != params.hashes:
        raise ValueError(f"signatures have {signatures.shape[1]} hashes; {params.bands} × {params.rows} are asked for")
    out = np.empty((len(signatures), params.bands), np.uint64)
    _band_keys(np.ascontiguousarray(signatures), params.rows, out)
    return out
