"""Duplicates against plain references: shingles, signatures, pairs, components, and what is removed."""

from __future__ import annotations

import json
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import cluster
from dedup.clusters import components
from dedup.minhash import MinHashParams, band_keys, signatures
from dedup.pairs import candidates
from dedup.shingles import jaccard, shingle_sets
from dedup.verify import resolve
from manifests.text import PUNCTUATION, SPACE, UNSPACED, class_of, classes

WORDS = st.lists(st.sampled_from(["a", "b", "dog", "Tree", "HOUSE", "é", "東", "京", "end.", "-"]), max_size=60)


def column(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def words_of(text: str) -> list[str]:
    """What a word is, in plain Python."""
    table = classes()
    words, open_word = [], ""
    for character in text:
        kind = int(class_of(table, ord(character)))
        if kind & SPACE or kind & UNSPACED:
            words += [open_word] if open_word else []
            open_word = ""
        if kind & UNSPACED:
            words.append(character)
        elif not kind & (SPACE | PUNCTUATION):
            open_word += character.lower() if character.isascii() else character
    return words + ([open_word] if open_word else [])


def shingles_of(text: str, n: int) -> set[tuple[str, ...]]:
    words = words_of(text)
    n = min(n, len(words))
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)} if words else set()


@settings(max_examples=150, deadline=None)
@given(WORDS, WORDS, st.integers(1, 6))
def test_jaccard_is_that_of_the_word_shingles(a: list[str], b: list[str], n: int) -> None:
    left, right = " ".join(a), "\n".join(b)
    sets = shingle_sets(column([left, right]), MinHashParams(ngram=n))
    one, two = shingles_of(left, n), shingles_of(right, n)
    assert np.diff(sets.offsets).tolist() == [len(one), len(two)]
    expected = len(one & two) / len(one | two) if one and two else 0.0
    assert jaccard(sets, np.array([0]), np.array([1]))[0] == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60), st.integers(1, 5))
def test_character_shingles_count_as_they_should(text: str, n: int) -> None:
    joined = " ".join(words_of(text))
    sets = shingle_sets(column([text]), MinHashParams(ngram=n, unit="char"))
    n = min(n, len(joined))
    expected = {joined[i : i + n] for i in range(len(joined) - n + 1)} if joined else set()
    assert len(sets.hashes) == len(expected)


def test_estimated_jaccard_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    params = MinHashParams(bands=32, rows=8, ngram=1)
    errors = []
    for _ in range(60):
        shared, own = rng.integers(20, 200), rng.integers(0, 200)
        names = [f"w{i}" for i in rng.permutation(100_000)[: shared + 2 * own]]
        texts = [" ".join(names[: shared + own]), " ".join(names[:shared] + names[shared + own :])]
        found = signatures(column(texts), params)
        errors.append((found[0] == found[1]).mean() - shared / (shared + 2 * own))
    assert abs(np.mean(errors)) < 3 * 0.03 / np.sqrt(60)
    assert np.std(errors) < 0.045


def test_bands_collide_as_theory_says() -> None:
    params = MinHashParams(bands=10, rows=4, ngram=1)
    hits = 0
    for trial in range(300):
        names = [f"t{trial}w{i}" for i in range(260)]
        texts = [" ".join(names[:180]), " ".join(names[:100] + names[180:])]
        keys = band_keys(signatures(column(texts), params), params)
        hits += bool((keys[0] == keys[1]).any())
    expected = params.collision(100 / 260)
    assert abs(hits / 300 - expected) < 4 * np.sqrt(expected * (1 - expected) / 300)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 12)), max_size=40))
def test_pairs_connect_exactly_the_documents_that_share_a_key(records: list[tuple[int, int]]) -> None:
    keys = np.array([k for k, _ in records], np.uint64)
    refs = np.array([r for _, r in records], np.int64)
    labels = components(candidates(keys, refs), 13)
    groups: list[set[int]] = []
    for key in set(keys.tolist()):
        group = {r for k, r in records if k == key}
        for other in [g for g in groups if g & group]:
            groups.remove(other)
            group |= other
        groups.append(group)
    expected = list(range(13))
    for group in groups:
        for member in group:
            expected[member] = min(group)
    assert labels.tolist() == expected


def test_a_chain_does_not_remove_what_duplicates_nothing() -> None:
    words = [f"w{i}" for i in range(400)]
    chain = [" ".join(words[start : start + 200]) for start in (0, 8, 16, 24, 32, 40)]
    found = resolve(column(chain), MinHashParams(ngram=1), 0.9)
    sets = shingle_sets(column(chain), MinHashParams(ngram=1))
    for i, survivor in enumerate(found.survivor.tolist()):
        if survivor >= 0:
            assert found.survivor[survivor] == -1
            assert jaccard(sets, np.array([i]), np.array([survivor]))[0] >= 0.9
    assert found.survivor.tolist() == [-1, 0, -1, 2, -1, 4]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text("abc ", max_size=14), max_size=14),
    st.sampled_from([0.1, 0.3, 0.5, 2 / 3, 0.75, 0.8, 1.0]),
    st.integers(0, 3),
)
def test_survivors_are_those_of_comparing_all(texts: list[str], threshold: float, frozen: int) -> None:
    frozen = min(frozen, len(texts))
    params = MinHashParams(ngram=1, unit="char")
    found = resolve(column(texts), params, threshold, frozen=frozen)
    sets = shingle_sets(column(texts), params)
    content = [" ".join(t.split()) for t in texts]
    expected: list[int] = []
    for d in range(len(texts)):
        stay = [s for s in range(d) if expected[s] < 0]
        alike = jaccard(sets, np.full(len(stay), d), np.array(stay, np.int64))
        near = [stay[k] for k in np.argsort(-alike, kind="stable") if alike[k] >= threshold]
        twin = content.index(content[d])
        if d < frozen or (twin == d and not near):
            expected.append(-1)
        else:
            expected.append(near[0] if twin == d else twin if expected[twin] < 0 else expected[twin])
    assert found.survivor.tolist() == expected
    assert found.unfinished == 0
    for i, s in enumerate(expected):
        if s >= 0:
            exact = content[s] == content[i]
            assert found.kind[i] == ("exact" if exact else "fuzzy")
            assert found.score[i] == pytest.approx(
                1.0 if exact else jaccard(sets, np.array([content.index(content[i])]), np.array([s]))[0]
            )


