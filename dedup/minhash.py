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


@njit(cache=True, nogil=True, boundscheck=False)
def _signatures(offsets: Any, data: Any, table: Any, a: Any, b: Any, ngram: int, characters: bool, out: Any) -> None:
    longest = np.int64(0)
    for d in range(offsets.size - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    found = np.empty(2 * longest + 2, np.uint64)
    signature = np.empty(a.size, np.uint64)
    for d in range(offsets.size - 1):
        n = units(data, offsets[d], offsets[d + 1], table, characters, found)
        signature[:] = np.uint64(0xFFFFFFFFFFFFFFFF)
        length = min(ngram, n)
        for q in range(n - length + 1 if n else 0):
            h = shingle(found, q, length)
            for p in range(a.size):
                signature[p] = min(signature[p], a[p] * h + b[p])
        out[d, :] = signature


@njit(cache=True, nogil=True)
def _band_keys(signatures: Any, rows: int, out: Any) -> None:
    for d in range(signatures.shape[0]):
        for band in range(out.shape[1]):
            h = mix(np.uint64(band + 1))
            for r in range(rows):
                h = mix(h ^ signatures[d, band * rows + r])
            out[d, band] = h


def signatures(texts: pa.Array | pa.ChunkedArray, params: MinHashParams) -> npt.NDArray[np.uint64]:
    """``uint64[n, bands * rows]``: for each text the minima of ``a·h + b`` (mod 2^64) over its shingle hashes.

    The share of equal entries in two rows estimates the Jaccard similarity of the two shingle sets. A text without
    words has all entries at the maximum.
    """
    offsets, data = buffers(texts)
    generator = np.random.Generator(np.random.PCG64(params.seed))
    a = generator.integers(1, 1 << 63, params.hashes, np.uint64) * np.uint64(2) + np.uint64(1)
    b = generator.integers(0, 1 << 63, params.hashes, np.uint64) * np.uint64(2)
    out = np.empty((len(offsets) - 1, params.hashes), np.uint64)
    _signatures(offsets, data, classes(), a, b, params.ngram, params.unit == "char", out)
    return out


def band_keys(signatures: npt.NDArray[np.uint64], params: MinHashParams) -> npt.NDArray[np.uint64]:
    """``uint64[n, bands]``: one key a band; equal keys make two texts candidates. ValueError for other parameters."""
    if signatures.shape[1] != params.hashes:
        raise ValueError(f"signatures have {signatures.shape[1]} hashes; {params.bands} × {params.rows} are asked for")
    out = np.empty((len(signatures), params.bands), np.uint64)
    _band_keys(np.ascontiguousarray(signatures), params.rows, out)
    return out
