"""What a page's tables, lists and formulas are, before any of them is written out."""

from __future__ import annotations

import numba as nb
import numpy as np

from pipelines.html.elements import CONTEXT, ID, fnv
from pipelines.html.page import TEX

_TR, _TD, _TH, _TABLE, _LI, _MATH = (ID[name] for name in "tr td th table li math".split())
_C_ARIA = CONTEXT["aria"]
_KATEX = np.uint32(fnv(b"katex"))
#: a cell wider than this on average makes a table a layout, whose cells are paragraphs
_CELL_WIDTH = 400


@nb.njit(cache=True, nogil=True)
def shapes(tag, parent, context, token0, token, kind, within, first, owner, counts):
    """Of each element: its number among its siblings of the same kind; whether it is a table of data; whether it is
    a picture of a formula that is also there as text; whether it is a formula that is also there as TeX."""
    n = len(tag)
    ordinal = np.zeros(n, np.int32)
    seen = np.zeros(n, np.int32)
    columns = np.zeros(n, np.int32)
    cells = np.zeros(n, np.int32)
    width = np.zeros(n, np.float64)
    data_table = np.zeros(n, np.bool_)
    skipped = np.zeros(n, np.bool_)
    tex = np.zeros(n, np.bool_)
    katex = np.zeros(n, np.bool_)
    table_of = np.zeros(n, np.int32)
    nested = np.zeros(n, np.bool_)
    for e in range(1, n):
        q = parent[e]
        t = tag[e]
        table_of[e] = e if t == _TABLE else table_of[q]
        if t == _TABLE and table_of[q]:
            nested[table_of[q]] = True
        if t == _LI or t == _TD or t == _TH or t == _TR:
            seen[q] += 1
            ordinal[e] = seen[q]
        if t == _TD or t == _TH:
            table = table_of[e]
            columns[table] = max(columns[table], ordinal[e])
            cells[table] += 1
        for k in range(token0[e], token0[e + 1]):
            if token[k] == _KATEX:
                katex[e] = True
        skipped[e] = skipped[q] or (katex[q] and context[e] & _C_ARIA != 0)
    for b in range(len(owner)):
        if table_of[owner[b]]:
            width[table_of[owner[b]]] += counts[b, 0]
    for e in range(n):
        if tag[e] == _TABLE:
            data_table[e] = columns[e] > 1 and not nested[e] and width[e] < _CELL_WIDTH * cells[e]
    for r in range(len(kind)):
        if kind[r] == TEX:
            e = within[r]
            while e and tag[e] != _MATH:
                e = parent[e]
            tex[e] = True
    tex[0] = False
    return ordinal, data_table, skipped, tex
