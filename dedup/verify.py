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
from dedup.shingles import ShingleSets, shingle_sets, similarity
from manifests.text import content_hash

#: operations spent on one document at most (a few milliseconds); what is not verified by then stays
WORK = 1 << 22


@dataclass(frozen=True)
class Resolution:
    """Per document: index of its survivor (-1: it stays), similarity with it, and ``exact``, ``fuzzy`` or None."""

    survivor: npt.NDArray[np.int64]
    score: npt.NDArray[np.float32]
    kind: list[str | None]
    unfinished: int  #: documents that stay because ``WORK`` was spent before every survivor near them was compared


def _rare_first(sets: ShingleSets) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Shingles numbered from the rarest to the commonest, sorted within each set; and how many have each number."""
    hashes, where, counts = np.unique(sets.hashes, return_inverse=True, return_counts=True)
    order = np.argsort(counts, kind="stable")
    number = np.empty(len(hashes), np.int64)
    number[order] = np.arange(len(hashes))
    items = number[where]
    _sort_each(sets.offsets, items)
    return items, counts[order]


@njit(cache=True, nogil=True)
def _sort_each(offsets: Any, items: Any) -> None:
    for d in range(offsets.size - 1):
        items[offsets[d] : offsets[d + 1]].sort()


@njit(cache=True, nogil=True)
def _resolve(
    offsets: Any,
    items: Any,
    counts: Any,
    same_as: Any,
    frozen: int,
    threshold: float,
    work_limit: int,
    survivor: Any,
    score: Any,
) -> int:
    n = survivor.size
    unfinished = 0
    # for each shingle, the survivors that have it among their rarest, in order: linked lists of postings
    first = np.full(counts.size, -1, np.int64)
    last = np.full(counts.size, -1, np.int64)
    after = np.empty(items.size, np.int64)
    owner = np.empty(items.size, np.int64)
    postings = 0
    near = np.empty(n, np.int64)
    seen = np.full(n, -1, np.int64)
    for d in range(n):
        survivor[d] = -1
        score[d] = 0.0
        start = offsets[d]
        size = offsets[d + 1] - start
        # sets this similar share so many shingles that their rarest ones, all but those many and one, share one
        rarest = start + min(size, max(0, size - np.int64(np.ceil(threshold * size - 1e-9)) + 1))
        if d >= frozen:
            copy = same_as[d]
            if copy < d:  # the same content: where it went, this goes
                survivor[d] = copy if survivor[copy] < 0 else survivor[copy]
                score[d] = 1.0 if survivor[copy] < 0 else score[copy]
                continue
            found = 0
            work = 0
            for k in range(start, rarest):
                posting = first[items[k]]
                while posting >= 0 and work < work_limit:
                    work += 1
                    s = owner[posting]
                    if seen[s] != d:
                        seen[s] = d
                        near[found] = s
                        found += 1
                    posting = after[posting]
            near[:found].sort()
            best = 0.0
            for k in range(found):
                if work >= work_limit or best == 1.0:
                    unfinished += survivor[d] < 0
                    break
                s = near[k]
                other = offsets[s + 1] - offsets[s]
                if min(size, other) < threshold * max(size, other):
                    continue  # |A ∩ B| / |A ∪ B| cannot exceed the ratio of the sizes
                work += size + other
                value = similarity(items[start : start + size], items[offsets[s] : offsets[s + 1]])
                if value >= threshold and value > best:
                    survivor[d] = s
                    best = value
            score[d] = best
            if survivor[d] >= 0:
                continue
        for k in range(start, rarest):
            shingle = items[k]
            if counts[shingle] > 1:
                owner[postings] = d
                after[postings] = -1
                if first[shingle] < 0:
                    first[shingle] = postings
                else:
                    after[last[shingle]] = postings
                last[shingle] = postings
                postings += 1
    return unfinished


def resolve(
    texts: pa.Array | pa.ChunkedArray, params: MinHashParams, threshold: float, *, frozen: int = 0, work: int = WORK
) -> Resolution:
    """Decides a group of candidates given in the order of preference; the first ``frozen`` stay whatever they are.

    A document goes when its normalised content equals an earlier one's (``exact``), or when the Jaccard similarity of
    its shingles with a document that stays is at least ``threshold`` (``fuzzy``); the most similar one, the first of
    equals, is its survivor. A threshold above one allows exact removals only; ValueError when it is not above zero.

    Only documents that share one of their rarest shingles are compared (prefix filter: Bayardo et al. 2007, Xiao et al.
    2008), which finds the same survivors as comparing all, as long as ``work`` suffices.
    """
    if not threshold > 0:
        raise ValueError(f"threshold is {threshold}; it must be above 0 (above 1: exact duplicates only)")
    contents = content_hash(texts).to_pylist()
    first: dict[str, int] = {}
    same_as = np.array([first.setdefault(c, i) for i, c in enumerate(contents)], np.int64)
    sets = shingle_sets(texts, params)
    items, counts = _rare_first(sets)
    survivor = np.empty(len(same_as), np.int64)
    score = np.empty(len(same_as), np.float32)
    unfinished = _resolve(sets.offsets, items, counts, same_as, frozen, threshold, work, survivor, score)
    kinds: list[str | None] = [
        None if s < 0 else "exact" if contents[s] == contents[i] else "fuzzy" for i, s in enumerate(survivor.tolist())
    ]
    return Resolution(survivor, score, kinds, unfinished)
