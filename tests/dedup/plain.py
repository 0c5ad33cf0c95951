"""What the tests of duplicates share: texts as columns, and words and shingles in plain Python."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from dedup.frequencies import Frequencies
from dedup.shingles import ShingleSets
from manifests.text import PUNCTUATION, SPACE, UNSPACED, class_of, classes

WORDS = st.lists(st.sampled_from(["a", "b", "dog", "Tree", "HOUSE", "é", "東", "京", "end.", "-"]), max_size=60)
#: every shingle weighs the same
EVEN = Frequencies(0, np.empty(0, np.uint64), np.empty(0, np.int64))


def column(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def words_of(text: str) -> list[str]:
    """What a word is, in plain Python."""
    table = classes()
    words, open_word = [], ""
    for character in text:
        kind = int(class_of(table, ord(character)))
        if kind & SPACE or kind & UNSPACED:
            words += [open_word] if open_word else []
            open_word = ""
        if kind & UNSPACED:
            words.append(character)
        elif not kind & (SPACE | PUNCTUATION):
            open_word += character.lower() if character.isascii() else character
    return words + ([open_word] if open_word else [])


def shingles_of(text: str, n: int) -> set[tuple[str, ...]]:
    words = words_of(text)
    n = min(n, len(words))
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)} if words else set()


def jaccard(sets: ShingleSets, i: int, j: int) -> float:
    """Similarity of two texts by their shingles; without any, they have nothing in common."""
    both = len(np.intersect1d(sets.of(i), sets.of(j)))
    return both / max(len(sets.of(i)) + len(sets.of(j)) - both, 1)
