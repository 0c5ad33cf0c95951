"""Five of datatrove's blocks as annotators, and what is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers import blocks

pytest.importorskip("datatrove.pipeline.filters", reason="the datatrove extra is not installed")

FILTERS, FORMATTERS = "datatrove.pipeline.filters", "datatrove.pipeline.formatters"


@pytest.mark.parametrize(
    ("block", "options", "text", "expected"),
    [
        (f"{FILTERS}:GopherQualityFilter", {}, "too short", (False, "gopher_short_doc", "too short")),
        (f"{FILTERS}:FineWebQualityFilter", {}, "a\nb\nc", (False, "line_punct_ratio", "a\nb\nc")),
        (
            f"{FILTERS}:C4QualityFilter",
            {"min_num_sentences": 1},
            "Menu\nThis is a line.\nNo end",
            (True, None, "This is a line."),
        ),
        (f"{FILTERS}:RegexFilter", {"regex_exp": "bad"}, "very bad", (False, "dropped", "very bad")),
        (f"{FORMATTERS}:SymbolLinesFormatter", {}, "a\n***\nb", (True, None, "a\nb")),
        (f"{FORMATTERS}:PIIFormatter", {}, "to a@b.org", (True, None, "to email@example.com")),
        (f"{FORMATTERS}:FTFYFormatter", {}, "schÃ¶n", (True, None, "schön")),
    ],
)
def test_a_block_judges_a_document(
    block: str, options: dict[str, Any], text: str, expected: tuple[bool, str | None, str]
) -> None:
    (found,) = blocks.apply(blocks.load(block, options), [text], [{"id": "1"}])
    assert (found.keep, found.reason, found.text) == expected


def test_a_block_that_raises_drops_nothing() -> None:
    judge = blocks.load(f"{FILTERS}:GopherQualityFilter", {"min_doc_words": 0})
    (found,) = blocks.apply(judge, [""], [{}])
    assert found.keep
    assert found.reason is not None
    assert found.reason.startswith("failed: ")


@pytest.mark.parametrize(
    ("block", "options", "message"),
    [
        (f"{FILTERS}:NoSuchFilter", {}, "NoSuchFilter"),
        ("no_such_package:Thing", {}, "no_such_package"),
        ("", {}, "block '': Empty module name"),
        (f"{FILTERS}:GopherQualityFilter", {"words": 1}, "cannot be made with options"),
        ("datatrove.data:Document", {"text": "", "id": ""}, "neither a filter nor a formatter"),
    ],
)
def test_what_is_no_block(block: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        blocks.load(block, options)


LINES = st.lists(st.sampled_from(["a", "é漢", "", "long line", "\u2028x"]), max_size=8).map("\n".join)


def test_lines_that_repeat_without_end_are_one_change() -> None:
    before, after = "first\n" + "a\n" * 4000 + "last", "first\n" + "a\nb\n" * 2000 + "last"
    ((start, end, replacement),) = blocks.changes(before, after)  # minutes, were they compared
    assert before[:start] + replacement + before[end:] == after
    assert start == len("first\na\n")


@given(LINES, LINES, st.sampled_from([0, blocks._COMPARED]))
def test_changes_make_the_one_text_of_the_other(before: str, after: str, compared: int) -> None:
    raw, done, out = before.encode(), 0, b""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_COMPARED", compared)
        edits = blocks.changes(before, after)
    for start, end, replacement in edits:
        out += raw[done:start] + replacement.encode()
        done = end
    assert (out + raw[done:]).decode() == after
