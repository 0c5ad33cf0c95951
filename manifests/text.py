"""Texts as arrays: Arrow's UTF-8 buffers, the class of a character, and the hash of a text's content."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from manifests.character_tables import DIGIT, LETTER, PUNCTUATION, SPACE, TERMINAL, UNSPACED, UPPER

__all__ = [
    "DIGIT",
    "LETTER",
    "PUNCTUATION",
    "SPACE",
    "TERMINAL",
    "UNSPACED",
    "UPPER",
    "buffers",
    "class_of",
    "classes",
    "content_hash",
    "decode",
    "encode",
    "lower_case",
]

_ASTRAL_SYMBOLS = (0x1F000, 0x1FBFF)
_ASTRAL_HAN = (0x20000, 0x3FFFF)
#: bytes of text normalised at a time, which bounds the scratch memory
_BLOCK = 16 << 20


def buffers(texts: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """``(offsets int64[n + 1], data uint8[])``: text ``i`` is ``data[offsets[i]:offsets[i + 1]]``; null is empty.

    ``data`` holds these texts only and is a view of Arrow's memory wherever the layout permits. Any type that casts to
    ``large_string`` will do; others raise ``pyarrow.ArrowInvalid`` or ``ArrowNotImplementedError``.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks() if texts.num_chunks != 1 else texts.chunk(0)
    texts = texts.cast(pa.large_string())
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    if not len(texts):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    _, where, what = texts.buffers()
    offsets = np.frombuffer(where, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    if what is None:
        return np.zeros(len(texts) + 1, np.int64), np.zeros(0, np.uint8)
    data = np.frombuffer(what, np.uint8)[offsets[0] : offsets[-1]]
    return (offsets - offsets[0] if offsets[0] else offsets), data


@cache
def classes() -> npt.NDArray[np.uint8]:
    """``uint8[65536]``: the class bits of each character of the basic plane."""
    return _table("character_classes.npy")


@cache
def lower_case() -> npt.NDArray[np.uint16]:
    """``uint16[65536]``: simple lower case of each character of the basic plane."""
    return _table("lower_case.npy")


def _table(name: str) -> npt.NDArray[Any]:
    table: npt.NDArray[Any] = np.load(Path(__file__).with_name(name))
    return table


@njit(inline="always", cache=True)
def decode(data: Any, i: Any) -> Any:
    """``(code point, bytes)`` of the character at ``i`` of valid UTF-8."""
    b = np.int64(data[i])
    if b < 0x80:
        return b, 1
    if b < 0xE0:
        return ((b & 0x1F) << 6) | (np.int64(data[i + 1]) & 0x3F), 2
    high = ((np.int64(data[i + 1]) & 0x3F) << 6) | (np.int64(data[i + 2]) & 0x3F)
    if b < 0xF0:
        return ((b & 0x0F) << 12) | high, 3
    return ((b & 0x07) << 18) | (high << 6) | (np.int64(data[i + 3]) & 0x3F), 4


@njit(inline="always", cache=True)
def encode(code: Any, out: Any, i: Any) -> Any:
    """Writes a code point to ``out`` at ``i`` as UTF-8; returns its bytes."""
    if code < 0x80:
        out[i] = code
        return 1
    if code < 0x800:
        out[i] = 0xC0 | (code >> 6)
        out[i + 1] = 0x80 | (code & 0x3F)
        return 2
    if code < 0x10000:
        out[i] = 0xE0 | (code >> 12)
        out[i + 1] = 0x80 | ((code >> 6) & 0x3F)
        out[i + 2] = 0x80 | (code & 0x3F)
        return 3
    out[i] = 0xF0 | (code >> 18)
    out[i + 1] = 0x80 | ((code >> 12) & 0x3F)
    out[i + 2] = 0x80 | ((code >> 6) & 0x3F)
    out[i + 3] = 0x80 | (code & 0x3F)
    return 4


@njit(inline="always", cache=True)
def class_of(classes: Any, code: Any) -> Any:
    """Class bits of a code point; beyond the basic plane emoji are punctuation and the rest letters."""
    if code < 0x10000:
        return np.int64(classes[code])
    if _ASTRAL_SYMBOLS[0] <= code <= _ASTRAL_SYMBOLS[1]:
        return np.int64(PUNCTUATION)
    if _ASTRAL_HAN[0] <= code <= _ASTRAL_HAN[1]:
        return np.int64(LETTER | UNSPACED)
    return np.int64(LETTER)


@njit(cache=True, nogil=True, boundscheck=False)
def _normalise(offsets: Any, data: Any, classes: Any, lower: Any, ends: Any, out: Any) -> None:
    n = 0
    for d in range(offsets.size - 1):
        first = n
        gap = False
        i = offsets[d]
        while i < offsets[d + 1]:
            code, size = decode(data, i)
            if (class_of(classes, code) & SPACE) != 0:
                gap = n > first
            else:
                if gap:
                    out[n] = 32
                    n += 1
                    gap = False
                n += encode(np.int64(lower[code]) if code < 0x10000 else code, out, n)
            i += size
        ends[d] = n


def content_hash(texts: pa.Array | pa.ChunkedArray) -> pa.StringArray:
    """BLAKE2b-128 of each text's content, in hexadecimal: what two exact duplicates share.

    The content is the text in simple lower case (basic plane), every run of white space one space, none at the ends.
    No Unicode normalisation form is applied. Null counts as empty.
    """
    offsets, data = buffers(texts)
    hashes: list[str] = []
    start = 0
    while start < len(offsets) - 1:
        stop = int(np.searchsorted(offsets, offsets[start] + _BLOCK, side="right")) - 1
        stop = max(start + 1, stop)
        block = offsets[start : stop + 1]
        # lower case takes at most three bytes where two were (U+023A becomes U+2C65)
        out = np.empty((int(block[-1] - block[0]) * 3) // 2 + 4, np.uint8)
        ends = np.zeros(stop - start + 1, np.int64)
        _normalise(block, data, classes(), lower_case(), ends[1:], out)
        view = out.data
        bounds = ends.tolist()
        hashes += [blake2b(view[a:b], digest_size=16).hexdigest() for a, b in pairwise(bounds)]
        start = stop
    return pa.array(hashes, pa.string())
