"""Edits and views: what is applied is what was asked for, and every byte shown leads back to where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import edits, parts, schemas
from manifests.documents import Document, documents_table

Edit = tuple[int, int, int, str]  #: row, start, end, replacement


def column(n: int, found: list[Edit], by: str = "test") -> pa.ChunkedArray:
    rows, start, end, replacement = (list(x) for x in zip(*found, strict=True)) if found else ([], [], [], [])
    numbers = (np.array(x, np.int64) for x in (rows, start, end))
    return edits.table(n, *numbers, replacement, [by] * len(found))["edits"]


def reference(text: bytes, found: list[tuple[int, int, bytes]]) -> tuple[bytes, list[int]]:
    """The view, and for each of its bytes the byte it was, or minus one in a replacement."""
    out, origin, at = b"", [], 0
    merged: list[list] = []
    for start, end, replacement in sorted(found, key=lambda e: (e[0], -e[1])):  # sorted is stable
        if merged and start < merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end, replacement])
    for start, end, replacement in merged:
        out += text[at:start] + replacement
        origin += [*range(at, start), *[-1] * len(replacement)]
        at = end
    return out + text[at:], [*origin, *range(at, len(text))]


@st.composite
def texts_and_edits(draw: st.DrawFn) -> tuple[list[str], list[list[Edit]]]:
    texts = draw(st.lists(st.text("aé漢 \n", max_size=12), min_size=1, max_size=4))
    lists: list[list[Edit]] = [[], []]
    for row, text in enumerate(texts):
        bounds = [len(text[:i].encode()) for i in range(len(text) + 1)]
        for _ in range(draw(st.integers(0, 4))):
            start, end = sorted(draw(st.tuples(st.sampled_from(bounds), st.sampled_from(bounds))))
            lists[draw(st.integers(0, 1))].append((row, start, end, draw(st.sampled_from(["", "X", "éé"]))))
    return texts, lists


@settings(deadline=None)  # the first call compiles
@given(texts_and_edits())
def test_a_view_is_the_text_with_its_edits_and_leads_back(given_: tuple[list[str], list[list[Edit]]]) -> None:
    texts, lists = given_
    shown = edits.apply(pa.array(texts, pa.large_string()), [column(len(texts), found) for found in lists])
    for row, text in enumerate(texts):
        want, origin = reference(text.encode(), _as_listed(texts, lists, row))
        got = shown.texts[row].as_py().encode()
        assert got == want
        for i, was in enumerate(origin):
            start, end = (int(x[0]) for x in shown.origin(*(np.array([v]) for v in (row, i, i + 1))))
            if was >= 0:
                assert (start, end) == (was, was + 1)
            else:
                assert any(s <= start <= end <= e for s, e in _covered(lists, row))


def _as_listed(texts: list[str], lists: list[list[Edit]], row: int) -> list[tuple[int, int, bytes]]:
    columns = [column(len(texts), found) for found in lists]
    return [(e["start"], e["end"], e["replacement"].encode()) for c in columns for e in c[row].as_py()]


def _covered(lists: list[list[Edit]], row: int) -> list[tuple[int, int]]:
    merged: list[list[int]] = []
    for _, start, end, _ in sorted(x for found in lists for x in found if x[0] == row):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return [(a, b) for a, b in merged]


def test_a_span_of_the_view_covers_what_was_replaced_within() -> None:
    text = pa.array(["call me at 555-1234 tonight", "untouched"])
    shown = edits.apply(text, [column(2, [(0, 11, 19, "‹phone›")])])
    assert shown.texts.to_pylist() == ["call me at ‹phone› tonight", "untouched"]
    inside = shown.texts[0].as_py().encode().index(b"phone")
    start, end = shown.origin(np.array([0, 0, 1]), np.array([inside, 5, 2]), np.array([inside + 1, 7, 4]))
    assert list(zip(start.tolist(), end.tolist(), strict=True)) == [(11, 19), (5, 7), (2, 4)]


def test_overlapping_edits_leave_nothing_of_either() -> None:
    """A removed paragraph that ends within an address takes the rest of the address along."""
    text = pa.array(["a paragraph, then joe@x.org and more"])
    shown = edits.apply(text, [column(1, [(0, 0, 21, "")]), column(1, [(0, 18, 27, "<email>")])])
    assert shown.texts.to_pylist() == [" and more"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ((0, 0, 9, ""), "the text has 3 bytes"),
        ((0, 2, 1, ""), r"edit \[2, 1\) of row 0"),
        ((0, -1, 1, ""), "the text has 3 bytes"),
        ((0, 0, 2, ""), "cuts a character at byte 2"),
    ],
)
def test_edits_that_cannot_be_are_refused(edit: Edit, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        edits.apply(pa.array(["aé"]), [column(1, [edit])])
    with pytest.raises(ValueError, match="1 lists of edits for 2 texts"):
        edits.apply(pa.array(["a", "b"]), [column(1, [])])


def test_nulls_empty_columns_and_chunks() -> None:
    texts = pa.chunked_array([["ab", None], ["cd"]])
    assert edits.apply(texts, []).texts.to_pylist() == ["ab", "", "cd"]
    found = edits.apply(texts, [column(3, []), column(3, [(2, 0, 1, ""), (2, 2, 2, "!")])])
    assert found.texts.to_pylist() == ["ab", "", "d!"]


def test_a_view_of_a_part_on_disk(tmp_path: Path) -> None:
    part = "web/part-1"
    made = [Document(locator=str(i), text=text) for i, text in enumerate(["one two three", "four"])]
    documents = documents_table(made, namespace="web", acquisition="own-crawl", hashes=pa.array(["", ""]))
    ids = parts.ids_digest(documents["id"])
    parts.write(str(tmp_path), parts.DOCUMENTS, part, documents, schema="documents", ids=ids)
    table = edits.table(2, *(np.array([x], np.int64) for x in (0, 3, 7)), [""], ["lines"])
    assert table.schema.equals(schemas.EDITS)
    parts.write(str(tmp_path), edits.column("repeats"), part, table, schema="edits", ids=ids)
    assert edits.view(str(tmp_path), part, ["repeats"]).texts.to_pylist() == ["one three", "four"]
    parts.write(str(tmp_path), edits.column("repeats"), part, table, schema="edits", ids="of others")
    with pytest.raises(parts.MisalignedPart, match="delete it and run again"):
        edits.view(str(tmp_path), part, ["repeats"])
