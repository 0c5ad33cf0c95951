"""Candidate pairs: documents that share a key."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def candidates(keys: npt.NDArray[np.uint64], refs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Pairs ``int64[m, 2]`` that connect the documents of each key, every document with the smallest of its group.

    ``keys[n]`` and ``refs[n]`` run in parallel; a document may bring many keys. A star per key keeps a hot key linear
    in its size. Pairs are distinct, sorted, smaller reference first.
    """
    order = np.lexsort((refs, keys))
    sorted_keys, sorted_refs = keys[order], refs[order]
    follows = np.zeros(len(order), bool)
    follows[1:] = sorted_keys[1:] == sorted_keys[:-1]
    first = np.maximum.accumulate(np.where(follows, 0, np.arange(len(order))))
    pairs = np.column_stack([sorted_refs[first[follows]], sorted_refs[follows]])
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0).reshape(-1, 2)
