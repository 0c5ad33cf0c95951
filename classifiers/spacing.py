"""Texts as a bag-of-words model reads them: lower case, one line, every mark and unspaced character by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

from manifests import text
from manifests.text import class_of, decode


@njit(cache=True, nogil=True, boundscheck=False)
def _space(offsets: Any, data: Any, classes: Any, lower: Any, ends: Any, out: Any) -> None:
    n = 0
    for d in range(offsets.size - 1):
        first = n
        apart = False  # a space belongs before the next character
        i = offsets[d]
        while i < offsets[d + 1]:
            code, size = decode(data, i)
            kind = class_of(classes, code)
            alone = (kind & (text.PUNCTUATION | text.UNSPACED)) != 0
            if (kind & text.SPACE) != 0 or code == 0:
                apart = True
            else:
                if (apart or alone) and n > first:
                    out[n] = 32
                    n += 1
                n += text.encode(np.int64(lower[code]) if code < 0x10000 else code, out, n)
                apart = alone
            i += size
        ends[d] = n


def spaced(texts: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    """Each text in simple lower case, its words, marks and unspaced characters apart by single spaces.

    No line break is left and no word holds a mark, so neither lines, nor ``</s>``, nor ``__label__…`` of fastText's
    format can come from a text. Null counts as empty.
    """
    offsets, data = text.buffers(texts)
    ends = np.zeros(len(offsets), np.int64)
    out = np.empty(2 * len(data) + 4, np.uint8)  # at most one space for each character
    _space(offsets, data, text.classes(), text.lower_case(), ends[1:], out)
    return pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(out[: ends[-1]].copy()))
