"""When two texts are near-duplicates: not when they share much, but when what differs does not matter.

Four tests, each for a way in which similar texts are different documents; all must pass.

similarity   Jaccard similarity of the shingle sets
specific     the same with shingles weighted by how few documents have them: two pages of one template share the
             template, and little else. Texts too short to tell must share nearly all
passages     what one text has and the other lacks comes in stretches; edits and scanning errors make short ones.
             Texts that each have a long passage of their own, or many, and are not very similar, are different
             documents
clauses      in a licence or contract a clause, or one word of it, is the whole difference: there, the same words as
             often, but for years and names in copyright notices, and no stretch of more than a few in another order
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from dedup.shingles import mix, units
from manifests.text import buffers, classes

#: words of law: a text in which one word in 66 is of these, and three are, is a licence, a contract, or terms of use
_LEGAL = """warranties warranty liable liability hereby herein hereof hereunder thereof licensee licensor sublicense
merchantability noninfringement infringement damages indemnify notwithstanding pursuant licensed license licenses
licence licences redistribution redistributions redistribute copyright disclaimer disclaimed disclaims permission
granted grant grants contributor contributors tort negligence consequential incidental
lizenz lizenzgeber lizenznehmer haftung gewährleistung urheber urheberrecht schutzgegenstand schutzgegenstandes
concédant licencié licencia licencias licenciante licenza licenziante licença responsabilité responsabilidad garantía
garantie"""
_LEGAL_SHARE = 0.015
_LEGAL_LEAST = 3
#: pairs of neighbouring words, in one stretch, that one legal text may have and the other lack
_CLAUSE = 4
#: a notice is the word copyright with a year among the next few words; names are the next few after the year
_NOTICE = 4
_NAMES = 4
#: the same for a passage of their own that makes two texts different documents unless they are this similar
_PASSAGE = 24
#: or the same for this share of each text, in stretches of this many pairs at least
_OWN_SHARE = 0.12
_STRETCH = 8
_PASSAGE_SIMILARITY = 0.75
#: a text of fewer words says too little for its likeness to be judged by less than this specific similarity
_TINY = 100
_TINY_SPECIFIC = 0.8


@dataclass(frozen=True)
class Words:
    """Hashes of the words of each text in order: those of text ``i`` are ``hashes[offsets[i]:offsets[i + 1]]``."""

    offsets: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    legal: npt.NDArray[np.bool_]


def words(texts: pa.Array | pa.ChunkedArray) -> Words:
    """The words of each text, and whether it reads as law."""
    offsets, data = buffers(texts)
    out = np.empty(len(data) + 1, np.uint64)
    ends = np.zeros(len(offsets), np.int64)
    total = _words(offsets, data, classes(), ends, out)
    hashes = out[:total].copy()
    found = np.add.reduceat(np.append(np.isin(hashes, _legal_words()), False), ends[:-1]) if len(ends) > 1 else ends[:0]
    lengths = np.diff(ends)
    return Words(ends, hashes, (lengths > 0) & (found >= np.maximum(_LEGAL_LEAST, _LEGAL_SHARE * lengths)))


@cache
def _legal_words() -> npt.NDArray[np.uint64]:
    offsets, data = buffers(pa.array([_LEGAL]))
    out = np.empty(len(data) + 1, np.uint64)
    return out[: _words(offsets, data, classes(), np.zeros(2, np.int64), out)].copy()


@njit(cache=True, nogil=True, boundscheck=False)
def _words(offsets: Any, data: Any, table: Any, ends: Any, out: Any) -> int:
    total = 0
    for d in range(offsets.size - 1):
        total += units(data, offsets[d], offsets[d + 1], table, False, out[total:])
        ends[d + 1] = total
    return total


@njit(cache=True, nogil=True, boundscheck=False)
def stretches(a: Any, b: Any, slots: Any) -> Any:
    """Neighbouring word pairs of ``a`` that ``b`` lacks: the most in a row, and those in rows of ``_STRETCH`` or more.

    ``slots`` is scratch of a power of two, larger than ``b``.
    """
    mask = np.uint64(slots.size - 1)
    slots[:] = np.uint64(0)
    for i in range(b.size - 1):
        h = _pair(b, i)
        at = h & mask
        while slots[at] != np.uint64(0) and slots[at] != h:
            at = (at + np.uint64(1)) & mask
        slots[at] = h
    longest = run = own = 0
    for i in range(a.size - 1):
        h = _pair(a, i)
        at = h & mask
        while slots[at] != np.uint64(0) and slots[at] != h:
            at = (at + np.uint64(1)) & mask
        run = 0 if slots[at] == h else run + 1
        longest = max(longest, run)
        if run >= _STRETCH:
            own += _STRETCH if run == _STRETCH else 1
    return longest, own


@cache
def notice_words() -> npt.NDArray[np.uint64]:
    """Hashes of ``copyright``, and then, sorted, of ``c``, the years 1900 to 2099, and spans of years since 1970."""
    years = [*range(1900, 2100), *(f"{a}-{b}" for a in range(1970, 2050) for b in range(a + 1, 2050))]
    offsets, data = buffers(pa.array(["copyright c " + " ".join(map(str, years))]))
    out = np.empty(len(data) + 1, np.uint64)
    found = out[: _words(offsets, data, classes(), np.zeros(2, np.int64), out)].copy()
    found[1:].sort()
    return found


@njit(cache=True, nogil=True)
def own_words(a: Any, b: Any, notices: Any) -> int:
    """Words of ``a`` that ``b`` does not have as often. Years do not count (nor the sign c), nor do the names after the
    year of a copyright notice."""
    copyright_, years = notices[0], notices[1:]
    mine = np.empty(a.size, np.uint64)
    count = 0
    since, named = _NOTICE, 0  # words since the word copyright; words that may still be names
    for word in a:
        at = np.searchsorted(years, word)
        year = at < years.size and years[at] == word
        since = 0 if word == copyright_ else since + 1
        if year:
            named = _NAMES if since < _NOTICE or named > 0 else 0
        elif named > 0:
            named -= 1
        else:
            mine[count] = word
            count += 1
    mine = mine[:count]
    mine.sort()
    others = np.sort(b)
    own = j = 0
    for word in mine:
        while j < others.size and others[j] < word:
            j += 1
        if j < others.size and others[j] == word:
            j += 1
        else:
            own += 1
    return own


@njit(inline="always", cache=True)
def _pair(words: Any, i: Any) -> Any:
    return mix(words[i] * np.uint64(0x9E3779B97F4A7C15) + words[i + 1]) | np.uint64(1)


@njit(cache=True, nogil=True, boundscheck=False)
def alike(
    a: Any, b: Any, legal: bool, similarity: float, specific: float, least: float, slots: Any, notices: Any
) -> bool:
    """Whether texts of words ``a`` and ``b`` pass the tests after the first, of which ``similarity`` is the outcome.

    ``slots`` is scratch, see ``stretches``; ``notices`` are ``notice_words()``.
    """
    tiny = min(a.size, b.size) < _TINY
    if specific < least or (tiny and specific < _TINY_SPECIFIC):
        return False
    if not legal and similarity >= _PASSAGE_SIMILARITY:
        return True
    one, mine = stretches(a, b, slots)
    other, theirs = stretches(b, a, slots)
    if legal and (max(one, other) > _CLAUSE or own_words(a, b, notices) or own_words(b, a, notices)):
        return False
    if similarity >= _PASSAGE_SIMILARITY:
        return True
    return bool(min(one, other) <= _PASSAGE and min(mine / a.size, theirs / b.size) <= _OWN_SHARE)
