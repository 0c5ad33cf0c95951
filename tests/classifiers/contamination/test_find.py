"""Contamination: what is found, what is not, where, and that the rest of the table does not matter."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import contamination
from classifiers.contamination.tokens import tokens

POPPY = (
    "Poppy is solving a 1000-piece jigsaw puzzle. She places a quarter of the pieces on the board, then her mom places "
    "a third of the remaining pieces. How many jigsaw pieces are left to be placed?"
)
MILL = "According to Mill, to determine whether one pleasure is more valuable than another, we must ask whom?"
SORT = '''def sort_third(l: list):
    """Sort every value of l whose index is divisible by three.
    >>> sort_third([5, 6, 3])
    [2, 6]
    """
'''
ITEMS = pa.table(
    {
        "item": ["poppy", "mill", "sort", "true", "hamlet"],
        "question": [POPPY, MILL, SORT, "Which of the following is true?", "Who wrote Hamlet?"],
        "answer": ["500", "Those who have known both", "l[::3] = sorted(l[::3])", "A", "William Shakespeare"],
    }
)
TALK = "The weather in the valley was fine that week, and nobody thought of leaving before the harvest was in. "
INDEX = contamination.build(ITEMS)


def found(*texts: str, items: pa.Table | contamination.Index = INDEX) -> list[dict[str, object]]:
    documents = pa.table({"id": [f"d{i}" for i in range(len(texts))], "text": pa.array(texts, pa.large_string())})
    rows: list[dict[str, object]] = contamination.find(documents, items).to_pylist()
    return rows


def test_an_item_is_found_where_it_stands() -> None:
    text = f"Ünïcode — {TALK}{POPPY} {TALK}"
    (row,) = found(text)
    assert (row["id"], row["item"], row["kind"], row["score"]) == ("d0", "poppy", "exact", 1.0)
    assert text[row["start"] : row["end"]] == POPPY.rstrip("?")  # type: ignore[misc]


def test_an_answer_that_follows_is_within() -> None:
    text = f"{TALK}{MILL}\n(a) nobody\n(b) those who have KNOWN both\n{TALK}"
    (row,) = found(text)
    assert text[row["start"] : row["end"]].endswith("KNOWN both")  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (POPPY.upper(), "exact"),
        (POPPY.replace(" ", "  ").replace("e", "e\u200b"), "exact"),
        ("> **Q:** " + POPPY.replace("jigsaw", "*jigsaw*").replace(". ", ".\n> "), "exact"),
        (f"<p>{POPPY.replace('a third', '<b>a third</b>')}</p>", "ngram13"),
        (POPPY.replace("1000", "1260"), "masked"),
        (POPPY.replace("Poppy", "Igor").replace("1000", "60"), "masked"),
        (POPPY[30:160], "ngram13"),
        (SORT.replace("l: list", "xs: list").replace(" of l ", " of xs "), "ngram13"),
    ],
)
def test_reformatted_and_renumbered(text: str, kind: str) -> None:
    (row,) = found(f"{TALK}{text}\n{TALK}")
    assert row["kind"] == kind


def test_common_phrases_are_no_match() -> None:
    assert (
        found("Which of the following is true?", "Who wrote it? Hamlet, prince of Denmark, did not.", TALK, "", " ")
        == []
    )
    assert found("a quarter of the pieces on the board", "whether one is more valuable than") == []


def test_a_short_question_counts_with_its_answer() -> None:
    assert [r["item"] for r in found("Q: Who wrote Hamlet? A: William Shakespeare.")] == ["hamlet"]


DECLARATION = (
    "We hold these truths to be self-evident, that all men are created equal, that they are endowed by their Creator "
    "with certain unalienable Rights, that among these are Life, Liberty and the pursuit of Happiness."
)
LICENCE = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    "documentation files (the Software), to deal in the Software without restriction, including without limitation the "
    "rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and "
    "to permit persons to whom the Software is furnished to do so, subject to the following conditions: the above "
    "copyright notice and this notice shall be included in all copies or substantial portions of the Software."
)


def test_quotations_and_licence_texts_are_not_the_items_own() -> None:
    items = pa.table(
        {
            "item": ["truths", "licence"],
            "question": [
                f'In which year was it declared: "{DECLARATION}"? Give the year and the city where delegates signed.',
                f"{LICENCE}\nWhich well-known software licence begins with this grant?",
            ],
            "answer": ["1776", "The MIT licence"],
        }
    )
    assert (
        found(
            f"{TALK}{DECLARATION} {TALK}",
            f"Copyright 2020 A. Author\n\n{LICENCE}\n\nThe software is provided as is.",
            items=items,
        )
        == []
    )
    both = found(*items["question"].to_pylist(), items=items)
    assert [(r["id"], r["item"]) for r in both] == [("d0", "truths"), ("d1", "licence")]


def test_every_occurrence_is_found_and_none_twice() -> None:
    rows = found((f"{POPPY} {TALK}" * 3) + MILL)
    assert [(r["item"], r["kind"]) for r in rows] == [("poppy", "exact")] * 3 + [("mill", "exact")]
    spans = [(r["start"], r["end"]) for r in rows]
    assert all(a[1] <= b[0] for a, b in pairwise(spans))  # type: ignore[operator]


def test_a_document_is_judged_alone() -> None:
    texts = [TALK, f"{TALK}{MILL}", "", POPPY, SORT, "漢字" * 40]
    together = found(*texts)
    alone = [{**row, "id": f"d{i}"} for i, t in enumerate(texts) for row in found(t)]
    assert together == alone
    sliced = pa.table({"id": ["x", *"abc"], "text": pa.chunked_array([["x"], [TALK], [POPPY, None]])}).slice(1)
    assert [r["id"] for r in contamination.find(sliced, INDEX).to_pylist()] == ["b"]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from([POPPY, MILL, SORT]))
def test_whatever_surrounds_an_item_it_is_found(seed: int, question: str) -> None:
    chosen = random.Random(seed)
    words = (TALK + POPPY + MILL).split()
    before, after = (" ".join(chosen.choices(words, k=chosen.randrange(60))) for _ in range(2))
    text = f"{before} {question} {after}"
    want = ITEMS["item"][ITEMS["question"].to_pylist().index(question)].as_py()
    whole = [r for r in found(text) if r["item"] == want and r["kind"] == "exact"]
    assert whole, text


def _full(words: list[int], bits: list[float], document: list[int]) -> float:
    """The alignment's gain by the plain recurrence over the whole table."""
    table = np.zeros((len(words) + 1, len(document) + 1))
    for i, (w, b) in enumerate(zip(words, bits, strict=True), 1):
        for j, x in enumerate(document, 1):
            fit = b if w == x else -min(3.0, b)
            table[i, j] = max(0, table[i - 1, j - 1] + fit, table[i - 1, j] - min(2.0, b), table[i, j - 1] - 2.0)
    return float(table.max())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_the_alignment_is_the_plain_recurrence(words: list[int], document: list[int]) -> None:
    from classifiers.contamination.compare import _align

    bits = [1.0 + w for w in words]
    m, n = len(words), len(document)
    place = np.empty(m, np.int64)
    args = (np.array(words, np.int32), np.array(words, np.uint64), np.array(bits), 0, m)
    doc = (np.array(document, np.int32), np.array(document, np.uint64), 0, n)
    got = _align(*args, *doc, -m, n, np.empty(n + 1, np.float32), np.empty((m + 1, n + 1), np.uint8), place)
    assert got == pytest.approx(_full(words, bits, document))
    opposite = place[place >= 0]
    assert (np.diff(opposite) > 0).all()


