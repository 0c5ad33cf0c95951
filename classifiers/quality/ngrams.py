"""Hashed n-grams: which words and pairs of words a text begins with, as sparse rows. One compiled pass over UTF-8."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from classifiers.hashing import SEED, fold, mix
from classifiers.spacing import spaced
from manifests import text

_GOLD = np.uint64(0x9E3779B97F4A7C15)
_SPACE = 32


@njit(cache=True, nogil=True, boundscheck=False)
def _hashed(offsets: Any, data: Any, limit: int, bits: int, ends: Any, columns: Any, counts: Any) -> int:
    """Rows of a compressed sparse matrix; ``limit`` bytes of each text, up to the end of the word there."""
    total = 0
    shift = np.uint64(64 - bits)
    found = np.empty(2 * limit + 4, np.int32)
    for d in range(offsets.size - 1):
        n = 0
        h = SEED
        before = np.uint64(0)
        words = 0
        length = 0
        for i in range(offsets[d], offsets[d + 1] + 1):
            byte = data[i] if i < offsets[d + 1] else np.uint8(_SPACE)
            if byte != _SPACE:
                h = fold(h, byte)
                length += 1
                continue
            if length == 0:
                continue
            word = mix(h)
            found[n] = np.int32(word >> shift)
            n += 1
            if words > 0:
                found[n] = np.int32(mix(before * _GOLD + word) >> shift)
                n += 1
            before = word
            words += 1
            h = SEED
            length = 0
            if i - offsets[d] >= limit:
                break
        found[:n].sort()
        for k in range(n):
            if k > 0 and found[k] == found[k - 1]:
                counts[total - 1] += np.float32(1.0)
            else:
                columns[total] = found[k]
                counts[total] = np.float32(1.0)
                total += 1
        ends[d] = total
    return total


def hashed(texts: pa.Array | pa.ChunkedArray, *, bits: int, limit: int) -> Any:
    """``csr_matrix float32[n, 2**bits]``: how often each word, mark or pair is in the first ``limit`` bytes."""
    from scipy.sparse import csr_matrix

    offsets, data = text.buffers(spaced(texts))
    sizes = np.minimum(np.diff(offsets), limit)
    # a word and a pair for every second byte at most, and the word under way at the limit
    room = int(sizes.sum()) + 2 * len(sizes)
    ends = np.zeros(len(offsets), np.int64)
    columns, counts = np.empty(room, np.int32), np.empty(room, np.float32)
    n = _hashed(offsets, data, limit, bits, ends[1:], columns, counts)
    return csr_matrix((counts[:n], columns[:n], ends), (len(offsets) - 1, 1 << bits))


def weighed(counts: Any, idf: npt.NDArray[np.float32]) -> Any:
    """Rows of unit length: 1 + log of the counts, times the inverse document frequency."""
    rows = counts.copy()
    rows.data = (1 + np.log(rows.data)) * idf[rows.indices]
    squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    lengths = np.sqrt(np.where(squares > 0, squares, 1)).astype(np.float32)
    rows.data /= np.repeat(lengths, np.diff(rows.indptr))
    return rows


def inverse_frequency(counts: Any) -> npt.NDArray[np.float32]:
    """``float32[columns]``: smoothed inverse document frequency; 0 of what fewer than two rows have."""
    documents = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log((1 + counts.shape[0]) / (1 + documents)) + 1
    return np.where(documents > 1, idf, 0).astype(np.float32)
