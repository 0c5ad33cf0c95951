"""Two compiled passes over the bytes of a page: is there anything to look for, and which tag lies where.

The first skips most bytes (Wu and Manber, *A fast algorithm for multi-pattern searching*, 1994) and runs on every page.
The second makes a flat list of elements, and runs on the few pages where the first found something. An extractor that
has such a list already hands it over as ``Elements``, and the second pass is not made.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

#: what a claim or a reservation starts from, in lower case. The longer the shortest word, the more bytes are skipped.
WORDS = (
    b"creativecommons.org",
    b"licensebuttons.net",
    b"license",
    b"licence",
    b"copyright",
    b"ld+json",
    b"rsl+xml",
    b"tdm-reservation",
    b"noimageai",
    b"creative commons",
    b"googlebot",
    *(before + b"rights" for before in (b'"', b"'", b".", b":", b" ", b"=")),
    *(b'robots"', b"robots'", b"=robots", b'"ccbot"', b"'ccbot'"),
    *(q + a for q in (b'"', b"'") for a in (b"gptbot", b"claudebot", b"anthropic-ai", b"google-extended", b"bingbot")),
)
CC, BADGE, LICENSE, LICENCE, COPYRIGHT, JSONLD, RSL, TDM, NOAI, CC_NAME, GOOGLEBOT = range(11)
_BLOCK = min(map(len, WORDS))
_MOST_HITS = 4096
_LOOK_BACK = 4096


class Hits(NamedTuple):
    """``position`` in bytes, ``word`` as an index of WORDS, ``inside``: whether it stands within ``<`` and ``>``."""

    position: Ints
    word: Ints
    inside: npt.NDArray[np.bool_]


class Elements(NamedTuple):
    """The elements of a page in the order of their start tags, comments and raw text left out.

    ``start`` and ``stop`` are the start tag's bytes, ``end`` is where the element ends, ``parent`` an index, -1 at the
    top, ``name`` the FNV-1a hash of the lower-cased tag name. Unclosed paragraphs, list items and cells end where the
    next begins; an end tag without a start is nothing.
    """

    start: Ints
    stop: Ints
    end: Ints
    parent: Ints
    name: npt.NDArray[np.uint32]


def hash_of(name: str) -> int:
    """FNV-1a of a lower-case tag name."""
    h = 2166136261
    for byte in name.encode():
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def _tables() -> tuple[Bytes, Bytes, Bytes, Bytes, Ints, Bytes]:
    """Shift by the last two bytes of a window, the bucket of words that may end there, the words and their bounds."""
    order = sorted(range(len(WORDS)), key=lambda i: WORDS[i][_BLOCK - 2 : _BLOCK])
    shift = np.full(65_536, _BLOCK - 1, np.uint8)
    first, beyond = np.full(65_536, 255, np.uint8), np.zeros(65_536, np.uint8)
    for place, i in enumerate(order):
        word = WORDS[i]
        for at in range(1, _BLOCK):
            for a in {word[at - 1 : at], word[at - 1 : at].upper()}:
                for b in {word[at : at + 1], word[at : at + 1].upper()}:
                    pair = a[0] << 8 | b[0]
                    shift[pair] = min(int(shift[pair]), _BLOCK - 1 - at)
                    if at == _BLOCK - 1:
                        first[pair] = min(int(first[pair]), place)
                        beyond[pair] = place + 1
    bounds = np.cumsum([0, *(len(WORDS[i]) for i in order)]).astype(np.int32)
    letters = np.frombuffer(b"".join(WORDS[i] for i in order), np.uint8)
    return shift, first, beyond, letters, bounds, np.array(order, np.uint8)


_SHIFT, _FIRST, _BEYOND, _LETTERS, _BOUNDS, _ORDER = _tables()


def hits(html: bytes) -> Hits:
    """Where the words stand, whatever their case; at most 4,096."""
    position, word = np.empty(_MOST_HITS, np.int32), np.empty(_MOST_HITS, np.int32)
    inside = np.empty(_MOST_HITS, np.bool_)
    n = _find(np.frombuffer(html, np.uint8), _SHIFT, _FIRST, _BEYOND, _LETTERS, _BOUNDS, _ORDER, position, word, inside)
    return Hits(position[:n], word[:n], inside[:n])


@nb.njit(cache=True, nogil=True, boundscheck=False)  # type: ignore[untyped-decorator,unused-ignore]
def _find(
    data: Bytes,
    shift: Bytes,
    first: Bytes,
    beyond: Bytes,
    letters: Bytes,
    bounds: Ints,
    order: Bytes,
    position: Ints,
    word: Ints,
    inside: npt.NDArray[np.bool_],
) -> int:
    n, found = len(data), 0
    i = _BLOCK - 1
    while i < n:
        pair = np.int64(data[i - 1]) << 8 | np.int64(data[i])
        step = int(shift[pair])
        if step:
            i += step
            continue
        begin = i - _BLOCK + 1
        place = np.int64(first[pair])
        while place < np.int64(beyond[pair]):
            a, b = bounds[place], bounds[place + 1]
            if begin + b - a <= n:
                j = a
                while j < b:
                    c = data[begin + j - a]
                    if 65 <= c <= 90:
                        c = c | 32
                    if c != letters[j]:
                        break
                    j += 1
                if j == b:
                    position[found] = begin
                    word[found] = order[place]
                    inside[found] = _within_tag(data, begin)
                    found += 1
                    if found == len(position):
                        return found
            place += 1
        i += 1
    return found


@nb.njit(cache=True, nogil=True, boundscheck=False)  # type: ignore[untyped-decorator,unused-ignore]
def _within_tag(data: Bytes, i: int) -> bool:
    """Whether the nearest angle bracket before ``i`` opens."""
    last = max(i - _LOOK_BACK, 0)
    while i > last:
        i -= 1
        if data[i] == 60:
            return True
        if data[i] == 62:
            return False
    return False


_VOID = "area base br col embed hr img input link meta param source track wbr frame keygen basefont bgsound"
_RAW = "script style textarea title xmp noembed noframes iframe"
#: elements whose end tag may be left out: the next of its group closes the one opened last, a row its last cell
_GROUPS = ("p", "li", "dd dt", "option", "td th", "tr")
_CELL, _ROW = 5, 6
VOID, RAW = 1, 2


def _names() -> tuple[npt.NDArray[np.uint32], Bytes, Bytes]:
    kind = {hash_of(n): VOID for n in _VOID.split()} | {hash_of(n): RAW for n in _RAW.split()}
    group = {hash_of(n): i for i, names in enumerate(_GROUPS, 1) for n in names.split()}
    keys = sorted({*kind, *group})
    return (
        np.array(keys, np.uint32),
        np.array([kind.get(k, 0) for k in keys], np.uint8),
        np.array([group.get(k, 0) for k in keys], np.uint8),
    )


_KEYS, _KIND, _GROUP = _names()
_MOST_ELEMENTS = 1_000_000
_DEEPEST = 4096
#: open elements looked through for what an end tag closes
_SEARCHED = 128


def elements(html: bytes) -> Elements:
    """The elements of a page, at most a million."""
    most = min(len(html) // 3 + 1, _MOST_ELEMENTS)
    start, stop, end, parent = (np.empty(most, np.int32) for _ in range(4))
    name = np.empty(most, np.uint32)
    n = _elements(np.frombuffer(html, np.uint8), _KEYS, _KIND, _GROUP, start, stop, end, parent, name)
    return Elements(start[:n], stop[:n], end[:n], parent[:n], name[:n])


@nb.njit(cache=True, nogil=True, boundscheck=False)  # type: ignore[untyped-decorator,unused-ignore]
def _elements(
    data: Bytes,
    keys: npt.NDArray[np.uint32],
    kinds: Bytes,
    groups: Bytes,
    start: Ints,
    stop: Ints,
    end: Ints,
    parent: Ints,
    name: npt.NDArray[np.uint32],
) -> int:
    n, most, count, depth = len(data), len(start), 0, 0
    stack = np.empty(_DEEPEST, np.int32)
    group_at = np.zeros(_DEEPEST, np.uint8)
    raw = np.uint32(0)
    i = 0
    while i < n and count < most:
        if data[i] != 60:
            i += 1
            continue
        if raw == 0 and i + 3 < n and data[i + 1] == 33 and data[i + 2] == 45 and data[i + 3] == 45:
            first = i + 4
            i = first
            while i < n and not (
                data[i] == 62
                and data[i - 2] == 45
                and (data[i - 1] == 45 or (data[i - 1] == 33 and data[i - 3] == 45 and i - 3 >= first))  # --> or --!>
            ):
                i += 1
            continue
        closing = i + 1 < n and data[i + 1] == 47
        j = i + 2 if closing else i + 1
        first = j
        h = np.uint32(2166136261)
        while j < n:
            c = data[j] | 32 if 65 <= data[j] <= 90 else data[j]
            if c <= 32 or c == 47 or c == 62:
                break
            h = np.uint32((np.uint64(h ^ np.uint32(c)) * np.uint64(16777619)) & np.uint64(0xFFFFFFFF))
            j += 1
        if j == first or not 97 <= (data[first] | 32) <= 122:
            i += 1
            continue
        if raw != 0 and not (closing and h == raw):
            i = j
            continue
        quote = np.uint8(0)
        last = np.uint8(0)
        while j < n:
            c = data[j]
            if quote != 0:
                if c == quote:
                    quote = np.uint8(0)
            elif c == 62:
                break
            elif (c == 34 or c == 39) and last == 61:
                quote = c
            if c > 32:
                last = c
            j += 1
        j = min(j + 1, n)
        k = np.searchsorted(keys, h)
        known = k < len(keys) and keys[k] == h
        if closing:
            raw = np.uint32(0)
            d = depth - 1
            while d >= 0 and d >= depth - _SEARCHED and name[stack[d]] != h:
                d -= 1
            if d >= 0 and d >= depth - _SEARCHED:
                for e in range(d, depth):
                    end[stack[e]] = i
                depth = d
        else:
            group = groups[k] if known else 0
            if group == _ROW and depth and group_at[depth - 1] == _CELL:
                depth -= 1
                end[stack[depth]] = i
            if group and depth and group_at[depth - 1] == group:
                depth -= 1
                end[stack[depth]] = i
            start[count] = i
            stop[count] = j
            end[count] = j if known and kinds[k] == 1 else n
            parent[count] = stack[depth - 1] if depth else -1
            name[count] = h
            if not (known and kinds[k] == 1) and data[j - 2] != 47 and depth < _DEEPEST:
                stack[depth] = count
                group_at[depth] = group
                depth += 1
                if known and kinds[k] == 2:
                    raw = h
            count += 1
        i = j
    return count
