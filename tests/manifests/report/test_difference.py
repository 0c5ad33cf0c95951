"""Where two similar texts part."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from manifests.report.difference import apart


def words(marked: list[tuple[str, bool]], *, differing: bool | None = None) -> list[str]:
    return [w for text, mark in marked if differing in (None, mark) for w in text.split() if text != "…"]


def test_the_words_that_differ_are_marked() -> None:
    boilerplate = " ".join(f"licence{i}" for i in range(500))
    kept, gone = apart(f"{boilerplate} def scan ( x ) : pass", f"{boilerplate} def reduce ( x ) : pass")
    assert words(kept, differing=True) == ["scan"]
    assert words(gone, differing=True) == ["reduce"]
    assert words(kept)[:2] == ["licence489", "licence490"]


def test_texts_alike_and_empty() -> None:
    assert words(apart("a b c", "a b c")[0], differing=True) == []
    assert words(apart("a b c", "a b c")[0]) == ["a", "b", "c"]
    assert words(apart("", "")[0]) == []
    assert words(apart("a b", "a b c")[1], differing=True) == ["c"]


_TEXTS = st.lists(st.sampled_from("abc"), max_size=30).map(" ".join)


@given(_TEXTS, _TEXTS)
def test_both_sides_keep_their_words(first: str, second: str) -> None:
    left, right = apart(first, second)
    assert " ".join(words(left)) in first
    assert " ".join(words(right)) in second
    assert words(left, differing=False) == words(right, differing=False)
