"""Verification: a document is removed only for its own similarity to the document that stays in its place.

Candidates chain: A is near B, B near C, and A has nothing of C. Removing whole chains deletes documents that duplicate
nothing; so here each is compared, best copy first, with those that stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from dedup.frequencies import Frequencies
from dedup.likeness import alike, words
from dedup.params import MinHashParams
from dedup.shingles import ShingleSets, comparable, shared_weight, shingle_sets, similarity
from manifests.text import content_hash

#: operations spent on one document at most (a few milliseconds); what is not verified by then stays
WORK = 1 << 22


@dataclass(frozen=True)
class Resolution:
    """Per document: its survivor (-1: it stays), what speaks for it, and ``exact``, ``url``, ``fuzzy`` or None."""

    survivor: npt.NDArray[np.int64]
    score: npt.NDArray[np.float32]
    specific: npt.NDArray[np.float32]  #: the score with shingles weighted by their rarity
    matched: npt.NDArray[np.float32]  #: share of the document's own shingles that its survivor has
    kind: list[str | None]
    nearest: npt.NDArray[np.int64]  #: of a document that stays, the most similar it was told apart from; -1: none
    nearest_score: npt.NDArray[np.float32]
    unfinished: int  #: documents that stay because ``WORK`` was spent before every survivor near them was compared


def _rare_first(
    sets: ShingleSets, frequencies: Frequencies
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Shingles numbered from the rarest to the commonest, sorted within each set; of each number, how many have it and
    its weight."""
    hashes, where, counts = np.unique(sets.hashes, return_inverse=True, return_counts=True)
    order = np.argsort(counts, kind="stable")
    number = np.empty(len(hashes), np.int64)
    number[order] = np.arange(len(hashes))
    items = number[where]
    _sort_each(sets.offsets, items)
    return items, counts[order], frequencies.weights(hashes)[order]


@njit(cache=True, nogil=True)
def _sort_each(offsets: Any, items: Any) -> None:
    for d in range(offsets.size - 1):
        items[offsets[d] : offsets[d + 1]].sort()


@njit(cache=True, nogil=True)
def _compare(mine: Any, others: Any, weights: Any, weight: float, other_weight: float, out: Any) -> None:
    """Similarity, the same with weights, and the share of ``mine`` that is in ``others``."""
    out[:] = 0.0
    if mine.size and others.size:
        value = similarity(mine, others)
        shared = shared_weight(mine, others, weights)
        out[0] = value
        out[1] = shared / (weight + other_weight - shared)
        out[2] = value / (1 + value) * (mine.size + others.size) / mine.size


@njit(inline="always", cache=True)
def _power(least: Any) -> Any:
    """The power of two that is at least this."""
    power = 1
    while power < least:
        power *= 2
    return power


