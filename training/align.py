"""Which words of a page are words of its true text: an alignment in reading order that prefers long matches."""

from __future__ import annotations

import html
import re

import numba as nb
import numpy as np
import numpy.typing as npt

from pipelines.html.blocks import Blocks
from pipelines.html.page import JOINED, Page

_WORD = re.compile(r"\w+")
_CELLS = 400_000_000


def block_texts(data: bytes, page: Page, found: Blocks) -> list[str]:
    """The text of each block as the scorers see it: words and what is between them."""
    texts = []
    for b in range(len(found.owner)):
        parts = []
        for r in range(found.first[b], found.first[b + 1]):
            if page.gap[r] != JOINED:
                parts.append(" ")
            parts.append(html.unescape(data[page.start[r] : page.end[r]].decode("utf-8", "replace")))
        texts.append("".join(parts).strip())
    return texts


def coverage(texts: list[str], truth: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """``(matched, words)`` of each block: how many of its words are in the truth, and how many it has."""
    vocabulary: dict[str, int] = {}

    def ids(text: str) -> list[int]:
        return [vocabulary.setdefault(w, len(vocabulary)) for w in _WORD.findall(text.lower())]

    want = np.array(ids(truth), np.int32)
    per_block = [ids(t) for t in texts]
    words = np.array([len(w) for w in per_block], np.int32)
    have = np.array([w for one in per_block for w in one], np.int32)
    if len(have) == 0 or len(want) == 0:
        return np.zeros(len(texts), np.float32), words
    if len(have) * len(want) > _CELLS:
        raise ValueError(f"{len(have):,} words against {len(want):,}: more than {_CELLS:,} cells; leave the page out")
    hit = _align(have, want)
    ends = np.cumsum(words)
    sums = np.concatenate([[0], np.cumsum(hit)])
    return (sums[ends] - sums[ends - words]).astype(np.float32), words


@nb.njit(cache=True)
def _align(a, b):
    n, m = len(a), len(b)
    back = np.zeros((n + 1, m + 1), np.uint8)  # bit 0,1: best from up / left / match; bit 2: the match goes on
    best = np.zeros(m + 1, np.float32)
    match = np.full(m + 1, np.float32(-1e9))
    for i in range(1, n + 1):
        diagonal_best, diagonal_match = best[0], match[0]
        for j in range(1, m + 1):
            up, up_match = best[j], match[j]
            here = np.float32(-1e9)
            code = 0
            if a[i - 1] == b[j - 1]:
                goes_on = diagonal_match + np.float32(1.5)
                starts = diagonal_best + np.float32(0.4)
                if goes_on >= starts:
                    here = goes_on
                    code = 4
                else:
                    here = starts
            match[j] = here
            value = up
            if best[j - 1] > value:
                value = best[j - 1]
                code |= 1
            if here > value:
                value = here
                code = (code & 4) | 2
            best[j] = value
            back[i, j] = code
            diagonal_best, diagonal_match = up, up_match
    hit = np.zeros(n, np.uint8)
    i, j = n, m
    inside = False
    while i > 0 and j > 0:
        code = back[i, j]
        if inside or code & 3 == 2:
            hit[i - 1] = 1
            inside = code & 4 != 0
            i -= 1
            j -= 1
        elif code & 1:
            j -= 1
        else:
            i -= 1
    return hit
