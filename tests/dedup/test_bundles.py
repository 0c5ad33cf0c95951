"""Bundles stand for their shingles: the same sets, sizes and weights."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.bundles import bundles
from dedup.frequencies import Frequencies
from dedup.shingles import ShingleSets


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sets(st.integers(1, 12), max_size=12), max_size=6))
def test_bundles_are_the_shingles_that_the_same_documents_have(documents: list[set[int]]) -> None:
    flat = [x for d in documents for x in sorted(d)]
    offsets = np.cumsum([0, *map(len, documents)])
    common = Frequencies(50, np.array([2, 3, 5], np.uint64), np.array([2, 20, 50]))
    found = bundles(ShingleSets(offsets, np.array(flat, np.uint64)), common)
    having = {x: tuple(i for i, d in enumerate(documents) if x in d) for x in flat}
    expected = {held: [x for x in sorted(having) if having[x] == held] for held in set(having.values())}
    each = [found.items[a:b].tolist() for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True)]
    assert all(items == sorted(items) for items in each)
    seen = {}
    for bundle in {b for items in each for b in items}:
        held = tuple(i for i, items in enumerate(each) if bundle in items)
        assert found.holders[bundle] == len(held)
        assert found.sizes[bundle] == len(expected[held])
        weight = common.weights(np.array(expected[held], np.uint64)).sum()
        assert np.isclose(found.weights[bundle], weight)
        seen[held] = bundle
    assert seen.keys() == expected.keys()
    order = [len(held) for held in sorted(seen, key=lambda held: seen[held])]
    assert order == sorted(order)  # from the rarest on
