"""What is removed: only what is alike to the document that stays in its place, found as by comparing all."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.frequencies import count, sample
from dedup.likeness import alike, notice_words, words
from dedup.params import MinHashParams
from dedup.shingles import shingle_sets
from dedup.verify import resolve
from tests.dedup.plain import EVEN, column, jaccard

ONES = MinHashParams(ngram=1, unit="word")


def test_a_chain_does_not_remove_what_duplicates_nothing() -> None:
    words = [f"w{i}" for i in range(400)]
    chain = [" ".join(words[start : start + 200]) for start in (0, 8, 16, 24, 32, 40)]
    found = resolve(column(chain), ONES, 0.9, 0.0, EVEN)
    sets = shingle_sets(column(chain), ONES)
    for i, survivor in enumerate(found.survivor.tolist()):
        if survivor >= 0:
            assert found.survivor[survivor] == -1
            assert jaccard(sets, i, survivor) >= 0.9
    assert found.survivor.tolist() == [-1, 0, -1, 2, -1, 4]
    assert found.nearest.tolist() == [-1, -1, 0, -1, 2, -1]  # what stays was told apart from the link before
    assert 0.8 < found.nearest_score[2] < 0.9


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text("abc ", max_size=14), max_size=14),
    st.sampled_from([0.1, 0.3, 0.5, 2 / 3, 0.75, 0.8, 1.0]),
    st.integers(0, 3),
)
def test_survivors_are_those_of_comparing_all(texts: list[str], threshold: float, frozen: int) -> None:
    """Texts as short as these must be more alike than the threshold may ask for."""
    frozen = min(frozen, len(texts))
    params = MinHashParams(ngram=1, unit="char")
    found = resolve(column(texts), params, threshold, 0.0, EVEN, frozen=frozen)
    sets = shingle_sets(column(texts), params)
    content = [" ".join(t.split()) for t in texts]
    expected: list[int] = []
    for d in range(len(texts)):
        stay = [s for s in range(d) if expected[s] < 0]
        alike = np.array([jaccard(sets, d, s) for s in stay])
        near = [stay[k] for k in np.argsort(-alike, kind="stable") if alike[k] >= max(threshold, 0.8)]
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
            assert found.score[i] == pytest.approx(1.0 if exact else jaccard(sets, content.index(content[i]), s))


BANK = [f"{a} {b} {c} with the {d} of it." for a, b, c, d in np.random.default_rng(8).choice(["".join(w) for w in
        np.random.default_rng(7).choice([*"abcdefghiklmnoprstuw"], (300, 5))], (60, 4))]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 15), min_size=6, max_size=16), min_size=8, max_size=24),
    st.lists(st.tuples(st.integers(0, 13), st.integers(0, 59), st.integers(0, 200)), max_size=14),
    st.sampled_from([0.2, 0.55, 0.8]),
    st.sampled_from([0.0, 0.4]),
)
def test_verdicts_and_evidence_are_those_of_merging_every_pair(
    documents: list[list[int]], copies: list[tuple[int, int, int]], threshold: float, specific: float
) -> None:
    """Texts that share many sentences, and copies in which one sentence and one word are others."""
    texts = [" ".join(BANK[i] for i in d) for d in documents]
    for of, sentence, at in copies:
        said = texts[of % len(documents)].split()
        said[at % len(said)] = "changed"
        texts.append(" ".join(said) + " " + BANK[sentence])
    params = MinHashParams()
    column_ = column(texts)
    common = count(sample(column_, np.arange(len(texts), dtype=np.uint64), params))
    found = resolve(column_, params, threshold, specific, common, work=1 << 40)
    sets, said_words = shingle_sets(column_, params), words(column_)
    weights = [common.weights(sets.of(i)) for i in range(len(texts))]
    expected = np.full(len(texts), -1)
    for d in range(len(texts)):
        best = 0.0
        if texts[d] in texts[:d]:
            first = texts.index(texts[d])
            expected[d] = first if expected[first] < 0 else expected[first]
            continue
        for s in (s for s in range(d) if expected[s] < 0):
            both = np.isin(sets.of(d), sets.of(s))
            value = both.sum() / (len(sets.of(d)) + len(sets.of(s)) - both.sum())
            shared = weights[d][both].sum()
            rare = shared / (weights[d].sum() + weights[s].sum() - shared)
            a, b = (said_words.hashes[said_words.offsets[i] : said_words.offsets[i + 1]] for i in (d, s))
            slots = np.zeros(1 << 12, np.uint64)
            if value < threshold or value <= best:
                continue
            if alike(
                a, b, bool(said_words.legal[d] or said_words.legal[s]), value, rare, specific, slots, notice_words()
            ):
                best, expected[d] = value, s
                evidence = value, rare, both.mean()
        if expected[d] >= 0:
            assert (found.score[d], found.specific[d], found.matched[d]) == pytest.approx(evidence)
    assert found.survivor.tolist() == expected.tolist()
    for d in np.flatnonzero(found.nearest >= 0).tolist():
        near = jaccard(sets, d, int(found.nearest[d]))
        assert found.nearest_score[d] == pytest.approx(near)


def test_documents_that_share_much_but_not_enough_take_little_work() -> None:
    """A crawl of one site: three quarters of each page are the same, and no two pages are duplicates."""
    common = " ".join(f"menu{i}" for i in range(300))
    texts = column([f"{common} {' '.join(f'p{i}w{j}' for j in range(100))}" for i in range(4_000)])
    started = time.process_time()
    found = resolve(texts, ONES, 0.8, 0.0, EVEN)
    assert (found.survivor < 0).all()
    assert found.unfinished == 0
    assert time.process_time() - started < 10  # comparing all takes 8 million merges of 400 shingles


def test_work_is_bounded_and_what_is_not_verified_stays() -> None:
    words = [f"w{i}" for i in range(200)]
    texts = column([" ".join(words[:i] + words[i + 20 :]) for i in range(0, 170, 10)] + [" ".join(words)])
    enough = resolve(texts, ONES, 0.79, 0.0, EVEN)
    little = resolve(texts, ONES, 0.79, 0.0, EVEN, work=1)
    assert enough.unfinished == 0
    assert (enough.survivor >= 0).any()
    assert (little.survivor < 0).all()
    assert little.unfinished > 10


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan")])
def test_a_threshold_that_everything_passes_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        resolve(column(["a"]), MinHashParams(), threshold, 0.0, EVEN)


def test_frozen_documents_stay_and_exact_copies_go_without_fuzzy() -> None:
    texts = column(["One two three.", "one  TWO three.", "one two three.", "other words here"])
    found = resolve(texts, MinHashParams(), 1.1, 0.0, EVEN, frozen=2)
    assert found.survivor.tolist() == [-1, -1, 0, -1]
    assert found.kind == [None, None, "exact", None]
