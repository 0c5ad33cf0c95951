"""Connected components: by union-find in memory, and as steps that blocks of edges take apart from each other.

Beyond memory each block keeps a forest of its own edges, and rounds make the blocks agree: each tells the label of
every node it holds, hears the least label that any block has for that node, and joins its trees with what it heard. It
is label propagation where a label is itself a node of which one hears more (large-star and small-star: Kiveris et al.
2014; extended connection: Liu and Tarjan 2022, O(log² n) rounds), so that the reach of a label doubles each round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@njit(cache=True, nogil=True)
def _find(parent: Any, x: int) -> int:
    while parent[x] != x:
        parent[x] = parent[parent[x]]
        x = parent[x]
    return x


@njit(cache=True, nogil=True)
def _unite(edges: Any, parent: Any) -> None:
    for i in range(edges.shape[0]):
        a = _find(parent, edges[i, 0])
        b = _find(parent, edges[i, 1])
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    for x in range(parent.size):
        parent[x] = _find(parent, x)


def components(edges: Ints, n: int) -> Ints:
    """Of nodes 0 … n-1 the smallest member of each one's component, ``int64[n]``.

    IndexError when one of the ``int64[m, 2]`` edges names a node outside.
    """
    edges = np.ascontiguousarray(edges, np.int64).reshape(-1, 2)
    if len(edges) and not 0 <= edges.min() <= edges.max() < n:
        raise IndexError(f"edges name nodes {edges.min()} … {edges.max()}; there are {n}")
    parent = np.arange(n, dtype=np.int64)
    _unite(edges, parent)
    return parent


@dataclass(frozen=True)
class Stars:
    """Components of any numbers: ``nodes`` sorted and distinct, ``labels`` the least node of each one's component."""

    nodes: Ints
    labels: Ints

    def of(self, nodes: Ints) -> Ints:
        """The labels of nodes that are among these."""
        return self.labels[np.searchsorted(self.nodes, nodes)]

    def larger_than(self, most: int) -> Ints:
        """Labels of components of more nodes, sorted."""
        found, sizes = np.unique(self.labels, return_counts=True)
        return found[sizes > most]


def stars(edges: Ints) -> Stars:
    """The components of ``int64[m, 2]``: about 64 bytes an edge, and none for numbers that no edge names."""
    nodes, codes = np.unique(edges, return_inverse=True)
    return Stars(nodes, nodes[components(codes.reshape(-1, 2), len(nodes))])


def divided(edges: Ints, apart: npt.NDArray[np.uint8], limits: Sequence[float], largest: int) -> Stars:
    """Components by edges of at most ``limits[0]`` apart; those of more than ``largest`` nodes anew by ``limits[1]``, …

    What is still too large by the last limit stays as it is.
    """
    found: list[Stars] = []
    for limit in limits:
        near = apart <= limit
        edges, apart = edges[near], apart[near]
        here = stars(edges)
        large = here.larger_than(largest) if limit != limits[-1] else np.empty(0, np.int64)
        again = np.isin(here.labels, large)
        found.append(Stars(here.nodes[~again], here.labels[~again]))
        if not again.any():
            break
        within = np.isin(here.of(edges[:, 0]), large)
        edges, apart = edges[within], apart[within]
    nodes, labels = (np.concatenate(x) for x in zip(*((f.nodes, f.labels) for f in found), strict=True))
    order = np.argsort(nodes)
    return Stars(nodes[order], labels[order])


@dataclass(frozen=True)
class Held:
    """What a block holds between rounds: nodes of its edges (``own``) and the labels it knows them by, each once."""

    nodes: Ints
    labels: Ints
    own: Mask


def held(edges: Ints) -> Held:
    """A block before the first round."""
    found = stars(edges)
    return Held(found.nodes, found.labels, np.ones(len(found.nodes), bool))


def least(nodes: Ints, labels: Ints) -> Ints:
    """For each entry the least label of those of the same node."""
    order = np.argsort(nodes, kind="stable")
    first = np.flatnonzero(np.diff(nodes[order], prepend=nodes[order[:1]] - 1))
    out = np.empty_like(labels)
    out[order] = np.repeat(np.minimum.reduceat(labels[order], first), np.diff(first, append=len(order)))
    return out


def rejoined(block: Held, heard: Ints) -> Held:
    """The block after it heard of a label for each of its entries, none greater than its own.

    A label that got less is held for one round more, so that whoever has it still hears of the lesser one. What is
    neither that nor a node of the block's edges is forgotten: at most twice their number stay.
    """
    joined = stars(
        np.concatenate([np.column_stack([block.nodes, block.labels]), np.column_stack([block.labels, heard])])
    )
    nodes = block.nodes[block.own]
    before = np.unique(block.labels)
    known = np.setdiff1d(np.union1d(before, joined.of(before)), nodes)
    return Held(
        np.concatenate([nodes, known]),
        joined.of(np.concatenate([nodes, known])),
        np.arange(len(nodes) + len(known)) < len(nodes),
    )
