"""Candidate pairs: documents that share a key and, by their sketches, may be alike.

Each bucket is walked once. A document joins the leaders it may be alike to; unless it is nearly the same as one of
them, it becomes a leader itself. So a bucket costs its size times its leaders, and copies of one text cost their
number. Leaders of a bucket are capped: what finds no place among them, and no leader to join, is divided again by
pieces of its sketch, which documents that are alike share, and walked there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from dedup.ordering import in_order
from dedup.shingles import mix
from dedup.sketches import unequal

#: leaders of one bucket
LEADERS = 64
#: leaders of one bucket that a document joins at most
_JOINED = 4
#: unequal entries of documents nearly the same: of 128, what a similarity of nine tenths leaves
_SAME = 9
#: bits of a piece of a sketch by which the members of a full bucket are divided
_PIECE = 16


@dataclass(frozen=True)
class Candidates:
    """``edges int64[m, 2]`` of references, smaller first, distinct and sorted; ``apart`` counts their unequal entries.

    ``leads bool[n]``: of each record given, whether another bucket of the same key must still hear of it; the others
    are nearly the same as one that leads. ``capped`` counts records of full buckets that were joined to none.
    """

    edges: npt.NDArray[np.int64]
    apart: npt.NDArray[np.int64]
    leads: npt.NDArray[np.bool_]
    capped: int


def candidates(
    keys: npt.NDArray[np.uint64],
    refs: npt.NDArray[np.int64],
    sketches: npt.NDArray[np.uint64],
    most_unequal: int,
) -> Candidates:
    """Pairs of the records ``keys[n]``, ``refs[n]``, ``sketches[n, words]``; a document may bring many keys.

    Two documents of one key are joined when their sketches differ in at most ``most_unequal`` entries. Sketches of
    zeros (of documents whose key is proof enough) differ in none.
    """
    order = in_order(keys, refs)
    pairs, leads, overflow = _walk(keys[order], order, refs, sketches, most_unequal)
    capped = 0
    if len(overflow):
        again = order[overflow]
        pieces, whose = _pieces(keys[again], sketches[again])
        late = in_order(pieces, refs[again[whose]])
        whose = whose[late]
        more, leading, lost = _walk(pieces[late], again[whose], refs, sketches, most_unequal)
        pairs = np.concatenate([pairs, more])
        # nearly the same as another in any division, a record need not lead; capped is what all were too full for
        leads[overflow[np.unique(whose[~leading])]] = False
        capped = int((np.bincount(whose[lost], minlength=len(again)) == len(whose) // len(again)).sum())
    led = np.empty(len(order), bool)
    led[order] = leads
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    pairs[:, :2].sort(axis=1)
    pairs = pairs[np.lexsort((pairs[:, 2], pairs[:, 1], pairs[:, 0]))]
    first = np.ones(len(pairs), bool)
    first[1:] = (pairs[1:, :2] != pairs[:-1, :2]).any(axis=1)
    return Candidates(pairs[first, :2], pairs[first, 2], led, capped)


def _pieces(
    keys: npt.NDArray[np.uint64], sketches: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """A key for each piece of each sketch, and whose it is."""
    pieces = sketches.view(np.uint16).astype(np.uint64)
    number = np.arange(pieces.shape[1], dtype=np.uint64) << np.uint64(_PIECE)
    mixed = (keys[:, None] ^ ((pieces | number) * np.uint64(0x9E3779B97F4A7C15))).ravel()
    return _mixed(mixed), np.repeat(np.arange(len(keys)), pieces.shape[1])


@njit(cache=True, nogil=True)
def _mixed(keys: Any) -> Any:
    for i in range(keys.size):
        keys[i] = mix(keys[i])
    return keys


@njit(cache=True, nogil=True, boundscheck=False)
def _walk(keys: Any, order: Any, refs: Any, sketches: Any, most_unequal: int) -> Any:
    """Keys sorted, those of the records ``order``. Returns pairs with their distance, what leads, and what found
    neither place nor leader. Of a key that one record has, nothing else is read."""
    n = keys.size
    pairs = np.empty((_JOINED * n, 3), np.int64)
    found = 0
    leads = np.ones(n, np.bool_)
    overflow = np.empty(n, np.int64)
    over = 0
    leaders = np.empty(LEADERS, np.int64)
    count = 0
    for i in range(n):
        record = order[i]
        if i == 0 or keys[i] != keys[i - 1]:
            count = 0
        elif refs[record] == refs[order[i - 1]]:  # the same document again
            leads[i] = False
            continue
        joined = 0
        for k in range(count):
            apart = unequal(sketches[record], sketches[leaders[k]])
            if apart <= most_unequal:
                pairs[found, 0] = refs[leaders[k]]
                pairs[found, 1] = refs[record]
                pairs[found, 2] = apart
                found += 1
                joined += 1
                if apart <= _SAME:
                    leads[i] = False
                if joined == _JOINED or not leads[i]:
                    break
        if leads[i] and count < LEADERS:
            leaders[count] = record
            count += 1
        elif leads[i] and not joined:
            overflow[over] = i
            over += 1
    return pairs[:found].copy(), leads, overflow[:over].copy()
