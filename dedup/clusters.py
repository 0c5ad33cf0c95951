"""Connected components by union-find."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit


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


@njit(cache=True, nogil=True)
def _flatten(parent: Any) -> None:
    for x in range(parent.size):
        parent[x] = _find(parent, x)


class Forest:
    """Components of nodes 0 … n-1 whose edges come block by block, in any order: eight bytes a node, none an edge."""

    def __init__(self, n: int) -> None:
        self._parent = np.arange(n, dtype=np.int64)

    def add(self, edges: npt.NDArray[np.int64]) -> None:
        """Unites the nodes of ``int64[m, 2]``; IndexError when an edge names a node outside."""
        edges = np.ascontiguousarray(edges, np.int64).reshape(-1, 2)
        n = len(self._parent)
        if len(edges) and not 0 <= edges.min() <= edges.max() < n:
            raise IndexError(f"edges name nodes {edges.min()} … {edges.max()}; there are {n}")
        _unite(edges, self._parent)

    def labels(self) -> npt.NDArray[np.int64]:
        """The smallest member of each node's component, ``int64[n]``."""
        _flatten(self._parent)
        return self._parent.copy()


def components(edges: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """The labels of a forest with these edges."""
    forest = Forest(n)
    forest.add(edges)
    return forest.labels()
