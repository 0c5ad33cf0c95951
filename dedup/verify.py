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

from dedup.bundles import bundles
from dedup.frequencies import Frequencies
from dedup.likeness import alike, notice_words, words
from dedup.params import MinHashParams
from dedup.shingles import comparable, shared_weight, shingle_sets
from manifests.text import content_hash

#: operations spent on one document at most (a few milliseconds); what is not verified by then stays
WORK = 1 << 22
#: items looked at before it is asked again whether the rest can matter
_STEP = 128


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


@njit(inline="always", cache=True)
def _shared(a: Any, b: Any, sizes: Any) -> Any:
    """Shingles in both, of two sorted sets of bundles."""
    i = j = n = 0
    while i < a.size and j < b.size:
        x, y = a[i], b[j]
        n += sizes[x] if x == y else 0
        i += x <= y
        j += y <= x
    return n


@njit(cache=True, nogil=True)
def _compare(mine: Any, others: Any, sizes: Any, weights: Any, size: Any, other: Any, out: Any) -> None:
    """Similarity, the same with weights, and the share of ``mine`` that is in ``others``. ``size`` and ``other`` are
    shingles and weight of each."""
    out[:] = 0.0
    if mine.size and others.size:
        n = _shared(mine, others, sizes)
        shared = shared_weight(mine, others, weights)
        out[0] = n / (size[0] + other[0] - n)
        out[1] = shared / (size[1] + other[1] - shared)
        out[2] = n / size[0]


