"""What follows from documents: as a plain walk over the edges finds it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.lineage import relations
from manifests.lineage.numbers import distinct

_DOCUMENTS = 12
_NUMBER = st.integers(0, _DOCUMENTS - 1)


@given(st.lists(st.integers(-5, 5)))
def test_distinct_numbers_are_sorted_and_each_once(numbers: list[int]) -> None:
    assert distinct(np.array(numbers, np.int64)).tolist() == sorted(set(numbers))


@settings(deadline=None)
@given(st.sets(st.tuples(_NUMBER, _NUMBER)), st.sets(_NUMBER))
def test_all_that_follows_is_found_once_and_by_an_edge(edges: set[tuple[int, int]], asked: set[int]) -> None:
    ordered = sorted(edges)
    columns = {"document": [a for a, _ in ordered], "follower": [b for _, b in ordered]}
    rest = {n: [0] * len(ordered) for n in ("stretches", "shard", "start", "tokens")}
    kinds = {"kind": [(a + b) % 2 for a, b in ordered]}
    schema = {f.name: pl.Int64 for f in relations.SCHEMA}
    table = pl.DataFrame({**columns, **rest, **kinds}, schema=schema).select(relations.SCHEMA.names)
    with tempfile.TemporaryDirectory() as folder:
        uri = str(Path(folder, "relations.arrow"))
        relations.write(uri, table.to_arrow())
        found = relations.Relations(uri).follow(np.array(sorted(asked), np.int64), _DOCUMENTS)
        reached, frontier = set(asked), set(asked)
        while frontier:
            frontier = {b for a, b in edges if a in frontier} - reached
            reached |= frontier
        assert sorted(found.numbers.tolist()) == sorted(reached - asked)
        for number, by, kind, edge in zip(found.numbers, found.by, found.kind, found.edge, strict=True):
            assert ordered[edge] == (by, number)
            assert by in reached
            assert kind == (by + number) % 2
