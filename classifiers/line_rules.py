"""Rules on single lines, as compiled functions: which lines C4 and RefinedWeb would take out of a text.

C4: Raffel et al. 2020, arXiv:1910.10683, as its code has it (tensorflow_datasets ``c4_utils.py``). RefinedWeb: Penedo
et al. 2023, arXiv:2306.01116, appendix G.2, as DCLM reads it (Li et al. 2024, arXiv:2406.11794).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

#: C4's limits on a line
MIN_WORDS, MAX_WORD = 3, 1000
#: what was seen in a line
LOREM, JAVASCRIPT, POLICY, CURLY = 1, 2, 4, 8
#: bits, by their place in the last five bits of the code, of the characters that ``phrase`` is asked about: f k p {
TRIGGERS = (1 << (102 & 31)) | (1 << (107 & 31)) | (1 << (112 & 31)) | (1 << (123 & 31))
#: RefinedWeb's limit on a line that holds one of its phrases
PHRASE_WORDS = 10


def _bytes(text: str) -> npt.NDArray[np.uint8]:
    """A phrase and a zero, which ends it."""
    return np.frombuffer(text.encode() + b"\0", np.uint8)


_LOREM, _JAVASCRIPT = _bytes("lorem ipsum"), _bytes("javascript")
_PRIVACY, _COOKIE, _TERMS = _bytes("privacy policy"), _bytes("cookie policy"), _bytes("terms of use")
_USES, _USE_OF, _USE = _bytes("uses cookies"), _bytes("use of cookies"), _bytes("use cookies")
_CART, _SIGN_IN, _READ_MORE, _READ_MORE_3 = (
    _bytes(one) for one in ("items in cart", "sign-in", "read more…", "read more...")
)
_EDIT, _NEEDED = _bytes("[edit]"), _bytes("[citation needed]")
_COUNTS = "likes shares comments retweets reposts quotes bookmarks upvotes downvotes downloads views followers"
_COUNTED = np.array([list(one.ljust(10, "\0").encode()) for one in _COUNTS.split()], np.uint8)


@njit(cache=True)
def _is(data: Any, start: Any, first: Any, last: Any, phrase: Any) -> Any:
    """Whether ``phrase``, in lower case, is at ``start`` and inside ``[first, last)``, whatever the case."""
    if start < first:
        return False
    for k in range(phrase.size):
        if phrase[k] == 0:
            return True
        if start + k >= last:
            return False
        x = np.int64(data[start + k])
        if (x + 32 if 65 <= x <= 90 else x) != phrase[k]:
            return False
    return True


@njit(cache=True)
def phrase(data: Any, i: Any, first: Any, last: Any) -> Any:
    """The bits of C4's phrases whose triggering character is at ``i``."""
    c = np.int64(data[i]) | 32
    if data[i] == 123:
        return CURLY
    if c == 112:  # p
        if i + 1 >= last or i == first:
            return 0
        after = np.int64(data[i + 1]) | 32
        if after == 116:
            return JAVASCRIPT if _is(data, i - 8, first, last, _JAVASCRIPT) else 0
        if after == 115:
            return LOREM if _is(data, i - 7, first, last, _LOREM) else 0
        if after == 111 and data[i - 1] == 32:
            found = _is(data, i - 8, first, last, _PRIVACY) or _is(data, i - 7, first, last, _COOKIE)
            return POLICY if found else 0
        return 0
    if c == 107:  # k
        if i + 3 >= last or (np.int64(data[i + 3]) | 32) != 115:
            return 0
        found = _is(data, i - 8, first, last, _USES) or _is(data, i - 7, first, last, _USE)
        return POLICY if found or _is(data, i - 10, first, last, _USE_OF) else 0
    if c == 102 and i + 1 < last and data[i + 1] == 32 and _is(data, i - 7, first, last, _TERMS):  # f
        return POLICY
    return 0


@njit(cache=True)
def citation(data: Any, start: Any, end: Any) -> Any:
    """Bytes of the citation at ``start``, such as ``[12]`` or ``[edit]``; 0 without one."""
    if start >= end or data[start] != 91:
        return 0
    q = start + 1
    while q < end and 48 <= data[q] <= 57:
        q += 1
    if q < end and data[q] == 93:
        return q + 1 - start
    if _is(data, start, start, end, _EDIT):
        return _EDIT.size - 1
    return _NEEDED.size - 1 if _is(data, start, start, end, _NEEDED) else 0


@njit(cache=True)
def ends_well(data: Any, start: Any, end: Any) -> Any:
    """Whether a line without outer white space ends in C4's punctuation and not in an ellipsis; citations aside."""
    while end > start and data[end - 1] == 93:
        q = end - 1
        while q > start and data[q] != 91:
            q -= 1
        if q + citation(data, q, end) != end:
            break
        end = q
    if end == start:
        return False
    c = data[end - 1]
    if c == 46:
        return not (end - start >= 3 and data[end - 2] == 46 and data[end - 3] == 46)
    return c == 63 or c == 33 or c == 34 or c == 39


@njit(cache=True)
def _is_word_byte(x: Any) -> Any:
    return 48 <= x <= 57 or 65 <= x <= 90 or 97 <= x <= 122 or x == 95 or x >= 128


@njit(cache=True)
def is_counter(data: Any, start: Any, end: Any) -> Any:
    """Whether a line is a counter, such as ``3 likes`` or ``(1.2K views)``."""
    i = start
    while i < end and not _is_word_byte(data[i]):
        i += 1
    first = i
    while i < end and (48 <= data[i] <= 57 or (i > first and (data[i] == 44 or data[i] == 46))):
        i += 1
    if i == first:
        return False
    if i < end and (data[i] | 32) in (107, 109, 98):  # K, M, B
        i += 1
    space = i
    while i < end and (data[i] == 32 or data[i] == 9):
        i += 1
    if i == space:
        return False
    for k in range(_COUNTED.shape[0]):
        if _is(data, i, start, end, _COUNTED[k]):
            q = np.int64(0)
            while q < _COUNTED.shape[1] and _COUNTED[k, q] != 0:
                i += 1
                q += 1
            while i < end and not _is_word_byte(data[i]):
                i += 1
            return i == end
    return False


@njit(cache=True)
def removed_words(data: Any, start: Any, end: Any, words: Any, characters: Any, upper: Any, digits: Any) -> Any:
    """How many words RefinedWeb takes out of a line: all of them, those of a phrase, or none.

    ``[start, end)`` is the line without outer white space; the counts are of the line as it stands.
    """
    if 2 * upper > characters or digits == characters or words == 1 or (words < 9 and is_counter(data, start, end)):
        return words
    if words > PHRASE_WORDS:
        return 0
    found = np.int64(0)
    if _is(data, start, start, end, _SIGN_IN):
        found += 1
    for more in (_READ_MORE, _READ_MORE_3):
        if _is(data, end - (more.size - 1), start, end, more):
            found += 2
    for i in range(start, end - _CART.size + 2):
        if (data[i] == 105 or data[i] == 73) and _is(data, i, start, end, _CART):
            found += 3
    return min(found, words)
