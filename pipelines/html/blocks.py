"""Blocks: the paragraphs, headings, items and cells of a page, and what their characters say."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from pipelines.html.page import LINKED, PARAGRAPH, Bits, Ints, Page

#: columns of ``Blocks.counts``
COUNTS = (
    "width words linked links commas stops digits capitals punctuated colon runs symbols upper longest question"
).split()
WIDTH, WORDS, LINKED_WIDTH = (COUNTS.index(name) for name in ("width", "words", "linked"))
#: of a block, this many words are looked up
LOOKED_UP = 12


class Blocks(NamedTuple):
    """``first[b]:first[b + 1]`` are the runs of block ``b``, ``owner`` the block element it starts in."""

    first: Ints  # blocks + 1
    owner: Ints
    counts: npt.NDArray[np.float32]  # blocks, COUNTS
    words: Bits  # blocks, LOOKED_UP: hashes of its first words, 0 where there are fewer
    text: Bits  # hash of its letters and digits


def blocks(html: bytes, page: Page) -> Blocks:
    data = np.frombuffer(html, np.uint8)
    return Blocks(*_blocks(data, page.start, page.end, page.within, page.gap, page.kind, page.link, page.block))


_BASIS, _PRIME = np.uint32(2166136261), np.uint64(16777619)


@nb.njit(cache=True, nogil=True)
def _is_unspaced(c, following):
    """Whether these bytes begin a letter of Thai, Lao, Burmese or Khmer, which are written without spaces."""
    return (c == 0xE0 and 0xB8 <= following <= 0xBB) or (
        c == 0xE1 and (0x80 <= following <= 0x82 or following == 0x9E or following == 0x9F)
    )


@nb.njit(cache=True, nogil=True)
def _blocks(data, start, end, within, gap, kind, link, block):
    runs = len(start)
    count = 0
    for r in range(runs):
        count += gap[r] >= PARAGRAPH or r == 0
    first = np.empty(count + 1, np.int32)
    owner = np.empty(count, np.int32)
    counts = np.zeros((count, 15), np.float32)
    words = np.zeros((count, LOOKED_UP), np.uint32)
    text = np.empty(count, np.uint32)
    b = -1
    for r in range(runs):
        if gap[r] >= PARAGRAPH or r == 0:
            b += 1
            first[b] = r
            owner[b] = block[within[r]]
    first[count] = runs
    for b in range(count):
        width = word = linked = commas = stops = digits = capitals = symbols = upper = longest = asks = 0
        whole = _BASIS
        last = np.uint8(0)
        for r in range(first[b], first[b + 1]):
            before = width
            h = _BASIS
            length = 0
            k = start[r]
            stop = end[r]
            while k < stop:
                c = data[k]
                k += 1
                if c < 128:
                    small = c | 32
                    if 97 <= small <= 122:
                        width += 1
                        if c < 97:
                            upper += 1
                            capitals += length == 0
                        h = np.uint32((np.uint64(h) ^ np.uint64(small)) * _PRIME)
                        whole = np.uint32((np.uint64(whole) ^ np.uint64(small)) * _PRIME)
                        length += 1
                        last = c
                        continue
                    if 48 <= c <= 57:
                        width += 1
                        digits += 1
                        h = np.uint32((np.uint64(h) ^ np.uint64(48)) * _PRIME)
                        whole = np.uint32((np.uint64(whole) ^ np.uint64(c)) * _PRIME)
                        length += 1
                        last = c
                        continue
                    if c == 38:  # an entity is one character
                        m = k
                        while m < min(stop, k + 10) and (
                            97 <= data[m] | 32 <= 122 or 48 <= data[m] <= 57 or data[m] == 35
                        ):
                            m += 1
                        if m < stop and m > k and data[m] == 59:
                            k = m + 1
                    if c > 32:
                        width += 1
                        last = c
                        if c == 44 or c == 59:
                            commas += 1
                        elif c == 46 or c == 33 or c == 63:
                            stops += 1
                            asks += c == 63
                        elif c != 39 and c != 34 and c != 45 and c != 40 and c != 41 and c != 38:
                            symbols += 1
                    if length:
                        if word < LOOKED_UP:
                            words[b, word] = h
                        longest = max(longest, length)
                        word += 1
                        h = _BASIS
                        length = 0
                    continue
                if c < 192:  # within a character
                    h = np.uint32((np.uint64(h) ^ np.uint64(c)) * _PRIME)
                    whole = np.uint32((np.uint64(whole) ^ np.uint64(c)) * _PRIME)
                    continue
                last = c
                if c == 0xE3 and k + 1 < stop and data[k] == 0x80 and (data[k + 1] == 0x81 or data[k + 1] == 0x82):
                    stops += data[k + 1] == 0x82
                    commas += data[k + 1] == 0x81
                    last = np.uint8(46)
                    width += 1
                elif c == 0xEF and k + 1 < stop and data[k] == 0xBC:
                    commas += data[k + 1] == 0x8C
                    stops += data[k + 1] == 0x81 or data[k + 1] == 0x9F
                    width += 1
                elif 0xE3 <= c <= 0xED:  # Han, kana, hangul: about half a word each
                    width += 3
                    if length > 1:
                        if word < LOOKED_UP:
                            words[b, word] = h
                        word += 1
                        h = _BASIS
                        length = 0
                elif c == 0xE2 and k < stop and data[k] == 0x80:  # quotation marks, dashes, dots, spaces
                    width += 1
                    if length:
                        if word < LOOKED_UP:
                            words[b, word] = h
                        word += 1
                        h = _BASIS
                        length = 0
                    continue
                else:
                    width += 1
                    if length > 4 and k < stop and _is_unspaced(c, data[k]):  # about five letters a word
                        if word < LOOKED_UP:
                            words[b, word] = h
                        word += 1
                        h = _BASIS
                        length = 0
                h = np.uint32((np.uint64(h) ^ np.uint64(c)) * _PRIME)
                whole = np.uint32((np.uint64(whole) ^ np.uint64(c)) * _PRIME)
                length += 1
            if length:
                if word < LOOKED_UP:
                    words[b, word] = h
                longest = max(longest, length)
                word += 1
            if kind[r] == LINKED:
                linked += width - before
        counts[b, 0] = width
        counts[b, 1] = word
        counts[b, 2] = linked
        lastrun = first[b + 1] - 1
        begin = link[first[b]] - (1 if kind[first[b]] == LINKED else 0)
        counts[b, 3] = link[lastrun] - begin
        counts[b, 4] = commas
        counts[b, 5] = stops
        counts[b, 6] = digits
        counts[b, 7] = capitals
        counts[b, 8] = last == 46 or last == 33 or last == 63 or last == 34
        counts[b, 9] = last == 58
        counts[b, 10] = first[b + 1] - first[b]
        counts[b, 11] = symbols
        counts[b, 12] = upper
        counts[b, 13] = longest
        counts[b, 14] = asks
        text[b] = whole
    return first, owner, counts, words, text


def words_of(html: bytes, start: int, end: int) -> Bits:
    """Hashes of the first words of ``html[start:end]``, as in ``Blocks.words``."""
    one, zero = np.array([start], np.int32), np.zeros(1, np.int32)
    data = np.frombuffer(html, np.uint8)
    nothing = zero.astype(np.uint8)
    found = Blocks(*_blocks(data, one, np.array([end], np.int32), zero, nothing, nothing, zero, zero))
    return found.words[0, : min(int(found.counts[0, WORDS]), LOOKED_UP)]
