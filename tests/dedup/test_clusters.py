"""Components: in one call, by blocks that agree in rounds, and divided where they are too large."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.clusters import Held, components, divided, held, least, rejoined, stars


def plainly(edges: np.ndarray) -> dict[int, int]:
    """The least node of each one's component, by walking."""
    near: dict[int, set[int]] = {}
    for a, b in edges.tolist():
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    labels: dict[int, int] = {}
    for node in sorted(near):
        todo = [] if node in labels else [node]
        while todo:
            if (here := todo.pop()) not in labels:
                labels[here] = node
                todo += near[here]
    return labels


def in_rounds(edges: np.ndarray, blocks: int) -> tuple[dict[int, int], int]:
    """What the blocks hold when none hears anything new, and the rounds it took."""
    block = [held(edges[i::blocks]) for i in range(blocks)]
    most = [2 * len(b.nodes) for b in block]
    for rounds in range(1, 1000):
        heard = least(*(np.concatenate([getattr(b, name) for b in block]) for name in ("nodes", "labels")))
        each = np.split(heard, np.cumsum([len(b.nodes) for b in block])[:-1])
        if all((h == b.labels).all() for h, b in zip(each, block, strict=True)):
            return {n: label for b in block for n, label in own(b)}, rounds
        block = [rejoined(b, h) for b, h in zip(block, each, strict=True)]
        assert all(len(b.nodes) <= m for b, m in zip(block, most, strict=True))
    raise AssertionError("no end")


def own(block: Held) -> list[tuple[int, int]]:
    return list(zip(block.nodes[block.own].tolist(), block.labels[block.own].tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).filter(lambda p: p[0] != p[1]), max_size=60),
    st.integers(1, 9),
)
def test_blocks_find_what_one_finds(pairs: list[tuple[int, int]], blocks: int) -> None:
    edges = np.array(pairs, np.int64).reshape(-1, 2) << 40
    found = stars(edges)
    expected = plainly(edges)
    assert dict(zip(found.nodes.tolist(), found.labels.tolist(), strict=True)) == expected
    assert in_rounds(edges, blocks)[0] == expected


def chain(order: np.ndarray) -> np.ndarray:
    return np.column_stack([order[:-1], order[1:]])


N = 1000
RNG = np.random.default_rng(5)
GRAPHS = {
    "chain": chain(np.arange(N)),
    "chain, shuffled": chain(RNG.permutation(N)),
    "chain, to and fro": chain(np.where(np.arange(N) % 2, np.arange(N), N + np.arange(N)[::-1])),
    "star": np.column_stack([np.full(N, 7), np.arange(N)]),
    "star of the greatest": np.column_stack([np.full(N, N), np.arange(N)]),
    "random, sparse": RNG.integers(0, N, (N // 2, 2)),
    "random, one large component": RNG.integers(0, N, (N, 2)),
    "tree": np.column_stack([np.arange(1, N), np.arange(1, N) // 2]),
    "comb": np.concatenate([chain(np.arange(0, N, 10)), *(chain(np.arange(i, i + 10)) for i in range(0, N, 10))]),
}


@pytest.mark.parametrize("blocks", [3, 50, N])
@pytest.mark.parametrize("name", GRAPHS)
def test_rounds_are_few(name: str, blocks: int) -> None:
    """As many blocks as edges is the worst case: a block knows nothing but two nodes."""
    edges = GRAPHS[name]
    edges = edges[edges[:, 0] != edges[:, 1]]
    labels, rounds = in_rounds(edges, blocks)
    assert labels == plainly(edges)
    assert rounds <= 1.5 * math.log2(N)


def test_components_too_large_are_divided_by_stronger_edges() -> None:
    """Two chains of ten, joined by a weak edge; one of them has a weak middle."""
    edges = np.concatenate([chain(np.arange(10)), chain(np.arange(10, 20)), [[9, 10]], chain(np.arange(30, 33))])
    apart = np.full(len(edges), 1, np.uint8)
    apart[18], apart[4], apart[19:] = 9, 5, 9
    sizes = {
        largest: np.unique(divided(edges, apart, (255, 8, 4), largest).labels, return_counts=True)[1].tolist()
        for largest in (20, 12, 9, 3)
    }
    assert sizes == {20: [20, 3], 12: [10, 10, 3], 9: [5, 5, 10, 3], 3: [5, 5, 10, 3]}


@pytest.mark.parametrize("edges", [[[0, 3]], [[-1, 0]]])
def test_edges_outside_are_refused(edges: list[list[int]]) -> None:
    with pytest.raises(IndexError, match="there are 3"):
        components(np.array(edges), 3)
