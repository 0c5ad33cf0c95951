"""A look at HTML before it is parsed: how deep it nests and how many nodes a parser would make of it.

HTML needs few bytes to cost much: 100,000 nested elements take hours to extract from, unclosed formatting elements are
made again in every later block, and the attributes of one element are compared in pairs. One pass over the bytes bounds
each of these, so that hostile pages are refused by counting, never by a clock.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

#: elements without content (HTML Living Standard 13.1.2), and those whose end tag may be left out: these cannot nest
#: without a container, which is counted
_FLAT = (
    "area base br col embed hr img input link meta param source track wbr frame keygen basefont bgsound "
    "p li dt dd option optgroup tr td th thead tbody tfoot colgroup html head body a nobr button"
)
#: elements that stay open in the blocks that follow until they are closed (13.2.4.3)
_FORMATTING = "b big code em font i s small strike strong tt u"
#: their content is text, not elements
_RAW = "script style textarea title xmp noembed noframes iframe"
#: elements that end SVG or MathML (13.2.6.5), or hold HTML inside it; elsewhere in it `<x/>` closes itself
_LEAVING = (
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    "nobr ol p pre ruby s small span strong strike sub sup table tt u ul var font "
    "foreignobject desc title annotation-xml mi mo mn ms mtext"
)


FLAT, STYLE, RAW, LEAVING, FOREIGN = 1, 2, 4, 8, 16


def _hash(name: bytes) -> int:
    """FNV-1a, as the compiled pass computes it over lower-cased names."""
    h = 2166136261
    for byte in name:
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def _table() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    names = ((_FLAT, FLAT), (_FORMATTING, STYLE), (_RAW, RAW), (_LEAVING, LEAVING), ("svg math", FOREIGN))
    kinds: dict[int, int] = {}
    for line, bit in names:
        for name in line.split():
            kinds[_hash(name.encode())] = kinds.get(_hash(name.encode()), 0) | bit
    keys = np.array(sorted(kinds), np.uint32)
    return keys, np.array([kinds[int(k)] for k in keys], np.uint8)


_KEYS, _KINDS = _table()


class Shape(NamedTuple):
    """Bounds on what parsing would make: nesting depth, nodes, attributes of one element."""

    depth: int
    nodes: int
    attributes: int


def shape(html: bytes) -> Shape:
    """Depth, nodes and attributes of a page, from one pass over its bytes; comments and scripts hold no elements."""
    depth, nodes, attributes = _scan(np.frombuffer(html, np.uint8), _KEYS, _KINDS)
    return Shape(int(depth), int(nodes), int(attributes))


@nb.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _scan(
    data: npt.NDArray[np.uint8], keys: npt.NDArray[np.uint32], kinds: npt.NDArray[np.uint8]
) -> tuple[int, int, int]:
    n = len(data)
    depth = deepest = formatting = nodes = most = 0
    foreign = False  # within SVG or MathML
    raw = np.uint32(0)  # the name of the raw-text element we are in
    i = 0
    while i < n:
        if data[i] != 60:  # <
            i += 1
            continue
        if raw == 0 and i + 3 < n and data[i + 1] == 33 and data[i + 2] == 45 and data[i + 3] == 45:  # <!--
            i += 4
            while i < n and not (data[i] == 62 and data[i - 1] == 45 and data[i - 2] == 45):
                i += 1
            nodes += 1
            continue
        closing = i + 1 < n and data[i + 1] == 47
        j = i + 2 if closing else i + 1
        h = np.uint32(2166136261)
        start = j
        while j < n:
            c = data[j] | 32 if 65 <= data[j] <= 90 else data[j]
            if not (97 <= c <= 122 or 48 <= c <= 57 or c == 45):
                break
            h = np.uint32((np.uint64(h ^ np.uint32(c)) * np.uint64(16777619)) & np.uint64(0xFFFFFFFF))
            j += 1
        if j == start or data[start] < 65:  # a bare <, a doctype, an instruction
            i += 1
            continue
        if raw != 0:
            if closing and h == raw:
                raw = np.uint32(0)
            i = j
            continue
        k = np.searchsorted(keys, h)
        kind = kinds[k] if k < len(keys) and keys[k] == h else 0
        # to the end of the tag, outside quoted values
        attributes = 0
        quote = np.uint8(0)
        gap = False
        while j < n:
            c = data[j]
            if quote != 0:
                if c == quote:
                    quote = np.uint8(0)
                    gap = True
            elif c == 62:
                break
            elif (c == 34 or c == 39) and data[j - 1] == 61:
                quote = c
            elif c <= 32 or c == 47:
                gap = True
            elif gap:
                attributes += 1
                gap = False
            j += 1
        if kind & LEAVING:
            foreign = False
        if closing:
            if kind & FOREIGN:
                foreign = False
            if kind & STYLE:
                formatting = max(0, formatting - 1)
            if not kind & (FLAT | RAW):
                depth = max(0, depth - 1)
        else:
            nodes += 2 + attributes + formatting  # the element, the text after it, and what is made again inside
            most = max(most, attributes)
            if foreign and data[j - 1] == 47:  # />
                pass
            elif kind & RAW and not foreign:
                raw = h
            elif foreign or not kind & FLAT:
                depth += 1
                deepest = max(deepest, depth)
                formatting += 1 if kind & STYLE else 0
            if kind & FOREIGN:
                foreign = True
        i = j
    return deepest, nodes, most