@njit(cache=True, nogil=True, boundscheck=False)
def _above(
    useful: float, shared: int, left: int, others: Any, own: Any, after: Any, mark: Any, size: float, other: float
) -> Any:
    """Similarity when it is more than ``useful``, or else 0; and the items looked at.

    ``shared`` shingles are known to be in both, and ``left`` is what the marked document has besides, in the order of
    ``others``, of which ``own`` are the shingles of each item and ``after`` those from it on. What both have is at most
    what both have left.
    """
    k = 0
    while True:
        most = shared + min(left, after[k] if k < others.size else 0)
        bound = most / (size + other - most)
        if bound <= useful or k == others.size:
            return (bound if bound > useful else 0.0), k
        stop = min(k + _STEP, others.size)
        hits = 0
        for at in range(k, stop):
            hits += mark[others[at]] * own[at]
        shared += hits
        left -= hits
        k = stop


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
    own: Any,
    holders: Any,
    sizes: Any,
    weights: Any,
    word_offsets: Any,
    word_hashes: Any,
    legal: Any,
    notices: Any,
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
    # of each bundle the survivors that have it among their rarest, in order, from its first place on
    first = np.zeros(holders.size, np.int64)
    first[1:] = np.cumsum(holders)[:-1]
    last = first.copy()
    posted = np.empty(items.size, np.int64)
    near = np.empty(n, np.int64)
    common = np.zeros(n, np.int64)  # shingles among the rarest of both
    seen = np.full(n, -1, np.int64)
    longest = np.int64(2)
    for d in range(n):
        longest = max(longest, 2 * (word_offsets[d + 1] - word_offsets[d]))
    slots = np.zeros(_power(longest), np.uint64)
    tested = np.empty(3, np.float32)
    holder = np.full(n, -1, np.int64)  # of an address: the document that stays
    mark = np.zeros(holders.size, np.uint8)  # bundles of the document at hand
    after = np.empty(items.size, np.int64)  # shingles of a document from an item on
    below = np.nextafter(threshold, 0.0)
    total = np.zeros((n, 2), np.float64)  # shingles, and their weight
    rarest = np.empty(n, np.int64)
    for d in range(n):
        for k in range(offsets[d], offsets[d + 1]):
            total[d, 0] += own[k]
            total[d, 1] += weights[items[k]]
        # sets this similar share so many shingles that their rarest ones, all but those many and one, share one
        size = np.int64(total[d, 0])
        rest = size
        for k in range(offsets[d], offsets[d + 1]):
            after[k] = rest
            rest -= own[k]
        most = max(np.int64(0), size - np.int64(np.ceil(threshold * size - 1e-9))) + np.int64(1)
        rarest[d] = offsets[d]
        while rarest[d] < offsets[d + 1] and size - after[rarest[d]] < most:
            rarest[d] += 1
    for d in range(n):
        survivor[d] = nearest[d] = -1
        nearest_score[d] = 0.0
        evidence[d, :] = 0.0
        mine = items[offsets[d] : offsets[d + 1]]
        size = total[d, 0]
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
                others = items[offsets[held] : offsets[held + 1]]
                _compare(mine, others, sizes, weights, total[d], total[held], evidence[d])
                continue
            found = 0
            work = 0
            for k in range(offsets[d], rarest[d]):
                bundle = items[k]
                end = min(last[bundle], first[bundle] + max(0, work_limit - work))
                work += end - first[bundle]
                for q in range(first[bundle], end):
                    s = posted[q]
                    if seen[s] != d:
                        seen[s] = d
                        common[s] = 0
                        near[found] = s
                        found += 1
                    common[s] += own[k]
            near[:found].sort()
            for k in range(mine.size):
                mark[mine[k]] = 1
            best = 0.0
            for k in range(found):
                if work >= work_limit or best == 1.0:
                    unfinished += survivor[d] < 0
                    break
                s = near[k]
                other = total[s, 0]
                if min(size, other) < threshold * max(size, other):
                    continue  # |A ∩ B| / |A ∪ B| cannot exceed the ratio of the sizes
                # up to where the rarest of one end, all that both have is known
                border = min(items[rarest[d] - 1], items[rarest[s] - 1])
                here = offsets[d] + np.searchsorted(mine, border, side="right")
                left = after[here] if here < offsets[d + 1] else 0
                others = items[offsets[s] : offsets[s + 1]]
                past = slice(offsets[s] + np.searchsorted(others, border, side="right"), offsets[s + 1])
                useful = max(best, min(nearest_score[d], below))
                value, scanned = _above(
                    useful, common[s], left, items[past], own[past], after[past], mark, size, total[s, 0]
                )
                work += scanned
                if value < threshold:
                    if value > nearest_score[d]:
                        nearest[d], nearest_score[d] = s, value
                    continue
                if value <= best:
                    continue
                _compare(mine, others, sizes, weights, total[d], total[s], tested)
                a = word_hashes[word_offsets[d] : word_offsets[d + 1]]
                b = word_hashes[word_offsets[s] : word_offsets[s + 1]]
                room = slots[: _power(2 * max(a.size, b.size, 1))]
                work += 2 * (a.size + b.size)
                if alike(a, b, legal[d] or legal[s], value, tested[1], least, room, notices):
                    survivor[d] = s
                    best = value
                    evidence[d, :] = tested
                elif value > nearest_score[d]:
                    nearest[d], nearest_score[d] = s, value
            for k in range(mine.size):
                mark[mine[k]] = 0
            if survivor[d] >= 0:
                continue
        if address[d] >= 0 and holder[address[d]] < 0:
            holder[address[d]] = d
        for k in range(offsets[d], rarest[d]):
            if holders[items[k]] > 1:
                posted[last[items[k]]] = d
                last[items[k]] += 1
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
    found = bundles(shingle_sets(texts, params), frequencies)
    said = words(texts)
    survivor = np.empty(len(same_as), np.int64)
    evidence = np.empty((len(same_as), 3), np.float32)
    nearest, nearest_score = np.empty(len(same_as), np.int64), np.empty(len(same_as), np.float32)
    unfinished = _resolve(
        found.offsets,
        found.items,
        found.sizes[found.items].astype(np.int32),
        found.holders,
        found.sizes,
        found.weights,
        said.offsets,
        said.hashes,
        said.legal,
        notice_words(),
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
