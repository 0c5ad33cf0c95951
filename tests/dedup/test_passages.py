"""Repeated passages against plain references: what is found, and that only what repeats is taken for a repetition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.passages import Text, find, repeated
from manifests.text import buffers
from tests.dedup.plain import column


@settings(max_examples=150, deadline=None)
@given(st.text("ab", max_size=30), st.text("ab", max_size=30), st.text("abcé", min_size=40, max_size=60), st.text("ab"))
def test_a_shared_stretch_has_a_fingerprint_in_common(left: str, right: str, shared: str, other: str) -> None:
    shared = shared[:40]
    least = len(shared.encode())
    texts = [left + shared + other, right + shared]
    found = find(column(texts), "substring", least)
    keys = [set(found.keys[found.rows == i].tolist()) for i in (0, 1)]
    assert keys[0] & keys[1]
    for row, start, size in zip(found.rows, found.starts, found.sizes, strict=True):
        assert 0 <= start <= len(texts[row].encode()) - size


def test_fingerprints_are_few_and_of_one_letter_fewer() -> None:
    rng = np.random.default_rng(0)
    text = "".join(map(chr, rng.integers(97, 123, 100_000)))
    assert len(find(column([text]), "substring", 200).keys) < 2.5 * 100_000 / 100
    assert len(find(column(["a" * 100_000]), "substring", 200).keys) < 1.1 * 100_000 / 100
    assert len(find(column(["a" * 199, ""]), "substring", 200).keys) == 0
    with pytest.raises(ValueError, match="least is 31; stretches of fewer than 32 bytes"):
        find(column(["a"]), "substring", 31)


@settings(max_examples=200, deadline=None)
@given(st.text("aA \t\né", max_size=40), st.booleans())
def test_lines_and_paragraphs_cover_the_text_and_agree_by_their_words(text: str, paragraphs: bool) -> None:
    found = find(column([text, text.upper().replace("É", "é")]), "paragraphs" if paragraphs else "lines", 1)
    data = text.encode()
    mine = found.rows == 0
    pieces = [data[a : a + n] for a, n in zip(found.starts[mine], found.sizes[mine], strict=True)]
    ink = [p.decode().split() for p in pieces]
    assert all(ink)
    assert [word for words in ink for word in words] == text.split()
    assert found.keys[mine].tolist() == found.keys[~mine].tolist()
    for piece in pieces:
        body = piece.decode().rstrip("\n \t") if paragraphs else piece.decode().removesuffix("\n")
        feeds = body.replace(" ", "").replace("\t", "").strip("\n").count("\n\n" if paragraphs else "\n")
        assert feeds == 0
    distinct = {" ".join(words).lower() for words in ink}
    assert len(set(found.keys[mine].tolist())) == len(distinct)


def spans(mine: str, others: str, here: tuple[int, int], there: tuple[int, int], kind: str, least: int) -> list:
    left, right = (Text(*buffers(column([t]))) for t in (mine, others))
    places = (np.array([[0, *p]], np.int64) for p in (here, there))
    good, start, end = repeated(left, right, *places, kind, least)
    return [int(start[0]), int(end[0])] if good[0] else []


def test_stretches_are_grown_to_whole_characters_and_short_ones_refused() -> None:
    shared = "the same forty letters in either of them"
    assert spans(f"é{shared}x", f"è{shared}y", (10, 8), (10, 8), "substring", 32) == [2, 2 + len(shared)]
    assert spans(f"ab{shared}é", f"zb{shared}è", (9, 8), (9, 8), "substring", 32) == [1, 2 + len(shared)]
    assert spans(f"a{shared[:20]}z", f"b{shared[:20]}y", (5, 8), (5, 8), "substring", 32) == []


def test_lines_are_compared_not_trusted() -> None:
    assert spans("Menu  Home\n", "menu home", (0, 11), (0, 9), "lines", 1) == [0, 11]
    assert spans("  menu home", "menu home \n", (0, 11), (0, 11), "lines", 1) == [0, 11]
    assert spans("menu home", "menuhome", (0, 9), (0, 8), "lines", 1) == []
    assert spans("menu home", "menu homes", (0, 9), (0, 10), "lines", 1) == []