def test_bad_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="no column 'answer'"):
        contamination.build(ITEMS.drop_columns(["answer"]))
    with pytest.raises(ValueError, match="'poppy': each needs a name of its own"):
        contamination.build(pa.concat_tables([ITEMS, ITEMS.slice(0, 1)]))
    with pytest.raises(ValueError, match="documents have no column 'text'"):
        contamination.find(pa.table({"id": ["a"]}), INDEX)
    with pytest.raises(ValueError, match="threshold is 0"):
        contamination.find(pa.table({"id": ["a"], "text": ["b"]}), INDEX, threshold=0)
    nothing = contamination.find(
        pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}), ITEMS.slice(0, 0)
    )
    assert nothing.schema == contamination.SCHEMA
    assert nothing.num_rows == 0


def test_long_questions_are_compared_by_their_end() -> None:
    words = [f"w{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)}" for i in range(1500)]
    items = pa.table({"item": ["long"], "question": [" ".join(words)], "answer": [""]})
    assert len(tokens(items["question"]).words) == 1500
    assert [r["kind"] for r in found(" ".join(words), items=items)] == ["exact"]
    assert found(" ".join(words[:400]), items=items) == []


def test_labelled_documents(shared_data: Path) -> None:
    """The bar: recall at least 0.95 on verbatim, reformatted and renumbered items, precision at least 0.97 in all."""
    import json
    import re

    def lines(name: str) -> list[dict[str, object]]:
        raw = (shared_data / "decontam" / name).read_bytes()
        text = zstandard.ZstdDecompressor().stream_reader(raw).read() if name.endswith(".zst") else raw
        return [json.loads(line) for line in text.decode().split("\n") if line]

    rows, truth = lines("benchmarks.jsonl.zst"), lines("truth.jsonl")
    items = pa.table(
        {
            "item": [r["item"] for r in rows],
            "question": [r["question"] for r in rows],
            "answer": [str(r["answer"]) for r in rows],
        }
    )
    corpus = lines("corpus.jsonl.zst")
    documents = pa.table(
        {"id": [r["id"] for r in corpus], "text": pa.array([r["text"] for r in corpus], pa.large_string())}
    )
    hits: dict[str, set[str]] = {}
    for row in contamination.find(documents, items).to_pylist():
        hits.setdefault(row["id"], set()).add(row["item"])
    kinds: dict[str, list[bool]] = {}
    for t in truth:
        kind = re.sub(r"_(de|es|fr|ru|ja|zh|c|js)$", "", str(t["kind"]))
        kinds.setdefault(kind, []).append(
            t["item"] in hits.get(str(t["id"]), ()) if t["item"] else str(t["id"]) in hits
        )
    for kind in (
        "verbatim_q",
        "verbatim_qa",
        "case_punct",
        "unicode",
        "markup",
        "mid_sentence",
        "choices_shuffled",
        "numbers_changed",
        "names_changed",
        "code_rename",
    ):
        assert np.mean(kinds[kind]) >= 0.95, kind
    wrong = sum(sum(kinds[k]) for k in ("clean", "hardneg_arc_train", "hardneg_gsm8k_train"))
    right = sum(str(t["id"]) in hits for t in truth if t["contaminated"] == "yes")
    assert right / (right + wrong) >= 0.97
