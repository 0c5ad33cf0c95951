"""The compiled statistics against a plain reading of their definitions."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from itertools import groupby
from statistics import median

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classifiers import english_words, heuristics, spacy_tables
from manifests import text

TABLE = text.classes()
KINDS = english_words.rules().kinds
PIECES = st.sampled_from(
    "the The, a to ... … #x 漢字 ab漢c - * • Ünï 42 end. 😀 x.... { ! [1] JavaScript Sign-in “Hm.”".split()
    + ["lorem ipsum", "privacy policy", "uses cookies", "3 likes", "ITEMS IN CART"]
)
GAPS = st.sampled_from([" ", " ", " ", "  ", "\n", "\n\n", "\n \n", "\t", "\r\n", "\u2003", "\x0b"])
PROSE = st.lists(st.tuples(PIECES, GAPS), max_size=60).map(lambda pairs: "".join(w + g for w, g in pairs))
STOPS = {"the", "be", "to", "of", "and", "that", "have", "with"}
POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def bits(c: str) -> int:
    return int(text.class_of(TABLE, ord(c)))


def kind(c: str) -> int:
    return int(KINDS[ord(c)])


def split_words(value: str) -> list[str]:
    words: list[str] = []
    for run in value.split():
        for alone, part in groupby(run, lambda c: bool(bits(c) & text.UNSPACED)):
            found = "".join(part)
            words += found if alone else [found]
    return words


def share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def size(items: list[str]) -> int:
    return sum(map(len, items))


def is_proper(word: str) -> bool:
    return not all(kind(c) & spacy_tables.SYMBOL for c in word)


def bare(word: str) -> str:
    kept = "".join(c for c in word if not bits(c) & text.PUNCTUATION)
    return "".join(chr(text.lower_case()[ord(c)]) if ord(c) < 0x10000 else c for c in kept)


def later(items: list[str]) -> list[str]:
    return [one for k, one in enumerate(items) if one in items[:k]]


def sentences(row: str) -> int:
    count, ended = 1, False
    for run in row.split():
        if ended and is_proper(run):
            count, ended = count + 1, False
        left = run
        while (
            left
            and not kind(left[-1]) & spacy_tables.STOP
            and (kind(left[-1]) & spacy_tables.QUOTE or left[-1] in ")]")
        ):
            left = left[:-1]
        ended = ended or bool(left and kind(left[-1]) & spacy_tables.STOP)
    return count


def c4(value: str, ended: bool) -> tuple[int, int, int]:
    found = lorem = curly = 0
    for row in value.splitlines():
        runs, low = row.split(), row.lower()
        bald = re.sub(r"(\[\d*]|\[edit]|\[citation needed])+$", "", row.strip())
        if len(runs) < 3 or any(len(r) > 1000 for r in runs):
            continue
        if ended and (not bald.endswith((".", "?", "!", '"', "'")) or bald.endswith("...")):
            continue
        if "lorem ipsum" in low:
            lorem += 1
        elif "javascript" in low:
            continue
        elif "{" in row:
            curly += 1
        elif not any(p in low for p in POLICIES):
            found += sentences(row)
    return found, lorem, curly


COUNTER = re.compile(
    r"^\W*\d(?:,|\.|\d)*(?:k|m|b)?[ \t]+(?:likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes"
    r"|downloads|views|followers)\W*$",
    re.ASCII | re.IGNORECASE,
)


def removed(line: str) -> int:
    words, low = len(line.split()), line.strip().lower()
    upper, digits = (sum(bool(bits(c) & b) for c in line) for b in (text.UPPER, text.DIGIT))
    ascii_line = "".join(c if c.isascii() else "x" for c in line.strip())  # other characters are letters to it
    if upper / len(line) > 0.5 or digits == len(line) or words == 1 or COUNTER.match(ascii_line):
        return words
    if words > 10:
        return 0
    found = (
        low.startswith("sign-in") + 2 * low.endswith(("read more...", "read more…")) + 3 * low.count("items in cart")
    )
    return min(words, found)


def plain(value: str) -> dict[str, float]:
    words = split_words(value)
    runs = value.split()
    lines = [line for line in value.split("\n") if line.strip()]
    rows = value.splitlines()
    proper = [w for w in words if is_proper(w)]
    stops = [w for w in map(bare, words) if w in STOPS]
    stripped = value.strip()
    paragraphs = re.split(r"\n{2,}", stripped) if stripped else []
    any_lines = re.split(r"\n+", value) if value else []
    letters = [c for c in value if bits(c) & text.LETTER]
    found: dict[str, float] = {
        "characters": len(value),
        "words": len(words),
        "proper_words": len(proper),
        "mean_word_length": share(size(proper), len(proper)),
        "median_word_length": median(min(len(w), 63) for w in words) if words else 0,
        "alpha_word_share": share(sum(any(bits(c) & text.LETTER for c in w) for w in words), len(words)),
        "stop_words": len(set(stops)),
        "stop_word_count": len(stops),
        "language_stop_words": 0,
        "hash_share": share(value.count("#"), len(words)),
        "ellipsis_share": share(value.count("…") + value.count("..."), len(words)),
        "symbol_word_share": share(sum("#" in r or "…" in r for r in runs), len(runs)),
        "lines": len(lines),
        "long_lines": sum(len(line) >= 200 for line in lines),
        "bullet_line_share": share(sum(r.strip()[:1] in ("•", "-") for r in rows), len(rows)),
        "ellipsis_line_share": share(sum(r.rstrip().endswith(("…", "...")) for r in rows), len(rows)),
        "terminal_line_share": share(sum(bool(kind(x[-1]) & spacy_tables.TERMINAL) for x in lines), len(lines)),
        "short_line_share": share(sum(len(x) <= 30 for x in lines), len(lines)),
        "duplicate_line_share": share(len(later(any_lines)), len(any_lines)),
        "duplicate_line_char_share": share(size(later(any_lines)), len(value)),
        "repeated_line_char_share": share(size(later(lines)), len(value.replace("\n", ""))),
        "duplicate_paragraph_share": share(len(later(paragraphs)), len(paragraphs)),
        "duplicate_paragraph_char_share": share(size(later(paragraphs)), len(value)),
        "digit_share": share(sum(bool(bits(c) & text.DIGIT) for c in value), len(value)),
        "uppercase_share": share(sum(bool(bits(c) & text.UPPER) for c in letters), len(letters)),
        "newline_share": share(value.count("\n"), len(words)),
        "removed_word_share": share(sum(map(removed, lines)), len(runs)),
    }
    for prefix, ended in (("c4", True), ("c4_any", False)):
        counted = c4(value, ended)
        for name, n in zip(("sentences", "lorem_ipsum", "curly_bracket"), counted, strict=True):
            found[f"{prefix}_{name}"] = n
    for n in range(2, 11):
        grams = [tuple(words[q : q + n]) for q in range(len(words) - n + 1)]
        if n < 5:
            top = Counter(grams).most_common(1)
            chars = sum(len(" ".join(gram)) * times for gram, times in top)
            found[f"top_{n}gram_char_share"] = share(chars, len(value))
        else:
            seen, chars, q = set(), 0, 0
            while q < len(grams):
                if grams[q] in seen:
                    chars, q = chars + size(list(grams[q])), q + n
                else:
                    seen.add(grams[q])
                    q += 1
            found[f"duplicate_{n}gram_char_share"] = share(chars, len(value))
    return found


@settings(deadline=None)  # the first call compiles
@given(
    st.lists(PROSE | st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0x1FFFF), max_size=40), max_size=4)
)
@example(["wait......", "x" * 30 + "\n" + "x" * 31, "a b . a b . longer words , longer words ; longer", "x" * 210])
@example(["a b c d e f g h i j k a b c d e f g h i j k", "", "\n\n \n", "same\n\nsame\n\nsame", "- a\n-b\n* c\n• d\n-"])
@example(
    ["Text ends here.[12]\nNot here [12]\nSo be it [citation needed]\nIt is... \nIt is so", "\n a\n\n a \n", "a\r\rb\n"]
)
@example(["Sign-in to see a page\nRead more...\n2,300 likes\n99\nSHOUTED words\nsome items in cart\n(1.2K views)"])
def test_every_statistic_is_that_of_the_plain_reference(texts: list[str]) -> None:
    batch = heuristics.measure(pa.array(texts, pa.large_string()))
    assert batch.schema == heuristics.SCHEMA
    for row, value in zip(batch.to_pylist(), texts, strict=True):
        assert row == pytest.approx(plain(value), abs=1e-9)


def test_nulls_count_as_empty() -> None:
    batch = heuristics.measure(pa.array([None, ""], pa.string()))
    assert set(batch.to_pylist()[0].values()) == {0}
    assert batch.slice(0, 1).equals(batch.slice(1, 1))


@pytest.mark.parametrize("words", ["gopher", "datatrove"])
def test_a_text_does_not_leak_into_its_neighbours(words: heuristics.Words) -> None:
    texts = [
        "one two one two\n\none two one two",
        "",
        "漢字漢字漢字漢字漢字漢字",
        "x " * 500,
        "Don't. (It's:) a.b@c.de",
    ]
    together = heuristics.measure(pa.array(texts), words=words).to_pylist()
    assert together == [heuristics.measure(pa.array([t]), words=words).to_pylist()[0] for t in texts]


def test_stop_words_of_a_language() -> None:
    texts = pa.array(["Der Hund und die Katze mit dem Ball", "le chien et le chat", "der", None])
    languages = pa.array(["deu_Latn", "fra_Latn", None, "deu_Latn"])
    assert heuristics.measure(texts, languages)["language_stop_words"].to_pylist() == [5, 2, 0, 0]
    assert heuristics.measure(texts)["language_stop_words"].to_pylist() == [0, 0, 0, 0]


@pytest.mark.parametrize("words", ["gopher", "datatrove"])
@pytest.mark.parametrize(
    "value", ["a" * 2_000_000, "a " * 500_000, "\n" * 1_000_000, "漢" * 300_000, "." * 60_000, "a.b" * 20_000]
)
def test_repetition_of_one_thing_takes_linear_time(value: str, words: heuristics.Words) -> None:
    heuristics.measure(pa.array(["warm"]), words=words)
    before = time.process_time()
    row = heuristics.measure(pa.array([value]), words=words).to_pylist()[0]
    assert time.process_time() - before < 5
    assert all(row[name] >= 0 for name in row)


def test_the_schema_costs_no_compiler() -> None:
    code = "import sys, classifiers.heuristics, classifiers.rule_sets; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
