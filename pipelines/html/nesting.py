"""What tags close: how open elements end without an end tag of their own (HTML Living Standard, 13.2.6.4)."""

from __future__ import annotations

import numba as nb
import numpy as np

from pipelines.html.elements import BLOCK, CLOSES_P, ID, KINDS

_A, _P, _LI, _DD, _DT, _TR, _TD, _TH, _TABLE, _TBODY, _THEAD, _TFOOT, _CAPTION = (
    np.uint8(ID[name]) for name in "a p li dd dt tr td th table tbody thead tfoot caption".split()
)
_OPTION, _OPTGROUP, _BUTTON, _DIV, _ADDRESS, _H1, _H6 = (
    np.uint8(ID[name]) for name in "option optgroup button div address h1 h6".split()
)


@nb.njit(cache=True, nogil=True)
def closed_from(tag, signature, stack, depth, t, h):
    """The place in the stack of the element that an end tag closes, with all that is open in it; 0 for none."""
    is_block = KINDS[t] & BLOCK != 0
    d = depth
    while d > 0:
        o = tag[stack[d]]
        if o == t and (t != 0 or signature[stack[d]] == h):
            break
        if is_block:
            # a cell or its table hides what is outside, from all but the table's own parts
            if (
                (o == _TD or o == _TH or o == _CAPTION or o == _TABLE)
                and not (t == _TR or t == _TBODY or t == _THEAD or t == _TFOOT or t == _TABLE)
            ) or (o == _TABLE and t != _TABLE):
                d = 0
        elif KINDS[o] & BLOCK:
            d = 0
        d -= 1
    return d


@nb.njit(cache=True, nogil=True)
def implied_from(tag, stack, depth, t):
    """The place in the stack from which on a start tag closes what is open; ``depth + 1`` for nothing."""
    d = depth
    cut = depth + 1  # everything open from here on is closed
    if t == _LI or t == _DD or t == _DT:
        while d > 0:
            o = tag[stack[d]]
            if o == t or (t != _LI and (o == _DD or o == _DT)):
                cut = d
                break
            if KINDS[o] & BLOCK and o != _DIV and o != _P and o != _ADDRESS:
                break
            d -= 1
    elif t == _TD or t == _TH or t == _TR or t == _TBODY or t == _THEAD or t == _TFOOT:
        while d > 0:
            o = tag[stack[d]]
            if o == _TABLE:
                break
            cell = o == _TD or o == _TH
            if (
                cell
                or (t != _TD and t != _TH and o == _TR)
                or (t != _TD and t != _TH and t != _TR and (o == _TBODY or o == _THEAD or o == _TFOOT))
                or o == _CAPTION
            ):
                cut = d
            if o == _TR and (t == _TD or t == _TH):
                break
            if (o == _TBODY or o == _THEAD or o == _TFOOT) and t == _TR:
                break
            d -= 1
        if d == 0:
            cut = depth + 1  # not in a table
    elif t == _OPTION or t == _OPTGROUP:
        while d > 0 and (tag[stack[d]] == _OPTION or (t == _OPTGROUP and tag[stack[d]] == _OPTGROUP)):
            cut = d
            d -= 1
    elif t == _A or t == _BUTTON:
        while d > 0 and KINDS[tag[stack[d]]] & BLOCK == 0:
            if tag[stack[d]] == t:
                cut = d
            d -= 1
        if t == _BUTTON and tag[stack[d]] == _BUTTON:
            cut = d
    if KINDS[t] & CLOSES_P or t == _LI or t == _DD or t == _DT:
        d = min(depth, cut - 1)
        while d > 0:
            o = tag[stack[d]]
            if o == _P:
                cut = d
                break
            if KINDS[o] & BLOCK:
                break
            d -= 1
        if _H1 <= t <= _H6 and d > 0 and _H1 <= tag[stack[d]] <= _H6:
            cut = d
    return cut
