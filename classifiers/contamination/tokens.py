"""Texts as a benchmark is looked for in them: words without case, accents or marks, and numbers by their value.

A word is a run of letters, an apostrophe within it left out; a character of a script without spaces is a word by
itself. A number is a run of digits with the points and commas between them. What shows nothing (zero-width spaces, soft
hyphens, variation selectors) and what only decorates (combining marks) is not there at all.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from classifiers import hashing
from manifests import text
from manifests.character_tables import SIZE
from manifests.text import class_of, decode

#: what every number's word is, so that another number in its place is the same word
NUMBER = np.uint64(0x9E3779B97F4A7C15)
_TABLE = Path(__file__).with_name("folded.npy")


@dataclass(frozen=True)
class Tokens:
    """Words of many texts: those of text ``i`` are at ``offsets[i]:offsets[i + 1]`` of the other arrays."""

    offsets: npt.NDArray[np.int64]
    words: npt.NDArray[np.uint64]  #: hash of the folded word; ``NUMBER`` for every number
    values: npt.NDArray[np.uint64]  #: the same, but a number's is the hash of its digits
    starts: npt.NDArray[np.int64]  #: in bytes of all texts together
    ends: npt.NDArray[np.int64]
    upper: npt.NDArray[np.bool_]  #: the word begins with a capital

    def __len__(self) -> int:
        return len(self.offsets) - 1


@njit(inline="always", cache=True)
def _base(folded: Any, code: Any) -> Any:
    return np.int64(folded[code]) if code < 0x10000 else code


@njit(cache=True, nogil=True, boundscheck=False)
def _tokens(
    offsets: Any, data: Any, classes: Any, folded: Any, words: Any, values: Any, starts: Any, ends: Any, upper: Any,
    bounds: Any,
) -> int:  # fmt: skip
    n = 0
    for d in range(offsets.size - 1):
        i = offsets[d]
        stop = offsets[d + 1]
        h = hashing.SEED
        open_ = np.int64(0)  # the token under way: 0 none, 1 letters, 2 digits
        first = last = np.int64(0)
        capital = False
        while i <= stop:
            code, size = (np.int64(32), np.int64(1)) if i == stop else decode(data, i)
            base = _base(folded, code)
            if base == 0:  # shows nothing
                i += size
                continue
            kind = class_of(classes, base)
            letter = (kind & text.LETTER) != 0
            digit = (kind & text.DIGIT) != 0
            alone = (kind & text.UNSPACED) != 0
            if open_ == 1 and (code == 0x27 or code == 0x2019 or code == 0x2BC):
                i += size
                continue
            if open_ == 2 and (code == 0x2E or code == 0x2C) and i + size < stop and 48 <= data[i + size] <= 57:
                i += size
                continue
            if open_ != 0 and (alone or not ((letter and open_ == 1) or (digit and open_ == 2))):
                h = hashing.mix(h)
                words[n] = NUMBER if open_ == 2 else h
                values[n] = h
                starts[n] = first
                ends[n] = last
                upper[n] = capital
                n += 1
                h = hashing.SEED
                open_ = np.int64(0)
            if letter or digit:
                if open_ == 0:
                    first = i
                    open_ = np.int64(2) if digit else np.int64(1)
                    capital = class_of(classes, code) & text.UPPER != 0
                h = hashing.fold(h, base)
                last = i + size
                if alone:
                    words[n] = hashing.mix(h)
                    values[n] = words[n]
                    starts[n] = first
                    ends[n] = last
                    upper[n] = False
                    n += 1
                    h = hashing.SEED
                    open_ = np.int64(0)
            i += size
        bounds[d + 1] = n
    return n


def tokens(texts: pa.Array | pa.ChunkedArray) -> Tokens:
    """The words and numbers of each text; null has none."""
    offsets, data = text.buffers(texts)
    size = len(data)
    words, values = np.empty(size, np.uint64), np.empty(size, np.uint64)
    starts, ends, upper = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.bool_)
    bounds = np.zeros(len(offsets), np.int64)
    n = _tokens(offsets, data, text.classes(), folded(), words, values, starts, ends, upper, bounds)
    return Tokens(bounds, words[:n].copy(), values[:n].copy(), starts[:n].copy(), ends[:n].copy(), upper[:n].copy())


@cache
def folded() -> npt.NDArray[np.uint16]:
    """``uint16[65536]``: each character without case, accent and compatible form; 0 for what shows nothing."""
    table: npt.NDArray[np.uint16] = np.load(_TABLE)
    return table


def fold(character: str) -> str:
    """What ``folded`` has for one character; empty for one that shows nothing."""
    if unicodedata.category(character) in ("Cf", "Mn", "Me") or character == "\0":
        return ""
    small = character.lower()
    bases = [c for c in unicodedata.normalize("NFKD", small) if unicodedata.category(c) not in ("Mn", "Me", "Cf")]
    if len(bases) == 1 and ord(bases[0]) < SIZE:
        return bases[0].lower()
    return small if len(small) == 1 else character


if __name__ == "__main__":  # makes the table
    made = np.zeros(SIZE, np.uint16)
    for code in range(SIZE):
        if not 0xD800 <= code < 0xE000:
            made[code] = ord(fold(chr(code)) or "\0")
    np.save(_TABLE, made)
