"""The compiled statistics against a plain reading of their definitions."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from itertools import groupby

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classifiers import heuristics
from manifests import text

TABLE = text.classes()
WORDS = st.sampled_from(
    ["the", "The,", "a", "to", "...", "…", "#x", "漢字", "ab漢c", "-", "*", "•", "Ünï", "42", "end.", "😀", "x...."]
)
GAPS = st.sampled_from([" ", "  ", "\n", "\n\n", "\n \n", "\t", "\r\n", "\u2003"])
PROSE = st.lists(st.tuples(WORDS, GAPS), max_size=60).map(lambda pairs: "".join(w + g for w, g in pairs))


def bits(c: str) -> int:
    return int(text.class_of(TABLE, ord(c)))


def split_words(value: str) -> list[str]:
    words: list[str] = []
    for space, run in groupby(value, lambda c: bool(bits(c) & text.SPACE)):
        if space:
            continue
        for alone, part in groupby(run, lambda c: bool(bits(c) & text.UNSPACED)):
            found = "".join(part)
            words += found if alone else [found]
    return words


def share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def size(items: list[str]) -> int:
    return sum(map(len, items))


def plain(value: str) -> dict[str, float]:
    words = split_words(value)
    rows = [r.strip() for r in value.split("\n")]
    lines = [r for r in rows if r]
    # what is inside a line is compared with white space runs as one space, and measured as it stands
    equal = {r: " ".join(r.split()) for r in lines}
    blocks = [list(b) for full, b in groupby(rows, bool) if full]
    keys = ["\n".join(equal[r] for r in b) for b in blocks]
    bare = {"".join(c for c in w if not bits(c) & text.PUNCTUATION) for w in words}
    bare = {"".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in w) for w in bare}
    ellipses = value.count("…") + value.count("...")
    later = [i for i in range(len(lines)) if equal[lines[i]] in {equal[x] for x in lines[:i]}]
    later_blocks = [i for i in range(len(blocks)) if keys[i] in keys[:i]]
    letters = [c for c in value if bits(c) & text.LETTER]
    found: dict[str, float] = {
        "characters": len(value),
        "words": len(words),
        "mean_word_length": share(size(words), len(words)),
        "alpha_word_share": share(sum(any(bits(c) & text.LETTER for c in w) for w in words), len(words)),
        "stop_words": len(bare & {"the", "be", "to", "of", "and", "that", "have", "with"}),
        "hash_share": share(value.count("#"), len(words)),
        "ellipsis_share": share(ellipses, len(words)),
        "lines": len(lines),
        "bullet_line_share": share(
            sum(r[0] in "•‣◦⁃●○▪■◆·" or (r[0] in "-*" and r[1:2].isspace()) for r in lines), len(lines)
        ),
        "ellipsis_line_share": share(sum(r.endswith(("…", "...")) for r in lines), len(lines)),
        "terminal_line_share": share(sum(bool(bits(r[-1]) & text.TERMINAL) for r in lines), len(lines)),
        "short_line_share": share(sum(len(r) <= 30 for r in lines), len(lines)),
        "duplicate_line_share": share(len(later), len(lines)),
        "duplicate_line_char_share": share(size([lines[i] for i in later]), size(lines)),
        "duplicate_paragraph_share": share(len(later_blocks), len(blocks)),
        "duplicate_paragraph_char_share": share(sum(size(blocks[i]) for i in later_blocks), size(lines)),
        "digit_share": share(sum(bool(bits(c) & text.DIGIT) for c in value), len(value)),
        "uppercase_share": share(sum(bool(bits(c) & text.UPPER) for c in letters), len(letters)),
        "newline_share": share(value.count("\n"), len(words)),
    }
    for n in range(2, 11):
        grams = [tuple(words[q : q + n]) for q in range(len(words) - n + 1)]
        if n < 5:
            counts = Counter(grams)
            top = max(counts.values(), default=1)
            chars = max((size(list(g)) for g, c in counts.items() if c == top), default=0) * top if top > 1 else 0
            found[f"top_{n}gram_char_share"] = min(1.0, share(chars, size(words)))
        else:
            covered = {q + k for q in range(len(grams)) if grams[q] in grams[:q] for k in range(n)}
            found[f"duplicate_{n}gram_char_share"] = share(size([words[q] for q in covered]), size(words))
    return found


@settings(deadline=None)  # the first call compiles
@given(st.lists(PROSE | st.text(max_size=40), max_size=4))
@example(["wait......", "x" * 30 + "\n" + "x" * 31, "a b . a b . longer words , longer words ; longer"])
@example(["a b c d e f g h i j k a b c d e f g h i j k", "", "\n\n \n", "same\n\nsame\n\nsame", "- a\n-b\n* c\n• d\n-"])
def test_every_statistic_is_that_of_the_plain_reference(texts: list[str]) -> None:
    batch = heuristics.measure(pa.array(texts, pa.large_string()))
    assert batch.schema == heuristics.SCHEMA
    for row, value in zip(batch.to_pylist(), texts, strict=True):
        assert row == pytest.approx(plain(value), abs=1e-6)


def test_nulls_count_as_empty() -> None:
    batch = heuristics.measure(pa.array([None, ""], pa.string()))
    assert set(batch.to_pylist()[0].values()) == {0}
    assert batch.slice(0, 1).equals(batch.slice(1, 1))


def test_a_text_does_not_leak_into_its_neighbours() -> None:
    texts = ["one two one two\n\none two one two", "", "漢字漢字漢字漢字漢字漢字", "x " * 500]
    together = heuristics.measure(pa.array(texts)).to_pylist()
    assert together == [heuristics.measure(pa.array([t])).to_pylist()[0] for t in texts]


@pytest.mark.parametrize("value", ["a" * 2_000_000, "a " * 500_000, "\n" * 1_000_000, "漢" * 300_000])
def test_repetition_of_one_thing_takes_linear_time(value: str) -> None:
    heuristics.measure(pa.array(["warm"]))
    before = time.process_time()
    row = heuristics.measure(pa.array([value])).to_pylist()[0]
    assert time.process_time() - before < 5
    assert all(0 <= row[name] <= 1 for name in row if "char_share" in name)


def test_the_schema_costs_no_compiler() -> None:
    code = "import sys, classifiers.heuristics; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
