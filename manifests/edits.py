"""Edits and views. A document's text never changes; a view is the text with named edits applied, and leads back to it.

Whoever removes or replaces stretches of text (redaction, repeated passages) writes a column ``edits/NAME`` of
``schemas.EDITS``, row-aligned with the documents. Offsets are UTF-8 bytes of the document's ``text``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from manifests import parts, schemas
from manifests.text import buffers

FOLDER = "edits"
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """Texts with edits applied. The arrays describe the edits as they were applied: in order, none overlapping."""

    texts: pa.LargeStringArray
    row: Int64s
    start: Int64s  #: ``[start, end)`` in bytes of the original text
    end: Int64s
    shown: Int64s  #: where the replacement starts in the view's text
    length: Int64s  #: and how long it is

    def origin(self, rows: Int64s, start: Int64s, end: Int64s) -> tuple[Int64s, Int64s]:
        """The smallest ``[start, end)`` of the original texts that made ``[start, end)`` of the view's, in bytes.

        A position inside a replacement stands for all that it replaced.
        """
        first = self._original(rows, start, "right", self.start)
        return first, np.maximum(first, self._original(rows, end, "left", self.end))

    def _original(self, rows: Int64s, at: Int64s, side: Literal["left", "right"], edge: Int64s) -> Int64s:
        """Where ``at`` was; of the edit whose replacement it lies in, its ``edge``."""
        rows, at = np.asarray(rows, np.int64), np.asarray(at, np.int64)
        if not len(self.row):
            return at
        found = np.searchsorted(_place(self.row, self.shown), _place(rows, at), side=side) - 1
        k = np.maximum(found, 0)
        within = at - self.shown[k]
        there = np.where(within < self.length[k], edge[k], self.end[k] + within - self.length[k])
        return np.where((found >= 0) & (self.row[k] == rows), there, at)


def _place(row: Int64s, offset: Int64s) -> Int64s:
    """One number in the order of rows and offsets within them (texts are shorter than a terabyte)."""
    return (row << 40) | offset


def column(name: str) -> str:
    """The column folder of the edits of this name."""
    return f"{FOLDER}/{name}"


def table(
    documents: int, rows: Int64s, start: Int64s, end: Int64s, replacement: Sequence[str], by: Sequence[str]
) -> pa.Table:
    """Rows of ``schemas.EDITS`` for a part of ``documents``, from edits in parallel arrays, in any order."""
    order = np.lexsort((end, start, rows))
    offsets = np.searchsorted(np.asarray(rows)[order], np.arange(documents + 1))
    kind = schemas.EDITS.field("edits").type.value_type
    columns = (start, end, replacement, by)
    arrays = [pa.array(c, f.type).take(pa.array(order)) for c, f in zip(columns, kind, strict=True)]
    items = pa.StructArray.from_arrays(arrays, fields=list(kind))
    return pa.table({"edits": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items)}, schema=schemas.EDITS)


def view(run: str, part: str, names: Sequence[str]) -> View:
    """The texts of a document part with the edits of these names applied."""
    texts = parts.read(run, parts.DOCUMENTS, part, ["text"])["text"]
    ids = parts.ids_of(run, part)
    return apply(texts, [parts.read(run, column(n), part, ids=ids)["edits"] for n in names])


def apply(texts: pa.Array | pa.ChunkedArray, edits: Sequence[pa.Array | pa.ChunkedArray]) -> View:
    """Applies lists of edits (columns ``edits`` of ``schemas.EDITS``, aligned with ``texts``).

    Edits that overlap become one over all they cover, so that nothing shows that any of them hides; its replacement is
    that of the edit that starts first, of those the longest, of those the first list's. ValueError for an edit outside
    its text or inside a character.
    """
    offsets, data = buffers(texts)
    flat = [_flatten(column, len(offsets) - 1) for column in edits]
    row = np.concatenate([f[0] for f in flat]) if flat else np.empty(0, np.int64)
    if not len(row):
        original = pa.array(texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts)
        none = np.empty(0, np.int64)
        return View(pc.fill_null(original.cast(pa.large_string()), ""), none, none, none, none, none)
    start, end = (np.concatenate([f[i] for f in flat]) for i in (1, 2))
    replacements = pa.concat_arrays([f[3] for f in flat])
    _check(offsets, data, row, start, end)
    order = np.lexsort((np.arange(len(row)), -end, start, row))
    first, last = offsets[row[order]] + start[order], np.maximum.accumulate(offsets[row[order]] + end[order])
    heads = np.flatnonzero(np.concatenate([[True], first[1:] >= last[:-1]]))
    tails = np.concatenate([heads[1:], [len(order)]]) - 1
    row, first, last = row[order][heads], first[heads], last[tails]
    replaced_at, replaced = buffers(replacements.take(pa.array(order[heads])))
    length = np.diff(replaced_at)
    sizes = np.diff(offsets)
    np.add.at(sizes, row, length - (last - first))
    shown_offsets = np.concatenate([[0], np.cumsum(sizes)])
    out = np.empty(int(shown_offsets[-1]), np.uint8)
    shown = np.empty(len(row), np.int64)
    _splice(data, first, last, replaced_at, replaced, out, shown)
    text = pa.LargeStringArray.from_buffers(len(sizes), pa.py_buffer(shown_offsets), pa.py_buffer(out))
    return View(text, row, first - offsets[row], last - offsets[row], shown - shown_offsets[row], length)


def _flatten(column: pa.Array | pa.ChunkedArray, documents: int) -> tuple[Int64s, Int64s, Int64s, pa.Array]:
    if len(column) != documents:
        raise ValueError(f"{len(column)} lists of edits for {documents} texts: read both from one part")
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    items = whole.flatten()
    rows = pc.list_parent_indices(whole).to_numpy(zero_copy_only=False).astype(np.int64)
    start, end = (items.field(n).to_numpy(zero_copy_only=False).astype(np.int64) for n in ("start", "end"))
    return rows, start, end, pc.fill_null(items.field("replacement"), "")


def _check(offsets: Int64s, data: npt.NDArray[np.uint8], row: Int64s, start: Int64s, end: Int64s) -> None:
    sizes = np.diff(offsets)[row]
    outside = (start < 0) | (end < start) | (end > sizes)
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(f"edit [{start[i]}, {end[i]}) of row {row[i]}: the text has {sizes[i]} bytes")
    for at in (start, end):
        place = offsets[row] + at
        inside = (at < sizes) & ((data[np.minimum(place, len(data) - 1)] & 0xC0) == 0x80) if len(data) else at < 0
        if inside.any():
            i = int(np.argmax(inside))
            raise ValueError(f"edit [{start[i]}, {end[i]}) of row {row[i]} cuts a character at byte {at[i]}")


@njit(cache=True, nogil=True, boundscheck=False)
def _splice(data: Any, first: Any, last: Any, replaced_at: Any, replaced: Any, out: Any, shown: Any) -> None:
    n = 0
    done = 0
    for k in range(first.size):
        for i in range(done, first[k]):
            out[n] = data[i]
            n += 1
        shown[k] = n
        for i in range(replaced_at[k], replaced_at[k + 1]):
            out[n] = replaced[i]
            n += 1
        done = last[k]
    for i in range(done, data.size):
        out[n] = data[i]
        n += 1
