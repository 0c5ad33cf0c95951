"""Buffers, character classes and content hashes against plain Python."""

from __future__ import annotations

import re
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from manifests import character_tables, text

TEXTS = st.lists(st.none() | st.text(max_size=60), max_size=8)


def contents(offsets: np.ndarray, data: np.ndarray) -> list[str]:
    return [bytes(data[a:b]).decode() for a, b in pairwise(offsets)]


@given(TEXTS, st.sampled_from([pa.string(), pa.large_string(), pa.string_view()]), st.integers(0, 3))
def test_buffers_hold_the_texts_of_any_layout(texts: list[str | None], kind: pa.DataType, skip: int) -> None:
    expected = [t or "" for t in texts]
    array = pa.array(texts, kind)
    assert contents(*text.buffers(array)) == expected
    assert contents(*text.buffers(array.slice(skip))) == expected[skip:]
    assert contents(*text.buffers(pa.chunked_array([array, array]))) == expected * 2
    assert contents(*text.buffers(pa.chunked_array([], kind))) == []


def test_buffers_are_views_and_hold_no_more_than_the_slice() -> None:
    array = pa.array(["alpha", "beta", "gamma"], pa.large_string())
    offsets, data = text.buffers(array.slice(1, 1))
    assert offsets.tolist() == [0, 4]
    assert data.size == 4
    assert data.ctypes.data == array.buffers()[2].address + 5


def test_numbers_are_no_texts() -> None:
    with pytest.raises(pa.ArrowException):
        text.buffers(pa.array([[1], [2]]))


def test_shipped_tables_agree_with_their_maker_on_long_settled_characters() -> None:
    made_classes, made_lower = character_tables.tables()
    settled = slice(0, 0x0250)
    assert np.array_equal(text.classes()[settled], made_classes[settled])
    assert np.array_equal(text.lower_case()[settled], made_lower[settled])


@pytest.mark.parametrize(
    ("character", "bits"),
    [
        ("a", text.LETTER),
        ("Z", text.LETTER | text.UPPER),
        ("7", text.DIGIT),
        (" ", text.SPACE),
        ("\u00a0", text.SPACE),
        (".", text.PUNCTUATION | text.TERMINAL),
        ("#", text.PUNCTUATION),
        ("漢", text.LETTER | text.UNSPACED),
        ("ท", text.LETTER | text.UNSPACED),
        ("한", text.LETTER),
        ("😀", text.PUNCTUATION),
        ("𠀀", text.LETTER | text.UNSPACED),
        ("𝕏", text.LETTER),
    ],
)
def test_classes(character: str, bits: int) -> None:
    data = np.frombuffer(character.encode(), np.uint8)
    code, size = text.decode(data, 0)
    assert (code, size) == (ord(character), len(data))
    assert text.class_of(text.classes(), code) == bits


def plain_hash(value: str) -> str:
    lower = "".join(c.lower() if len(c.lower()) == 1 and ord(c) < 0x10000 else c for c in value)
    normal = " ".join(lower.split())
    return blake2b(normal.encode(), digest_size=16).hexdigest()


@settings(deadline=None)  # the first call compiles
@given(TEXTS)
@example(["Ⱥ" * 9, "\u2003Ā\u0085b\t", "İ Ω", "\u212a", "𐐀"])
def test_content_hash_is_that_of_the_plain_reference(texts: list[str | None]) -> None:
    assert text.content_hash(pa.array(texts, pa.string())).to_pylist() == [plain_hash(t or "") for t in texts]


def test_content_hash_of_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"Text {i}\n\n{'x' * (i % 7)}" for i in range(50)]
    whole = text.content_hash(pa.array(texts))
    monkeypatch.setattr(text, "_BLOCK", 16)
    assert text.content_hash(pa.array(texts)).equals(whole)


def test_content_hash_never_changes() -> None:
    """The hash is stored in run folders and mix manifests: a new value is a new format."""
    assert text.content_hash(pa.array(["  Über\n\tALLES  "])).to_pylist() == [plain_hash("über alles")]
    assert re.fullmatch("[0-9a-f]{32}", text.content_hash(pa.array([""]))[0].as_py())
    assert text.content_hash(pa.array([None], pa.string()))[0].as_py() == "cae66941d9efbd404e4d88758ea67670"
