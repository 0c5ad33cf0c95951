"""Chunks: nothing lost, every byte offset right, cut where a reader would cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipelines.rephrase import chunks


@given(st.text(alphabet="ab .\n!é東", max_size=300), st.integers(5, 60))
def test_chunks_hold_the_whole_text(text: str, limit: int) -> None:
    found = chunks.split(text, limit)
    data = text.encode()
    assert all(len(c.text) <= limit and data[c.start : c.end].decode() == c.text for c in found)
    assert "".join("".join(c.text.split()) for c in found) == "".join(text.split())
    assert all(a.end <= b.start for a, b in pairwise(found))


def test_chunks_prefer_paragraphs() -> None:
    assert [c.text for c in chunks.split("One two.\n\nThree four.\n\nFive.", 22)] == [
        "One two.",
        "Three four.\n\nFive.",
    ]


def test_a_long_paragraph_is_cut_between_sentences_and_a_long_word_anywhere() -> None:
    text = "First one here. Second one here. " + "x" * 50
    found = [c.text for c in chunks.split(text, 20)]
    assert found == ["First one here.", "Second one here.", "x" * 20, "x" * 20, "x" * 10]
