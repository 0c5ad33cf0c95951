"""The letters of HTML: names, attributes, comments and raw text (HTML Living Standard, 13.2.5), compiled."""

from __future__ import annotations

import numba as nb
import numpy as np

BASIS, _PRIME = np.uint32(2166136261), np.uint64(16777619)


@nb.njit(cache=True, nogil=True)
def mix(h, c):
    return np.uint32((np.uint64(h) ^ np.uint64(c)) * _PRIME)


@nb.njit(cache=True, nogil=True)
def lower_hash(data, i, j, h):
    for k in range(i, j):
        c = data[k]
        h = mix(h, c + 32 if 65 <= c <= 90 else c)
    return h


@nb.njit(cache=True, nogil=True)
def hides(data, i, j):
    """Whether a style says ``display: none``."""
    for k in range(i, j - 11):
        if data[k] == 100 and data[k + 3] == 112 and data[k + 6] == 121:  # d..p..y
            m = k + 7
            while m < j and (data[m] == 58 or data[m] <= 32):
                m += 1
            if m + 3 < j and data[m] == 110 and data[m + 1] == 111 and data[m + 2] == 110 and data[m + 3] == 101:
                return True
    return False


@nb.njit(cache=True, nogil=True)
def are_words(last, first):
    """Whether text of two elements side by side is two words: `<span>a</span><span>b</span>`, styled apart."""
    ends = 48 <= last <= 57 or 97 <= last | 32 <= 122 or last >= 128
    return ends and (48 <= first <= 57 or 97 <= first | 32 <= 122 or 0xC3 <= first <= 0xD9)


@nb.njit(cache=True, nogil=True)
def words(data, i, j, token, tokens):
    """Hashes of the words of a class or id, cut at punctuation and where small letters turn to capitals."""
    h = BASIS
    length = 0
    last = np.uint8(0)
    for k in range(i, j):
        c = data[k]
        small = 97 <= c <= 122
        capital = 65 <= c <= 90
        if not (small or capital or c >= 128):
            if length > 1:
                token[tokens] = h
                tokens += 1
            h = BASIS
            length = 0
        else:
            if capital and 97 <= last <= 122 and length:
                if length > 1:
                    token[tokens] = h
                    tokens += 1
                h = BASIS
                length = 0
            h = mix(h, c + 32 if capital else c)
            length += 1
        last = c
    if length > 1:
        token[tokens] = h
        tokens += 1
    return tokens


@nb.njit(cache=True, nogil=True)
def skip_markup(data, i):
    """Where the comment, doctype or instruction that starts at ``i`` ends."""
    n = len(data)
    if i + 3 < n and data[i + 1] == 33 and data[i + 2] == 45 and data[i + 3] == 45:
        i += 4
        first = i
        while i < n:
            if data[i] == 62:
                dashes = data[i - 1] == 45 and (data[i - 2] == 45 or i - 1 == first)
                if i == first or dashes or (data[i - 1] == 33 and data[i - 2] == 45 and data[i - 3] == 45):
                    break
            i += 1
        return i + 1
    while i < n and data[i] != 62:
        i += 1
    return i + 1


@nb.njit(cache=True, nogil=True)
def attribute(data, j):
    """The attribute that starts at ``j``: hash of its name, its value's start and end, and where to go on."""
    n = len(data)
    h = BASIS
    first = j
    while j < n:
        c = data[j]
        if c <= 32 or c == 62 or c == 47 or (c == 61 and j > first):
            break
        h = mix(h, c + 32 if 65 <= c <= 90 else c)
        j += 1
    k = j
    while k < n and data[k] <= 32:
        k += 1
    if k >= n or data[k] != 61:
        return h, j, j, j
    k += 1
    while k < n and data[k] <= 32:
        k += 1
    start = k
    if k < n and (data[k] == 34 or data[k] == 39):
        quote = data[k]
        k += 1
        while k < n and data[k] != quote:
            k += 1
        return h, start + 1, k, k + 1
    while k < n and data[k] > 32 and data[k] != 62:
        k += 1
    return h, start, k, k


_EACH, _LOW = np.uint64(0x3C3C3C3C3C3C3C3C), np.uint64(0x7F7F7F7F7F7F7F7F)
_BYTE = np.uint64(8)


@nb.njit(cache=True, nogil=True)
def opening_angles(data):
    """``int32[n]``: where ``<`` stands. Eight bytes at a time are looked at (Warren, Hacker's Delight, 6-1)."""
    found = np.empty(len(data), np.int32)
    m = 0
    words = data[: len(data) // 8 * 8].view(np.uint64)
    for i in range(len(words)):
        other = words[i] ^ _EACH
        here = ~(((other & _LOW) + _LOW) | other | _LOW) >> np.uint64(7)  # a bit of each byte that is one
        if here != 0:
            for k in range(8):
                found[m] = 8 * i + k
                m += np.int64(here & np.uint64(1))
                here >>= _BYTE
    for i in range(8 * len(words), len(data)):
        if data[i] == 60:
            found[m] = i
            m += 1
    return found[:m].copy()


@nb.njit(cache=True, nogil=True)
def raw_end(data, angles, a, i, name):
    """Where the raw text from ``i`` on ends, by the hash of its end tag: the place in ``angles``, and in the page."""
    n = len(data)
    while a < len(angles):
        p = angles[a]
        if p >= i and p + 2 < n and data[p + 1] == 47:
            h = BASIS
            k = p + 2
            while k < n and 97 <= data[k] | 32 <= 122:
                h = mix(h, data[k] | 32)
                k += 1
            if h == name:
                return a, p
        a += 1
    return a, n