def test_documents_that_share_much_but_not_enough_take_little_work() -> None:
    """A crawl of one site: three quarters of each page are the same, and no two pages are duplicates."""
    common = " ".join(f"menu{i}" for i in range(300))
    texts = column([f"{common} {' '.join(f'p{i}w{j}' for j in range(100))}" for i in range(4_000)])
    started = time.process_time()
    found = resolve(texts, MinHashParams(ngram=1), 0.8)
    assert (found.survivor < 0).all()
    assert found.unfinished == 0
    assert time.process_time() - started < 10  # comparing all takes 8 million merges of 400 shingles


def test_work_is_bounded_and_what_is_not_verified_stays() -> None:
    words = [f"w{i}" for i in range(20)]
    texts = column([" ".join(words[:i] + words[i + 4 :]) for i in range(17)] + [" ".join(words)])
    enough = resolve(texts, MinHashParams(ngram=1), 0.79)
    little = resolve(texts, MinHashParams(ngram=1), 0.79, work=1)
    assert enough.unfinished == 0
    assert (enough.survivor >= 0).any()
    assert (little.survivor < 0).all()
    assert little.unfinished > 10


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan")])
def test_a_threshold_that_everything_passes_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        resolve(column(["a"]), MinHashParams(), threshold)


def test_frozen_documents_stay_and_exact_copies_go_without_fuzzy() -> None:
    texts = column(["One two three.", "one  TWO three.", "one two three.", "other words here"])
    found = resolve(texts, MinHashParams(), 1.1, frozen=2)
    assert found.survivor.tolist() == [-1, -1, 0, -1]
    assert found.kind == [None, None, "exact", None]


def test_cluster_labels() -> None:
    base = " ".join(f"word{i}" for i in range(100))
    texts = [base, "short", base.replace("word50", "other"), "nothing alike at all in this one", "Short", ""]
    assert cluster(texts).tolist() == [0, 1, 0, -1, 1, -1]


@pytest.mark.parametrize("text", ["", "one", "a" * 100_000, "! ? .", "\n" * 1000])
def test_odd_texts(text: str) -> None:
    assert cluster([text, text, "something else entirely"]).tolist()[2] == -1


def test_a_hundred_thousand_identical_documents_take_seconds() -> None:
    started = time.process_time()
    labels = cluster(["the same few words in every document of all"] * 100_000)
    assert (labels == 0).all()
    assert time.process_time() - started < 60  # a quadratic walk would take hours


def test_labelled_sets(shared_data: Path) -> None:
    """Verified removal keeps precision high on documentation of several releases."""
    folder = shared_data / "dedup" / "django-docs"
    with zstandard.open(folder / "docs.jsonl.zst", "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in islice(lines, 400)]
    truth = {t["id"]: t["cluster"] for t in map(json.loads, (folder / "truth.jsonl").open())}
    labels = cluster([d["text"] for d in documents], threshold=0.7)
    pairs = [(i, int(label)) for i, label in enumerate(labels) if label >= 0 and label != i]
    right = sum(truth[documents[i]["id"]] == truth[documents[j]["id"]] for i, j in pairs)
    assert len(pairs) > 50
    assert right / len(pairs) > 0.97


def test_edits_are_found_and_templates_are_not_merged(shared_data: Path) -> None:
    """Character shingles see through small edits and OCR errors; pages of one template stay apart."""
    folder = shared_data / "dedup" / "synthetic-ops"
    with zstandard.open(folder / "docs.jsonl.zst", "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    truth = {t["id"]: t for t in map(json.loads, (folder / "truth.jsonl").open())}
    labels = cluster([d["text"] for d in documents], unit="char", bands=25, rows=5, threshold=0.6)
    label = {d["id"]: int(x) if x >= 0 else -1 - i for i, (d, x) in enumerate(zip(documents, labels, strict=True))}
    original = {t["cluster"]: t["id"] for t in truth.values() if t["op"] == "original"}
    found: dict[str, list[bool]] = {}
    for name, t in truth.items():
        if t["op"] not in ("original", "template_nearmiss"):
            found.setdefault(t["op"], []).append(label[name] == label[original[t["cluster"]]])
    for op in ("exact", "whitespace", "case_punct", "boilerplate", "edit02", "edit05", "edit10", "ocr02"):
        assert np.mean(found[op]) > 0.9, op
    pages = [label[name] for name, t in truth.items() if t["op"] == "template_nearmiss"]
    assert len(set(pages)) == len(pages) > 0
