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
def _components(edges: Any, parent: Any) -> None:
    for i in range(edges.shape[0]):
        a = _find(parent, edges[i, 0])
        b = _find(parent, edges[i, 1])
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    for x in range(parent.size):
        parent[x] = _find(parent, x)


def components(edges: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """The smallest member of each node's component, ``int64[n]``; ``edges`` is ``int64[m, 2]`` over nodes 0 … n-1.

    IndexError when an edge names a node outside.
    """
    edges = np.ascontiguousarray(edges, np.int64).reshape(-1, 2)
    if len(edges) and not 0 <= edges.min() <= edges.max() < n:
        raise IndexError(f"edges name nodes {edges.min()} … {edges.max()}; there are {n}")
    parent = np.arange(n, dtype=np.int64)
    _components(edges, parent)
    return parent
