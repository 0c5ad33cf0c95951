"""Bundles: shingles that the same documents of a group have, as one item that weighs as much as they together.

Sentences that many documents share, whole copies, and what a document has alone are hundreds of shingles each, and one
bundle. So documents are compared by tens of items rather than by thousands, and with the same outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from dedup.frequencies import Frequencies
from dedup.shingles import ShingleSets, mix


@dataclass(frozen=True)
class Bundles:
    """Those of document ``i`` are ``items[offsets[i]:offsets[i + 1]]``, sorted: from the rarest to the commonest."""

    offsets: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]
    holders: npt.NDArray[np.int64]  #: of each bundle, the documents that have it
    sizes: npt.NDArray[np.int64]  #: its shingles
    weights: npt.NDArray[np.float64]  #: what they weigh


def bundles(sets: ShingleSets, frequencies: Frequencies) -> Bundles:
    """The bundles of a group. Equal sets of documents are told by a 64-bit sum of hashes of their members."""
    n = len(sets)
    hashes, number, counts = np.unique(sets.hashes, return_inverse=True, return_counts=True)
    members = np.zeros(len(hashes), np.uint64)
    _members(sets.offsets, number, members)
    # what one document has alone comes first: a bundle for each document, whether it has such or not
    bundle = np.empty(len(hashes), np.int64)
    alone = counts == 1
    bundle[alone] = _owners(sets.offsets, number, counts)[alone]
    shared = np.flatnonzero(~alone)
    order = shared[np.lexsort((members[shared], counts[shared]))]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (members[order][1:] != members[order][:-1]) | (counts[order][1:] != counts[order][:-1])
    bundle[order] = n - 1 + np.cumsum(fresh)
    total = n + int(fresh.sum())
    stands_for = np.full(total, -1, np.int64)  # of each bundle, one of its shingles
    stands_for[bundle[::-1]] = np.arange(len(hashes))[::-1]
    items = np.empty(len(sets.hashes), np.int32)
    offsets = np.zeros(n + 1, np.int64)
    found = _items(sets.offsets, number, bundle, stands_for, offsets, items)
    weights = np.zeros(total)
    np.add.at(weights, bundle, frequencies.weights(hashes))
    holders = np.bincount(items[:found], minlength=total)
    return Bundles(offsets, items[:found].copy(), holders, np.bincount(bundle, minlength=total), weights)


@njit(cache=True, nogil=True)
def _members(offsets: Any, number: Any, members: Any) -> None:
    for d in range(offsets.size - 1):
        own = mix(np.uint64(d + 1))
        for k in range(offsets[d], offsets[d + 1]):
            members[number[k]] += own


@njit(cache=True, nogil=True)
def _owners(offsets: Any, number: Any, counts: Any) -> Any:
    owners = np.empty(counts.size, np.int64)
    for d in range(offsets.size - 1):
        for k in range(offsets[d], offsets[d + 1]):
            owners[number[k]] = d
    return owners


@njit(cache=True, nogil=True)
def _items(offsets: Any, number: Any, bundle: Any, stands_for: Any, ends: Any, items: Any) -> int:
    found = 0
    for d in range(offsets.size - 1):
        for k in range(offsets[d], offsets[d + 1]):
            if stands_for[bundle[number[k]]] == number[k]:
                items[found] = bundle[number[k]]
                found += 1
        items[ends[d] : found].sort()
        ends[d + 1] = found
    return found