@njit(cache=True, nogil=True)
def _resolve(
    offsets: Any,
    items: Any,
    counts: Any,
    weights: Any,
    word_offsets: Any,
    word_hashes: Any,
    legal: Any,
    same_as: Any,
    address: Any,
    frozen: int,
    threshold: float,
    least: float,
    work_limit: int,
    survivor: Any,
    evidence: Any,
    nearest: Any,
    nearest_score: Any,
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
    longest = np.int64(2)
    for d in range(n):
        longest = max(longest, 2 * (word_offsets[d + 1] - word_offsets[d]))
    slots = np.zeros(_power(longest), np.uint64)
    tested = np.empty(3, np.float32)
    holder = np.full(n, -1, np.int64)  # of an address: the document that stays
    total = np.zeros(n, np.float64)
    for d in range(n):
        for k in range(offsets[d], offsets[d + 1]):
            total[d] += weights[items[k]]
    for d in range(n):
        survivor[d] = nearest[d] = -1
        nearest_score[d] = 0.0
        evidence[d, :] = 0.0
        start = offsets[d]
        size = offsets[d + 1] - start
        # sets this similar share so many shingles that their rarest ones, all but those many and one, share one
        rarest = start + min(size, max(0, size - np.int64(np.ceil(threshold * size - 1e-9)) + 1))
        if d >= frozen:
            copy = same_as[d]
            if copy < d:  # the same content: where it went, this goes
                survivor[d] = copy if survivor[copy] < 0 else survivor[copy]
                evidence[d, :] = evidence[copy, :]
                if survivor[copy] < 0:
                    evidence[d, :] = 1.0
                continue
            held = holder[address[d]] if address[d] >= 0 else -1
            if held >= 0:
                survivor[d] = held
                mine, others = items[start : start + size], items[offsets[held] : offsets[held + 1]]
                _compare(mine, others, weights, total[d], total[held], evidence[d])
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
                mine, others = items[start : start + size], items[offsets[s] : offsets[s + 1]]
                value = similarity(mine, others)
                if value < threshold:
                    if value > nearest_score[d]:
                        nearest[d], nearest_score[d] = s, value
                    continue
                if value <= best:
                    continue
                _compare(mine, others, weights, total[d], total[s], tested)
                a = word_hashes[word_offsets[d] : word_offsets[d + 1]]
                b = word_hashes[word_offsets[s] : word_offsets[s + 1]]
                room = slots[: _power(2 * max(a.size, b.size, 1))]
                work += 2 * (a.size + b.size)
                if alike(a, b, legal[d] and legal[s], value, tested[1], least, room):
                    survivor[d] = s
                    best = value
                    evidence[d, :] = tested
                elif value > nearest_score[d]:
                    nearest[d], nearest_score[d] = s, value
            if survivor[d] >= 0:
                continue
        if address[d] >= 0 and holder[address[d]] < 0:
            holder[address[d]] = d
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
    texts: pa.Array | pa.ChunkedArray,
    params: MinHashParams,
    threshold: float,
    specific: float,
    frequencies: Frequencies,
    *,
    contents: Sequence[str] | None = None,
    addresses: Sequence[str] = (),
    frozen: int = 0,
    work: int = WORK,
) -> Resolution:
    """Decides a group of candidates given in the order of preference; the first ``frozen`` stay whatever they are.

    A document goes when its normalised content equals an earlier one's (``exact``), when one that stays has the same
    of the ``addresses`` (``url``; an empty one is none), or when it and one that stays pass
    the tests of ``dedup.likeness`` (``fuzzy``) with a Jaccard similarity of at least ``threshold``, and of at least
    ``specific`` when shingles are weighted by ``frequencies``; the most similar such one, the first of equals, is its
    survivor. A threshold above one allows exact removals only; ValueError when it is not above zero.

    ``contents`` are the content hashes where they are known; then only the first text of each content is read.

    Only documents that share one of their rarest shingles are compared (prefix filter: Bayardo et al. 2007, Xiao et al.
    2008), which finds the same survivors as comparing all, as long as ``work`` suffices.
    """
    if not threshold > 0:
        raise ValueError(f"threshold is {threshold}; it must be above 0 (above 1: exact duplicates only)")
    contents = content_hash(texts).to_pylist() if contents is None else contents
    first: dict[str, int] = {}
    same_as = np.array([first.setdefault(c, i) for i, c in enumerate(contents)], np.int64)
    address = np.full(len(same_as), -1, np.int64)
    if addresses:
        numbers: dict[str, int] = {}
        address[:] = [numbers.setdefault(a, len(numbers)) if a else -1 for a in addresses]
    texts = comparable(texts)
    sets = shingle_sets(texts, params)
    items, counts, weights = _rare_first(sets, frequencies)
    said = words(texts)
    survivor = np.empty(len(same_as), np.int64)
    evidence = np.empty((len(same_as), 3), np.float32)
    nearest, nearest_score = np.empty(len(same_as), np.int64), np.empty(len(same_as), np.float32)
    unfinished = _resolve(
        sets.offsets,
        items,
        counts,
        weights,
        said.offsets,
        said.hashes,
        said.legal,
        same_as,
        address,
        frozen,
        threshold,
        specific,
        work,
        survivor,
        evidence,
        nearest,
        nearest_score,
    )
    kinds = [_kind(i, s, contents, address) for i, s in enumerate(survivor.tolist())]
    score, rare, matched = evidence.T
    nearest[survivor >= 0] = -1
    return Resolution(survivor, score, rare, matched, kinds, nearest, nearest_score, unfinished)


def _kind(document: int, survivor: int, contents: Sequence[str], address: npt.NDArray[np.int64]) -> str | None:
    if survivor < 0:
        return None
    if contents[survivor] == contents[document]:
        return "exact"
    return "url" if address[document] >= 0 and address[document] == address[survivor] else "fuzzy"
