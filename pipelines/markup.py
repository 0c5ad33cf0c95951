"""A look at HTML before it is parsed: how deep it may nest and how many nodes a parser may make of it.

HTML needs few bytes to cost much: 100,000 nested elements take hours to extract from, unclosed formatting elements are
made again in every later block, and the attributes of one element are compared in pairs. One pass over the bytes bounds
each of these from above, so that hostile pages are refused by counting, never by a clock.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

#: elements without content (HTML Living Standard 13.1.2), and those of which there is one
_FLAT = (
    "area base br col embed hr img input link meta param source track wbr frame keygen basefont bgsound html head body"
)
#: elements that stay open in the blocks that follow until they are closed (13.2.4.3)
_FORMATTING = "b big code em font i s small strike strong tt u"
#: their content is text, not elements
_RAW = "script style textarea title xmp noembed noframes iframe"
#: where parsers ignore some start tags, among them those of the elements before
_ODD = "select frameset template plaintext"
#: elements that end SVG or MathML (13.2.6.5), or hold HTML inside it; elsewhere in it `<x/>` closes itself
_LEAVING = (
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    "nobr ol p pre ruby s small span strong strike sub sup table tt u ul var font "
    "foreignobject desc title annotation-xml mi mo mn ms mtext"
)


#: elements whose end tag may be left out: the next of its group closes the one opened last
_GROUPS = ("p", "li", "dd dt", "option", "td th", "tr")
_CELL, _ROW = 5, 6
FLAT, STYLE, RAW, LEAVING, FOREIGN, ODD = 1, 2, 4, 8, 16, 32


def _hash(name: bytes) -> int:
    """FNV-1a, as the compiled pass computes it over lower-cased names."""
    h = 2166136261
    for byte in name:
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def _table() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    names = ((_FLAT, FLAT), (_FORMATTING, STYLE), (_RAW, RAW), (_LEAVING, LEAVING), ("svg math", FOREIGN), (_ODD, ODD))
    kinds: dict[int, int] = {}
    for line, bit in names:
        for name in line.split():
            kinds[_hash(name.encode())] = kinds.get(_hash(name.encode()), 0) | bit
    groups = {_hash(name.encode()): i for i, line in enumerate(_GROUPS, 1) for name in line.split()}
    kinds |= {key: kinds.get(key, 0) for key in groups}
    keys = np.array(sorted(kinds), np.uint32)
    found = [kinds[int(k)] for k in keys], [groups.get(int(k), 0) for k in keys]
    return keys, np.array(found[0], np.uint8), np.array(found[1], np.uint8)


_KEYS, _KINDS, _GROUP_OF = _table()


class Shape(NamedTuple):
    """Upper bounds on what parsing makes: nesting depth, nodes, pairs of attributes of the same element, and steps.

    A step is an open element at a tag: parsers look through what is open to see what a tag closes.

    For HTML that a parser has written out (``written``), ``depth`` is exact.
    """

    depth: int
    nodes: int
    pairs: int
    steps: int


def shape(html: bytes, *, written: bool = False) -> Shape:
    """The shape of a page, from one pass over its bytes; comments and scripts hold no elements.

    Only an end tag that closes the element opened last counts as closing it. Whether another one closes anything
    depends on the parser's state, so it counts as closing nothing.
    """
    found = _scan(np.frombuffer(html, np.uint8), _KEYS, _KINDS, _GROUP_OF, written)
    return Shape(*map(int, found))


_STACK = 4096
#: of formatting elements without attributes, this many stay open at most ("Noah's Ark", 13.2.4.3)
_ALIKE = 3


@nb.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _scan(
    data: npt.NDArray[np.uint8],
    keys: npt.NDArray[np.uint32],
    kinds: npt.NDArray[np.uint8],
    group_of: npt.NDArray[np.uint8],
    written: bool,
) -> tuple[int, int, int, int]:
    n = len(data)
    stack = np.zeros(_STACK, np.uint32)
    groups = np.zeros(_STACK, np.uint8)
    styled = np.zeros(_STACK, np.uint8)  # 1: formatting, alike; 2: formatting with attributes
    alike = np.zeros(len(keys) + 1, np.int64)
    depth = deepest = formatting = nodes = pairs = steps = 0
    foreign = False  # within SVG or MathML
    odd = False  # from here on, what closes or hides what is not certain
    raw = np.uint32(0)  # the name of the raw-text element we are in
    i = 0
    while i < n:
        if data[i] != 60:  # <
            i += 1
            continue
        if raw == 0 and i + 3 < n and data[i + 1] == 33 and data[i + 2] == 45 and data[i + 3] == 45:  # <!--
            i = _comment_end(data, i + 4)
            nodes += 1
            continue
        closing = i + 1 < n and data[i + 1] == 47
        start = j = i + 2 if closing else i + 1
        h = np.uint32(2166136261)
        while j < n:
            c = data[j] | 32 if 65 <= data[j] <= 90 else data[j]
            if c <= 32 or c == 47 or c == 62:
                break
            h = np.uint32((np.uint64(h ^ np.uint32(c)) * np.uint64(16777619)) & np.uint64(0xFFFFFFFF))
            j += 1
        first = data[start] | 32 if start < n else 0
        if j == start or not 97 <= first <= 122:  # a bare <, a doctype, an instruction
            i += 1
            continue
        if raw != 0:
            if closing and h == raw:
                raw = np.uint32(0)
            i = j
            continue
        k = np.searchsorted(keys, h)
        kind = kinds[k] if k < len(keys) and keys[k] == h else 0
        j, attributes = _tag_end(data, j)
        if kind & LEAVING:
            foreign = False
        if kind & ODD or (foreign and kind & (LEAVING | FOREIGN) and not closing):
            odd = True
        steps += depth
        if closing:
            matched = 0 < depth <= _STACK and stack[depth - 1] == h
            odd = odd or (foreign and not matched)
            if kind & FOREIGN or not matched:
                foreign = False
            if matched:
                depth -= 1
                if styled[depth] == 1:
                    alike[k] -= 1
                    formatting -= 1 if alike[k] < _ALIKE else 0
                elif styled[depth] == 2:
                    formatting -= 1
            else:
                nodes += 2 + formatting  # some end tags without a start make an element
        else:
            nodes += 2 + attributes + formatting  # the element, the text after it, and what is made again inside
            pairs += attributes * attributes
            if data[j - 1] == 47 and (foreign or kind & FOREIGN):  # />
                pass
            elif kind & RAW and not foreign and (written or not odd):
                raw = h
            elif not kind & FLAT or foreign:
                group = group_of[k] if k < len(keys) and keys[k] == h else 0
                if group and not (odd or foreign or written):
                    if group == _ROW and 0 < depth <= _STACK and groups[depth - 1] == _CELL:
                        depth -= 1
                    if 0 < depth <= _STACK and groups[depth - 1] == group:
                        depth -= 1
                if depth < _STACK:
                    groups[depth] = group
                if depth < _STACK:
                    stack[depth] = h
                    styled[depth] = 0
                if kind & STYLE and not foreign:
                    if attributes:
                        formatting += 1
                    else:
                        formatting += 1 if alike[k] < _ALIKE else 0
                        alike[k] += 1
                    if depth < _STACK:
                        styled[depth] = 2 if attributes else 1
                depth += 1
                deepest = max(deepest, depth)
                if kind & FOREIGN:
                    foreign = True
        i = j
    return deepest, nodes, pairs, steps


@nb.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _comment_end(data: npt.NDArray[np.uint8], i: int) -> int:
    """Where the comment whose text starts at ``i`` ends: at ``-->``, or ``>`` at once."""
    first = i
    while i < len(data) and not (data[i] == 62 and (i == first or (data[i - 1] == 45 and data[i - 2] == 45))):
        if data[i] == 62 and data[i - 1] == 33 and data[i - 2] == 45 and data[i - 3] == 45:  # --!>
            break
        i += 1
    return i


@nb.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _tag_end(data: npt.NDArray[np.uint8], j: int) -> tuple[int, int]:
    """Where the tag ends, outside quoted values, and the number of its attributes."""
    attributes = 0
    quote = np.uint8(0)
    gap = False
    last = np.uint8(0)  # before blanks
    while j < len(data):
        c = data[j]
        if quote != 0:
            if c == quote:
                quote = np.uint8(0)
                gap = True
        elif c == 62:
            break
        elif (c == 34 or c == 39) and last == 61:
            quote = c
        elif c <= 32 or c == 47:
            gap = True
        elif gap:
            attributes += 1
            gap = False
        if c > 32:
            last = c
        j += 1
    return j, attributes
