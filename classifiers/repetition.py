"""Repetition inside a text: equal lines and paragraphs, and n-grams of words, as compiled functions.

Sets and counts live in one open-addressing table of 8-byte slots, a round's number above a 40-bit tag of the hash, so
that nothing is cleared between texts. An n-gram can only repeat where both (n - 1)-grams in it do: each length
looks at the survivors of the one before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from classifiers.hashing import mix

_STEP = np.uint64(0x9E3779B97F4A7C15)
_TAG = np.uint64(40)
_LAST_ROUND = 1 << 24
#: outputs of ``ngrams``: characters of the top 2-, 3-, 4-grams, and in duplicate 5- to 10-grams
NGRAMS = 9


@njit(cache=True)
def table_size(items: Any) -> Any:
    """Slots of a table at most half full."""
    size = np.int64(16)
    while size < 2 * items:
        size *= 2
    return size


@njit(inline="always", cache=True)
def _slot(slots: Any, mask: Any, round_: Any, h: Any) -> Any:
    """``(slot, known)`` of a hash; a free slot is taken."""
    tag = (round_ << _TAG) | (h >> np.uint64(24))
    at = np.int64(h) & mask
    while True:
        found = slots[at]
        if found == tag:
            return at, True
        if (found >> _TAG) != round_:
            slots[at] = tag
            return at, False
        at = (at + 1) & mask


@njit(inline="always", cache=True)
def next_round(slots: Any, rounds: Any) -> Any:
    """The number of a new round; every ``_LAST_ROUND`` of them the table is cleared."""
    rounds[0] += 1
    if rounds[0] == _LAST_ROUND:
        slots[:] = 0
        rounds[0] = 1
    return np.uint64(rounds[0])


@njit(cache=True, boundscheck=False)
def repeated(hashes: Any, n: Any, slots: Any, rounds: Any, again: Any) -> None:
    """``again[k]``: whether an earlier one of the first ``n`` hashes equals hash ``k``."""
    round_ = next_round(slots, rounds)
    mask = table_size(n) - 1
    for k in range(n):
        _, known = _slot(slots, mask, round_, hashes[k])
        again[k] = known


@njit(cache=True, boundscheck=False)
def ngrams(
    words: Any, ends: Any, total: Any, grams: Any, where: Any, survivors: Any, slots: Any, counts: Any, rounds: Any,
    out: Any,
) -> None:  # fmt: skip
    """Characters in repeated n-grams of ``total`` words; ``ends[k]`` counts the characters before word ``k``.

    The most frequent n-gram, the first of equals, is measured with a space between its words, times its occurrences.
    Duplicate n-grams are found from left to right: one that occurred before counts, and the next begins behind it.
    """
    out[:] = 0
    left = total - 1
    for k in range(left):
        grams[k] = words[k] * _STEP + words[k + 1]
        survivors[k] = k
    for n in range(2, 11):
        if total < n:
            return
        if n > 2:
            kept = np.int64(0)
            for k in range(left - 1):
                q = survivors[k]
                if survivors[k + 1] == q + 1:
                    grams[q] = grams[q] * _STEP + words[q + n - 1]
                    survivors[kept] = q
                    kept += 1
            left = kept
        round_ = next_round(slots, rounds)
        mask = table_size(left) - 1
        for k in range(left):
            at, known = _slot(slots, mask, round_, mix(grams[survivors[k]]))
            counts[at] = counts[at] + 1 if known else 1
            where[k] = at
        most, length = np.int64(1), ends[n] + n - 1
        kept = np.int64(0)
        for k in range(left):
            times = counts[where[k]]
            if times > 1:
                q = survivors[k]
                if times > most:
                    most, length = np.int64(times), ends[q + n] - ends[q] + n - 1
                survivors[kept] = q
                where[kept] = where[k]
                kept += 1
        left = kept
        if n < 5:
            out[n - 2] = most * length
            continue
        if left == 0:
            return
        free = np.int64(0)
        for k in range(left):
            q = survivors[k]
            if q >= free:
                if counts[where[k]] < 0:
                    out[n - 2] += ends[q + n] - ends[q]
                    free = q + n
                else:
                    counts[where[k]] = -1
