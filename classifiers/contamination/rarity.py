"""How much a word of a benchmark item tells: its information in bits, little where the words before it announce it.

A word is worth ``-log2`` of its share of running English text, or of its share of all items' words if that is larger;
and no more than what is left of it once two words before it are known, wherever the items themselves show that often
("which of the following"). So stock phrases weigh nothing, and names, quantities and subjects weigh most.

The shares of English words ship as ``words.npz``: the most frequent words of books, code, government sites, manuals,
mathematics, news, papers, forums, textbooks, the web and an encyclopaedia, each kind with the same say. They are hashes
and frequencies, no text; ``python -m classifiers.contamination.rarity FILE.parquet …`` makes them again.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from classifiers.contamination.tokens import NUMBER, Tokens, tokens

Floats = npt.NDArray[np.float64]
_TABLE = Path(__file__).with_name("words.npz")
_KEPT = 16_384
#: bits of a word the table does not have, of any number, and the least of any word
UNKNOWN, NUMERAL, LEAST = 20.0, 6.0, 0.25
#: items of a few words each say little of how frequent words are in items: as if so many others had been seen besides
_PRIOR = 20_000
#: from how many occurrences in the items on three words in a row are a stock phrase
_STOCK = 8
_STEP = np.uint64(0x9E3779B97F4A7C15)


def grams(words: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.uint64]:
    """Hash of the ``n`` words that begin at each position; 0 where the text ends before."""
    out = np.zeros(len(words), np.uint64)
    if len(words) < n:
        return out
    total = np.zeros(len(words) - n + 1, np.uint64)
    for k in range(n):
        total = total * _STEP + words[k : len(words) - n + 1 + k]
    left = np.repeat(offsets[1:], np.diff(offsets)) - np.arange(len(words))  # words up to the end of the text
    whole = left[: len(total)] >= n
    out[: len(total)] = np.where(whole, total | np.uint64(1), np.uint64(0))
    return out


def bits(items: Tokens) -> Floats:
    """``float64[words]``: what each word of the items tells."""
    words, known = _english()
    share = np.full(len(items.words), 2.0**-UNKNOWN)
    if not len(share):
        return share
    where = np.searchsorted(words, items.words).clip(max=len(words) - 1)
    share = np.where(words[where] == items.words, known[where], share)
    own = _counts(items.words)
    share = np.maximum(share, own / (len(items.words) + _PRIOR))
    told = np.where(items.words == NUMBER, NUMERAL, -np.log2(share))
    return np.maximum(np.minimum(told, _announced(items)), LEAST)


def _announced(items: Tokens) -> Floats:
    """Bits left of each word once the two before it are known; infinite where the items do not show it often."""
    left = np.full(len(items.words), np.inf)
    three, two = (grams(items.words, items.offsets, n) for n in (3, 2))
    often = _counts(three)
    stock = np.flatnonzero((three != 0) & (often >= _STOCK))
    left[stock + 2] = np.log2(_counts(two)[stock] / often[stock])
    return left


def _counts(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: npt.NDArray[np.int64] = counts[where]
    return found


@cache
def _english() -> tuple[npt.NDArray[np.uint64], Floats]:
    """Hashes of the known words in order, and their shares."""
    with np.load(_TABLE) as table:
        return table["words"], np.exp2(-table["bits"].astype(np.float64))


def _make(files: list[str]) -> None:
    every_word, every_share = [], []
    for file in files:
        found, counts = np.unique(tokens(pq.read_table(file, columns=["text"])["text"]).words, return_counts=True)
        every_word.append(found)
        every_share.append(counts / counts.sum() / len(files))
    words, where = np.unique(np.concatenate(every_word), return_inverse=True)
    shares = np.bincount(where, np.concatenate(every_share))
    kept = np.sort(np.argsort(-shares, kind="stable")[:_KEPT])
    np.savez_compressed(_TABLE, words=words[kept], bits=(-np.log2(shares[kept])).astype(np.float16))


if __name__ == "__main__":
    _make(sys.argv[1:])
