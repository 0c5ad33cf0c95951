"""Chosen blocks to text: paragraphs, headings, items, rows of tables and code, as plain text or Markdown."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from pipelines.html import entities
from pipelines.html.blocks import Blocks
from pipelines.html.characters import put_blanks, put_text
from pipelines.html.elements import CONTEXT, ID
from pipelines.html.page import BREAK, JOINED, MATHML, TEX, Page
from pipelines.html.shapes import shapes

_C_TABLE, _C_PRE, _C_LIST, _C_QUOTE, _C_MATH, _C_ARIA, _C_CODE = (
    CONTEXT[name] for name in "table pre list blockquote math aria code".split()
)
_TR, _TD, _TH, _TABLE, _LI, _UL, _OL, _MENU, _DIR, _PRE, _H1, _H6, _CODE, _MATH, _LISTING, _P, _DT, _DD, _SUMMARY = (
    ID[name] for name in "tr td th table li ul ol menu dir pre h1 h6 code math listing p dt dd summary".split()
)
_INDENT = 8  # list levels that are shown
_DEEP = 100  # columns code may be indented by
_GAPS = 32  # empty cells that are shown


def render(html: bytes, page: Page, found: Blocks, keep: npt.NDArray[np.bool_], *, markdown: bool = False) -> str:
    """The blocks kept, in page order: paragraphs parted by an empty line, items and rows on lines of their own."""
    data = np.frombuffer(html, np.uint8)
    ordinal, data_table, skipped, tex = shapes(
        page.tag,
        page.parent,
        page.context,
        page.token0,
        page.token,
        page.kind,
        page.within,
        found.first,
        found.owner,
        found.counts,
    )
    out, size = _write(
        data,
        page.tag,
        page.parent,
        page.context,
        page.start,
        page.end,
        page.within,
        page.gap,
        page.kind,
        found.first,
        found.owner,
        keep,
        ordinal,
        data_table,
        skipped,
        tex,
        markdown,
        entities.KEYS,
        entities.FIRST,
        entities.SECOND,
        entities.WINDOWS,
    )
    return str(out[:size].tobytes().decode("utf-8", "replace").strip())


@nb.njit(cache=True, nogil=True)
def _put(out, o, c, times):
    for _ in range(times):
        out[o] = c
        o += 1
    return o


@nb.njit(cache=True, nogil=True)
def _number(out, o, number):
    digits = 1
    while 10**digits <= number:
        digits += 1
    for k in range(digits - 1, -1, -1):
        out[o] = 48 + number // 10**k % 10
        o += 1
    return o


@nb.njit(cache=True, nogil=True)
def _trim(out, o):
    while o and (out[o - 1] == 32 or out[o - 1] == 10):
        o -= 1
    return o


@nb.njit(cache=True, nogil=True)
def _write(
    data,
    tag,
    parent,
    context,
    start,
    end,
    within,
    gap,
    kind,
    first,
    owner,
    keep,
    ordinal,
    data_table,
    skipped,
    tex,
    markdown,
    keys,
    firsts,
    seconds,
    windows,
):
    size = 64
    for b in range(len(owner)):
        if keep[b]:
            size += 160 + 4 * _GAPS + _DEEP
            for r in range(first[b], first[b + 1]):
                size += 2 * (end[r] - start[r]) + 16
                if r > first[b]:
                    size += start[r] - end[r - 1]
    out = np.empty(size, np.uint8)
    o = 0
    row = item = code = table = 0  # the element of each kind that was written last
    cell = 0  # how many cells of the row have been begun
    rows_seen = 0
    for b in range(len(owner)):
        if not keep[b]:
            continue
        here = owner[b]
        # ---- what the block is part of, from the inside out
        cell_now = row_now = table_now = item_now = code_now = 0
        level = 0
        quoted = False
        heading = 0
        e = here
        while e:
            t = tag[e]
            if (t == _TD or t == _TH) and not cell_now and not table_now:
                cell_now = e
            elif t == _TR and not row_now and not table_now:
                row_now = e
            elif t == _TABLE and not table_now:
                table_now = e
            elif t == _LI and not item_now and not table_now:
                item_now = e
            elif (t == _UL or t == _OL or t == _MENU or t == _DIR) and not table_now:
                level += 1
            elif t == _PRE or t == _LISTING:
                code_now = e
            elif _H1 <= t <= _H6 and not heading:
                heading = t - _H1 + 1
            e = parent[e]
        quoted = context[here] & _C_QUOTE != 0
        in_row = cell_now != 0 and row_now != 0 and table_now != 0 and data_table[table_now] and not code_now
        begun = o
        # ---- what comes before it
        if row and (not in_row or row_now != row):
            o = _trim(out, o)
            o = _put(out, o, 32, 1)
            o = _put(out, o, 124, 1)
            if markdown and rows_seen == 1:
                o = _put(out, o, 10, 1)
                for _ in range(min(cell, _GAPS)):
                    o = _put(out, o, 124, 1)
                    o = _put(out, o, 45, 3)
                o = _put(out, o, 124, 1)
            row = 0
        if code and code_now != code:
            o = _trim(out, o)
            if markdown:
                o = _put(out, o, 10, 1)
                o = _put(out, o, 96, 3)
            code = 0
        if in_row:
            position = ordinal[cell_now]
            if row_now != row:
                if o:
                    o = _put(out, o, 10, 1 if table_now == table else 2)
                rows_seen = rows_seen + 1 if table_now == table else 1
                table = table_now
                row = row_now
                cell = 0
            if position > cell:
                o = _trim(out, o) if cell else o
                for _ in range(min(position - cell - 1, _GAPS)):
                    o = _put(out, o, 32, 1 if cell else 0)
                    o = _put(out, o, 124, 1)
                    cell += 1
                o = _put(out, o, 32, 1 if cell else 0)
                o = _put(out, o, 124, 1)
                o = _put(out, o, 32, 1)
                cell = position
            elif o and out[o - 1] != 32:
                o = _put(out, o, 32, 1)
        elif code_now:
            if code_now != code:
                if o:
                    o = _put(out, o, 10, 2)
                if markdown:
                    o = _put(out, o, 96, 3)
                    o = _put(out, o, 10, 1)
                code = code_now
            else:
                o = _put(out, o, 10, 1)
        elif item_now:
            if item_now != item:
                if o:
                    o = _put(out, o, 10, 1 if item else 2)
                o = _put(out, o, 32, 2 * min(max(level - 1, 0), _INDENT))
                q = parent[item_now]
                if tag[q] == _OL:
                    o = _number(out, o, ordinal[item_now])
                    o = _put(out, o, 46, 1)
                else:
                    o = _put(out, o, 45, 1)
                o = _put(out, o, 32, 1)
            else:
                o = _put(out, o, 10, 1)
                o = _put(out, o, 32, 2 * min(level, _INDENT))
        elif o:
            o = _put(out, o, 10, 2)
        if not in_row:
            table = 0
        item = item_now if not in_row else 0
        if markdown and not in_row and not code_now:
            if quoted and not item_now:
                o = _put(out, o, 62, 1)
                o = _put(out, o, 32, 1)
            if heading and not item_now:
                o = _put(out, o, 35, heading)
                o = _put(out, o, 32, 1)
        # ---- its runs
        written = o
        in_code = 0
        for r in range(first[b], first[b + 1]):
            e = within[r]
            if skipped[e]:
                continue
            if kind[r] == MATHML:
                q = e
                while q and tag[q] != _MATH:
                    q = parent[q]
                if tex[q]:
                    continue
            inline_code = 0
            if markdown and not code_now and context[e] & _C_CODE:
                q = e
                while q and tag[q] != _CODE:
                    q = parent[q]
                inline_code = q
            if in_code and inline_code != in_code:
                o = _put(out, o, 96, 1)
                in_code = 0
            if o > written:
                if code_now:
                    o = put_blanks(data, end[r - 1], start[r], out, o)
                    if gap[r] == BREAK:
                        o = _put(out, o, 10, 1)
                elif gap[r] == BREAK and not in_row:
                    o = _trim(out, o)
                    o = _put(out, o, 10, 1)
                elif gap[r] != JOINED and out[o - 1] != 32 and out[o - 1] != 10:
                    o = _put(out, o, 32, 1)
            elif code_now:  # the first line's indentation
                k = start[r]
                while k > 0 and (data[k - 1] == 32 or data[k - 1] == 9) and start[r] - k < _DEEP:
                    k -= 1
                o = put_blanks(data, k, start[r], out, o)
            if inline_code and not in_code:
                o = _put(out, o, 96, 1)
                in_code = inline_code
            if kind[r] == TEX:
                o = _put(out, o, 36, 1)
            o = put_text(data, start[r], end[r], out, o, code_now != 0, in_row, keys, firsts, seconds, windows)
            if kind[r] == TEX:
                o = _put(out, o, 36, 1)
        if in_code:
            o = _put(out, o, 96, 1)
        if o == written and not in_row:
            o = begun if not row and not code else written
        elif not code_now:
            while o > written and out[o - 1] == 32:
                o -= 1
    if row:
        o = _trim(out, o)
        o = _put(out, o, 32, 1)
        o = _put(out, o, 124, 1)
    if code and markdown:
        o = _put(out, o, 10, 1)
        o = _put(out, o, 96, 3)
    return out, o
