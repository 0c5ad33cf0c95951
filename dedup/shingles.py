"""Shingles: what two documents are compared by. One compiled pass over Arrow's UTF-8 buffers.

A word is a run of characters that are neither space nor punctuation, ASCII letters in lower case; characters of scripts
written without spaces are words by themselves. A word shingle is ``ngram`` words in a row, a character shingle
``ngram`` characters of the words joined by single spaces. A text shorter than one shingle has one: all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from dedup.params import MinHashParams
from manifests.text import PUNCTUATION, SPACE, UNSPACED, buffers, class_of, classes, decode

_FNV = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_GOLD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@njit(inline="always", cache=True)
def mix(x: Any) -> Any:
    """A bijection of 64 bits whose output bits all depend on all input bits (after splitmix64)."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


@njit(cache=True, nogil=True, boundscheck=False)
def units(data: Any, start: int, end: int, table: Any, characters: bool, out: Any) -> int:
    """Writes the hashes of the words (or characters) of ``data[start:end]`` to ``out``; returns how many."""
    n = 0
    h = _FNV
    inside = False  # of a word
    apart = False  # a word boundary lies before the next character
    i = start
    while i < end:
        code, size = decode(data, i)
        kind = class_of(table, code)
        unspaced = (kind & UNSPACED) != 0
        gap = (kind & SPACE) != 0
        if gap or unspaced:
            if inside and not characters:
                out[n] = mix(h)
                n += 1
            inside = False
            apart = n > 0
        if not gap and (kind & PUNCTUATION) == 0:
            c = _FNV
            if not inside:
                h = _FNV
            for j in range(size):
                x = np.uint64(data[i + j])
                if size == 1 and 65 <= x <= 90:
                    x += np.uint64(32)
                h = (h ^ x) * _PRIME
                c = (c ^ x) * _PRIME
            if characters:
                if apart:
                    out[n] = mix(np.uint64(32))
                    n += 1
                out[n] = mix(c)
                n += 1
            elif unspaced:
                out[n] = mix(h)
                n += 1
            inside = not unspaced
            apart = unspaced
        i += size
    if inside and not characters:
        out[n] = mix(h)
        n += 1
    return n


@njit(inline="always", cache=True)
def shingle(found: Any, first: int, length: int) -> Any:
    h = found[first]
    for k in range(1, length):
        h = h * _GOLD + found[first + k]
    return mix(h)


@njit(cache=True, nogil=True, boundscheck=False)
def _all_shingles(offsets: Any, data: Any, table: Any, ngram: int, characters: bool, ends: Any, out: Any) -> int:
    longest = np.int64(0)
    for d in range(offsets.size - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    found = np.empty(2 * longest + 2, np.uint64)
    total = 0
    for d in range(offsets.size - 1):
        n = units(data, offsets[d], offsets[d + 1], table, characters, found)
        length = min(ngram, n)
        count = n - length + 1 if n else 0
        for q in range(count):
            out[total + q] = shingle(found, q, length)
        if count:
            unique = np.unique(out[total : total + count])
            out[total : total + unique.size] = unique
            total += unique.size
        ends[d] = total
    return total


@njit(cache=True, nogil=True, boundscheck=False)
def shared_weight(a: Any, b: Any, weights: Any) -> float:
    """The sum of ``weights[item]`` over the items of both sorted sets."""
    i = j = 0
    total = 0.0
    while i < a.size and j < b.size:
        if a[i] == b[j]:
            total += weights[a[i]]
            i += 1
            j += 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return total


#: bytes of the longest text that is compared by shingles, of which each takes eight bytes and more
LONGEST = 8 << 20


def comparable(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The texts, those longer than ``LONGEST`` bytes empty: only exact copies of them are found."""
    return pc.if_else(pc.greater(pc.binary_length(texts), LONGEST), "", texts)


@dataclass(frozen=True)
class ShingleSets:
    """Sorted distinct shingle hashes: those of text ``i`` are ``hashes[offsets[i]:offsets[i + 1]]``."""

    offsets: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, text: int) -> npt.NDArray[np.uint64]:
        return self.hashes[self.offsets[text] : self.offsets[text + 1]]


def shingle_sets(texts: pa.Array | pa.ChunkedArray, params: MinHashParams) -> ShingleSets:
    """The shingles of each text."""
    offsets, data = buffers(texts)
    characters = params.unit == "char"
    out = np.empty((1 + characters) * len(data) + len(offsets) + 2, np.uint64)
    ends = np.zeros(len(offsets) - 1, np.int64)
    total = _all_shingles(offsets, data, classes(), params.ngram, characters, ends, out)
    return ShingleSets(np.concatenate([[0], ends]).astype(np.int64), out[:total].copy())
