"""Shingles against a plain reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.params import MinHashParams
from dedup.shingles import shingle_sets
from tests.dedup.plain import WORDS, column, jaccard, shingles_of, words_of


@settings(max_examples=150, deadline=None)
@given(WORDS, WORDS, st.integers(1, 6))
def test_jaccard_is_that_of_the_word_shingles(a: list[str], b: list[str], n: int) -> None:
    left, right = " ".join(a), "\n".join(b)
    sets = shingle_sets(column([left, right]), MinHashParams(ngram=n, unit="word"))
    one, two = shingles_of(left, n), shingles_of(right, n)
    assert np.diff(sets.offsets).tolist() == [len(one), len(two)]
    expected = len(one & two) / len(one | two) if one and two else 0.0
    assert jaccard(sets, 0, 1) == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60), st.integers(1, 5))
def test_character_shingles_count_as_they_should(text: str, n: int) -> None:
    joined = " ".join(words_of(text))
    sets = shingle_sets(column([text]), MinHashParams(ngram=n, unit="char"))
    n = min(n, len(joined))
    expected = {joined[i : i + n] for i in range(len(joined) - n + 1)} if joined else set()
    assert len(sets.hashes) == len(expected)
