"""Candidate pairs: what shares a key and may be alike is joined, hot keys cost what they hold."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.clusters import components
from dedup.keys import fuzzy_records
from dedup.pairs import LEADERS, candidates
from dedup.params import MinHashParams
from dedup.sketches import entries, least_equal
from tests.dedup.plain import column


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 12)), max_size=40))
def test_pairs_connect_exactly_the_documents_that_share_a_key(records: list[tuple[int, int]]) -> None:
    keys = np.array([k for k, _ in records], np.uint64)
    refs = np.array([r for _, r in records], np.int64)
    found = candidates(keys, refs, np.zeros((len(keys), 4), np.uint64), 0)
    labels = components(found.edges, 13)
    # of each key, one record leads, and what leads is enough to hear of the others
    assert sorted(keys[found.leads].tolist()) == sorted(set(keys.tolist()))
    assert found.capped == 0
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


def records_of(texts: list[str], params: MinHashParams, key: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One record a text, all of one key."""
    _, rows, sketched = fuzzy_records(column(texts), params)
    first = np.searchsorted(rows, np.arange(len(texts)))
    return np.full(len(texts), key, np.uint64), np.arange(len(texts)), sketched[first]


def test_a_hot_key_costs_its_size_and_loses_no_alike_pair() -> None:
    """An attack, or boilerplate: 20,000 unrelated documents in one bucket, and among them near copies."""
    params = MinHashParams(ngram=1, unit="word")
    rng = np.random.default_rng(3)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 1 << 40, 60)) for _ in range(19_000)]
    twins = [text.replace("w", "v", 4) for text in texts[-1000:]]
    keys, refs, sketched = records_of(texts + twins, params, 7)
    found = candidates(keys, refs, sketched, entries(params) - least_equal(0.6, params))
    joined = set(map(tuple, found.edges.tolist()))
    caught = sum((18_000 + i, 19_000 + i) in joined for i in range(1000))
    assert caught > 990
    assert len(found.edges) < 3 * caught
    assert found.leads.sum() > 19_000 - LEADERS


def test_copies_in_one_bucket_are_joined_to_one_leader() -> None:
    keys, refs, sketched = records_of(["the same words again"] * 5000, MinHashParams(), 1)
    found = candidates(keys, refs, sketched, 0)
    assert found.edges[:, 0].tolist() == [0] * 4999
    assert found.leads.sum() == 1
