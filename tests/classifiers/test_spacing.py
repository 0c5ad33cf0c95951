"""Texts as a bag-of-words model reads them, against a plain reading of the same rules."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.spacing import spaced
from manifests.text import PUNCTUATION, SPACE, UNSPACED, class_of, classes


def plain(value: str) -> str:
    pieces = []
    for c in value:
        kind = int(class_of(classes(), ord(c)))
        if kind & SPACE or c == "\0":
            pieces.append(" ")
        else:
            low = c.lower() if len(c.lower()) == 1 and ord(c) < 0x10000 else c
            pieces.append(f" {low} " if kind & (PUNCTUATION | UNSPACED) else low)
    return " ".join("".join(pieces).split())


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.none() | st.text(max_size=40), max_size=5))
def test_spaced_is_the_plain_reference(texts: list[str | None]) -> None:
    assert spaced(pa.array(texts, pa.string())).to_pylist() == [plain(t or "") for t in texts]


def test_spaced_grows_to_twice_the_text_at_most() -> None:
    texts = ["...", "Ⱥ" * 50, "漢字" * 20, "𠀀𠀀", "a.b\0c\r\n\x85d\u2028e", "😀😀"]
    assert spaced(pa.array(texts)).to_pylist() == [plain(t) for t in texts]
