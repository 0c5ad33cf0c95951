"""Verification: a document is removed only for its own similarity to the document that stays in its place.

Candidates chain: A is near B, B near C, and A has nothing of C. Removing whole chains deletes documents that duplicate
nothing; so here each is compared, best copy first, with those that stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from dedup.params import MinHashParams
from dedup.shingles import shingle_sets, similarity
from manifests.text import content_hash


@dataclass(frozen=True)
class Resolution:
    """Per document: index of its survivor (-1: it stays), similarity with it, and ``exact``, ``fuzzy`` or None."""

    survivor: npt.NDArray[np.int64]
    score: npt.NDArray[np.float32]
    kind: list[str | None]


@njit(cache=True, nogil=True)
def _resolve(offsets: Any, hashes: Any, same_as: Any, frozen: int, threshold: float, survivor: Any, score: Any) -> None:
    n = survivor.size
    survivors = np.empty(n, np.int64)
    count = 0
    for d in range(n):
        survivor[d] = -1
        score[d] = 0.0
        if d >= frozen:
            first = same_as[d]
            if first < d:  # the same content: where it went, this goes
                survivor[d] = first if survivor[first] < 0 else survivor[first]
                score[d] = 1.0 if survivor[first] < 0 else score[first]
                continue
            size = offsets[d + 1] - offsets[d]
            for k in range(count):
                s = survivors[k]
                other = offsets[s + 1] - offsets[s]
                if min(size, other) < threshold * max(size, other):
                    continue  # |A ∩ B| / |A ∪ B| cannot exceed the ratio of the sizes
                value = similarity(hashes[offsets[d] : offsets[d + 1]], hashes[offsets[s] : offsets[s + 1]])
                if value >= threshold:
                    survivor[d] = s
                    score[d] = value
                    break
            if survivor[d] >= 0:
                continue
        survivors[count] = d
        count += 1


def resolve(
    texts: pa.Array | pa.ChunkedArray, params: MinHashParams, threshold: float, *, frozen: int = 0
) -> Resolution:
    """Decides a group of candidates given in the order of preference; the first ``frozen`` stay whatever they are.

    A document goes when its normalised content equals an earlier one's (``exact``), or when the Jaccard similarity of
    its shingles with a document that stays is at least ``threshold`` (``fuzzy``). A threshold above one allows exact
    removals only.
    """
    contents = content_hash(texts).to_pylist()
    first: dict[str, int] = {}
    same_as = np.array([first.setdefault(c, i) for i, c in enumerate(contents)], np.int64)
    sets = shingle_sets(texts, params)
    survivor = np.empty(len(same_as), np.int64)
    score = np.empty(len(same_as), np.float32)
    _resolve(sets.offsets, sets.hashes, same_as, frozen, threshold, survivor, score)
    kinds: list[str | None] = [
        None if s < 0 else "exact" if contents[s] == contents[i] else "fuzzy" for i, s in enumerate(survivor.tolist())
    ]
    return Resolution(survivor, score, kinds)
