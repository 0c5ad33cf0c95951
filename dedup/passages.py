"""Passages that repeat across documents: lines, paragraphs, and any stretch of at least so many bytes.

A passage is found by a 64-bit key and taken for a repetition only after the bytes are compared. Stretches are found by
winnowed fingerprints of a rolling hash (Schleimer, Wilkerson, Aiken 2003): two stretches of ``least`` equal bytes have
one in common at least, whatever lies around them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from dedup.shingles import mix
from manifests.text import buffers

Kind = Literal["lines", "paragraphs", "substring"]
Int64s = npt.NDArray[np.int64]
#: bytes of the shortest stretch worth finding
_SHORTEST = 32


@dataclass(frozen=True)
class Passages:
    """``keys[n]``, the text each is of, and ``[start, start + size)`` in its bytes."""

    keys: npt.NDArray[np.uint64]
    rows: Int64s
    starts: Int64s
    sizes: Int64s


def find(texts: pa.Array | pa.ChunkedArray, kind: Kind, least: int) -> Passages:
    """The lines or paragraphs of at least ``least`` bytes, or fingerprints of stretches of as many.

    Lines end at a line feed, paragraphs at an empty line. ValueError when ``least`` is below 32 for stretches.
    """
    offsets, data = buffers(texts)
    none = np.empty(0, np.uint64), np.empty((0, 3), np.int64)
    if kind == "substring":
        if least < _SHORTEST:
            raise ValueError(f"least is {least}; stretches of fewer than {_SHORTEST} bytes repeat in any text")
        gram = least // 2
        n = _fingerprints(offsets, data, gram, least - gram + 1, *none)
        keys, places = np.empty(n, np.uint64), np.empty((n, 3), np.int64)
        _fingerprints(offsets, data, gram, least - gram + 1, keys, places)
    else:
        n = _blocks(offsets, data, kind == "paragraphs", least, *none)
        keys, places = np.empty(n, np.uint64), np.empty((n, 3), np.int64)
        _blocks(offsets, data, kind == "paragraphs", least, keys, places)
    rows, starts, sizes = places.T.copy()
    return Passages(keys, rows, starts, sizes)


@njit(cache=True, nogil=True, boundscheck=False)
def _fingerprints(offsets: Any, data: Any, gram: int, window: int, keys: Any, places: Any) -> int:
    """The smallest hash of each window of gram hashes, each place once; returns how many. Empty arrays: only counts."""
    n = 0
    out = np.uint64(1)
    for _ in range(gram):
        out *= np.uint64(0x9E3779B97F4A7C15)
    recent = np.empty(window, np.uint64)
    for d in range(offsets.size - 1):
        start, end = offsets[d], offsets[d + 1]
        h = np.uint64(0)
        at = said = -1
        for i in range(start, end):
            h = h * np.uint64(0x9E3779B97F4A7C15) + np.uint64(data[i]) + np.uint64(1)
            if i - start >= gram:
                h -= out * (np.uint64(data[i - gram]) + np.uint64(1))
            g = i - start - gram + 1  # the number of this gram
            if g < 0:
                continue
            recent[g % window] = mix(h)
            if at < 0 or at <= g - window:  # the smallest left the window
                at = max(0, g - window + 1)
                for k in range(at + 1, g + 1):
                    if recent[k % window] <= recent[at % window]:
                        at = k
            elif recent[g % window] < recent[at % window]:
                at = g
            if g >= window - 1 and at != said:
                said = at
                if keys.size:
                    keys[n] = recent[at % window]
                    places[n, 0], places[n, 1], places[n, 2] = d, at, gram
                n += 1
    return n


@njit(inline="always", cache=True)
def _space(byte: Any) -> Any:
    return byte == 32 or (9 <= byte <= 13)


@njit(inline="always", cache=True)
def _lower(byte: Any) -> Any:
    return byte + 32 if 65 <= byte <= 90 else byte


@njit(cache=True, nogil=True, boundscheck=False)
def _blocks(offsets: Any, data: Any, paragraphs: bool, least: int, keys: Any, places: Any) -> int:
    """Hashes of lines or paragraphs, ASCII letters in lower case, runs of white space as one space."""
    n = 0
    for d in range(offsets.size - 1):
        start, end = offsets[d], offsets[d + 1]
        first = start
        while first < end:
            stop = _block_end(data, first, end, paragraphs)
            if stop - first >= least:
                h = np.uint64(0xCBF29CE484222325)
                gap = False
                any_ink = False
                for i in range(first, stop):
                    if _space(data[i]):
                        gap = any_ink
                    else:
                        if gap:
                            h = (h ^ np.uint64(32)) * np.uint64(0x100000001B3)
                        gap = False
                        any_ink = True
                        h = (h ^ np.uint64(_lower(data[i]))) * np.uint64(0x100000001B3)
                if any_ink:
                    if keys.size:
                        keys[n] = mix(h)
                        places[n, 0], places[n, 1], places[n, 2] = d, first - start, stop - first
                    n += 1
            first = stop
    return n


@njit(cache=True, nogil=True, boundscheck=False)
def _block_end(data: Any, first: int, end: int, paragraphs: bool) -> int:
    """Behind the line feed that ends a line; or behind those, and the space between, that end a paragraph."""
    i = first
    while i < end:
        if data[i] == 10:
            j = i + 1
            if not paragraphs:
                return j
            feeds = 1
            last = j
            while j < end and _space(data[j]):
                if data[j] == 10:
                    feeds += 1
                    last = j + 1
                j += 1
            if feeds > 1:
                return last
            i = j
        else:
            i += 1
    return end


@dataclass(frozen=True)
class Text:
    """Texts as ``manifests.text.buffers`` gives them."""

    offsets: Int64s
    data: npt.NDArray[np.uint8]


def repeated(
    mine: Text, others: Text, here: Int64s, there: Int64s, kind: Kind, least: int
) -> tuple[npt.NDArray[np.bool_], Int64s, Int64s]:
    """Which candidates are repetitions, and ``[start, end)`` of each in the text it would go from.

    ``here`` and ``there`` are ``int64[n, 3]``: row, start and size of a passage of ``mine``, in order, and of the one
    of ``others`` that it may repeat. Stretches are grown on both sides as far as the bytes agree, and end at whole
    characters.
    """
    good = np.zeros(len(here), np.bool_)
    spans = np.zeros((len(here), 2), np.int64)
    kernel = _grow if kind == "substring" else _same
    kernel(mine.offsets, mine.data, others.offsets, others.data, here, there, least, good, spans)
    return good, spans[:, 0], spans[:, 1]


@njit(cache=True, nogil=True, boundscheck=False)
def _grow(
    offsets: Any, data: Any, other_offsets: Any, other: Any, here: Any, there: Any, least: int, good: Any, spans: Any
) -> None:
    for k in range(here.shape[0]):
        first, end = offsets[here[k, 0]], offsets[here[k, 0] + 1]
        other_first, other_end = other_offsets[there[k, 0]], other_offsets[there[k, 0] + 1]
        a, b = first + here[k, 1], other_first + there[k, 1]
        if (
            k
            and good[k - 1]
            and here[k, 0] == here[k - 1, 0]
            and there[k, 0] == there[k - 1, 0]
            and here[k, 1] - there[k, 1] == here[k - 1, 1] - there[k - 1, 1]
            and here[k, 1] < spans[k - 1, 1]
        ):  # within the stretch that the one before has grown to
            good[k] = True
            spans[k, 0], spans[k, 1] = spans[k - 1, 0], spans[k - 1, 1]
            continue
        left = 0
        while a - left > first and b - left > other_first and data[a - left - 1] == other[b - left - 1]:
            left += 1
        right = 0
        while a + right < end and b + right < other_end and data[a + right] == other[b + right]:
            right += 1
        start, stop = a - left, a + right
        while start < stop and (data[start] & 0xC0) == 0x80:
            start += 1
        while stop < end and stop > start and (data[stop] & 0xC0) == 0x80:
            stop -= 1
        good[k] = stop - start >= least
        spans[k, 0], spans[k, 1] = start - first, stop - first


@njit(cache=True, nogil=True, boundscheck=False)
def _same(
    offsets: Any, data: Any, other_offsets: Any, other: Any, here: Any, there: Any, least: int, good: Any, spans: Any
) -> None:
    for k in range(here.shape[0]):
        i, j = offsets[here[k, 0]] + here[k, 1], other_offsets[there[k, 0]] + there[k, 1]
        end, other_end = i + here[k, 2], j + there[k, 2]
        spans[k, 0], spans[k, 1] = here[k, 1], here[k, 1] + here[k, 2]
        good[k] = True
        ink = False  # white space before the first character counts for nothing
        while True:
            gap = other_gap = False
            while i < end and _space(data[i]):
                i += 1
                gap = True
            while j < other_end and _space(other[j]):
                j += 1
                other_gap = True
            if i == end or j == other_end:
                good[k] = i == end and j == other_end
                break
            if (gap != other_gap and ink) or _lower(data[i]) != _lower(other[j]):
                good[k] = False
                break
            ink = True
            i += 1
            j += 1
