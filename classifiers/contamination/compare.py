"""Documents against an index of items: where they share seeds, an alignment decides. Compiled.

Seeds that lie within one item's length call for a local alignment (Smith and Waterman 1981) of the item with the words
around them. A word in its place earns its bits; a wrong, missing or additional one costs some. What was earned times
the share of the item it makes up is the evidence: many bits of a small part of an item are a phrase, all of an item of
few bits is a stock question, and neither tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from classifiers.contamination.index import SEED, Index, slot_of
from classifiers.contamination.rarity import grams
from classifiers.contamination.tokens import Tokens

#: cost of a word in another's place, and of one too many or too few, in bits
_WRONG, _GAP = 3.0, 2.0
#: what another number in a number's place earns
_OTHER_NUMBER = 1.0
#: bits of the words that seeds cover, below which no alignment is made
_PROMISING = 24.0
#: words after a match in which the answer is looked for
_REACH = 48
#: of the question itself, the share of its bits that must match where the item is mostly a passage
_ASKED = 0.5
#: fewer words in place are a phrase or a name, unless their answer follows, or they are nearly all of the item and
#: tell so many bits
_PHRASE, _NEARLY_ALL, _TELLING = 8, 0.9, 54.0
#: bits below which an answer is no evidence: a letter, a small number
_ANSWER = 12.0
#: words that an occurrence may be longer than its item, over as much again
_SLACK = 16
COLUMNS = 9


@dataclass(frozen=True)
class Matches:
    """One row a match; positions are of words among all the documents'."""

    document: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]  #: first word
    end: npt.NDArray[np.int64]  #: after the last word
    share: npt.NDArray[np.float64]  #: of the item's bits
    run: npt.NDArray[np.int64]  #: most words in a row, numbers by their value
    whole: npt.NDArray[np.bool_]  #: every word of the question and no other
    masked: npt.NDArray[np.int64]  #: numbers and names in the place of others
    words: npt.NDArray[np.int64]  #: words of the item that are in their place


def compare(documents: Tokens, index: Index, threshold: float) -> Matches:
    """Every occurrence of an item whose evidence reaches ``threshold`` bits, in order of document, item and place."""
    seeds = grams(documents.words, documents.offsets, SEED)
    slots, most, total = _look_up(seeds, documents.offsets, index.keys, index.count)
    words = _numbered(documents.words, index.vocabulary, index.number)
    out = np.empty((total, COLUMNS), np.float64)
    question, answer = index.question, index.answer
    n = _compare(
        documents.offsets, words, documents.values, documents.upper, slots,
        index.first, index.count, index.places, index.item, question.offsets, index.word, question.values,
        question.upper, index.bits, index.total, index.ask, answer.offsets, answer.values,
        index.answer_bits, len(index.vocabulary), most, threshold, out,
    )  # fmt: skip
    rows = out[:n].T
    document, item, start, end, run, masked, words_in_place = (rows[k].astype(np.int64) for k in (0, 1, 2, 3, 5, 7, 8))
    return Matches(document, item, start, end, rows[4], run, rows[6] > 0, masked, words_in_place)


@njit(cache=True, nogil=True, boundscheck=False)
def _look_up(seeds: Any, offsets: Any, keys: Any, count: Any) -> tuple[Any, Any, Any]:
    """The slot of each seed the index has (-1 of others); most hits of one document, and those of all."""
    slots = np.full(seeds.size, -1, np.int32)
    most = total = np.int64(0)
    for d in range(offsets.size - 1):
        hits = np.int64(0)
        for j in range(offsets[d], offsets[d + 1]):
            if seeds[j] != 0:
                slot = slot_of(keys, seeds[j])
                if keys[slot] != 0:
                    slots[j] = slot
                    hits += count[slot]
        most = max(most, hits)
        total += hits
    return slots, most, total


@njit(cache=True, nogil=True, boundscheck=False)
def _numbered(words: Any, vocabulary: Any, number: Any) -> Any:
    """``int32``: each word's number among the items' words; -1 of a word no item has."""
    out = np.empty(words.size, np.int32)
    for j in range(words.size):
        out[j] = number[slot_of(vocabulary, words[j])]
    return out


@njit(inline="always", cache=True)
def _evidence(earned: Any, whole: Any) -> Any:
    """Bits earned, times their share of the item."""
    return earned * min(1.0, earned / whole) if whole > 0 else 0.0


@njit(cache=True, nogil=True, boundscheck=False)
def _align(
    words: Any, values: Any, bits: Any, a: Any, m: Any, dwords: Any, dvalues: Any, lo: Any, n: Any,
    left: Any, right: Any, score: Any, way: Any, place: Any,
) -> float:  # fmt: skip
    """Local alignment of item words ``a:a + m`` with document words ``lo:lo + n``, within a band.

    Item word ``i`` may be opposite the document words from ``i + left`` to ``i + right``, counted from the first.
    ``place[i]`` becomes the document word opposite item word ``i``, -1 where there is none. Returns the bits earned.
    """
    best = np.float32(0.0)
    bi = bj = 0
    for j in range(n + 1):
        score[j] = np.float32(0.0)
        way[0, j] = 0
    for i in range(1, m + 1):
        word = words[a + i - 1]
        earned = np.float32(bits[a + i - 1])
        wrong = min(np.float32(_WRONG), earned)
        gap = min(np.float32(_GAP), earned)
        begin = max(1, i + left)
        diagonal = score[begin - 1]
        before = np.float32(0.0)
        way[i, 0] = 0
        for j in range(begin, min(n, i + right) + 1):
            if word == dwords[lo + j - 1]:
                gain = earned
                if values[a + i - 1] != dvalues[lo + j - 1]:  # of equal words, numbers only
                    gain = min(earned, np.float32(_OTHER_NUMBER))
            else:
                gain = -wrong
            s = diagonal + gain
            step = np.uint8(1)
            diagonal = score[j]
            if diagonal - gap > s:
                s = diagonal - gap
                step = np.uint8(2)
            if before - np.float32(_GAP) > s:
                s = before - np.float32(_GAP)
                step = np.uint8(3)
            if s <= 0:
                s = np.float32(0.0)
                step = np.uint8(0)
            score[j] = before = s
            way[i, j] = step
            if s > best:
                best = s
                bi = i
                bj = j
    place[:m] = -1
    i, j = bi, bj
    while way[i, j] != 0:
        if way[i, j] == 1:
            place[i - 1] = lo + j - 1
            i -= 1
            j -= 1
        elif way[i, j] == 2:
            i -= 1
        else:
            j -= 1
    return float(best)


@njit(cache=True, nogil=True, boundscheck=False)
def _answer_end(dvalues: Any, start: Any, stop: Any, avalues: Any, a: Any, b: Any) -> Any:
    """End of the answer's words in a row within reach of ``start``; -1 where they are not."""
    size = b - a
    if size == 0:
        return np.int64(-1)
    for j in range(start, min(stop, start + _REACH + size) - size + 1):
        k = np.int64(0)
        while k < size and dvalues[j + k] == avalues[a + k]:
            k += 1
        if k == size:
            return np.int64(j + size)
    return np.int64(-1)


@njit(inline="always", cache=True)
def _next(hit_word: Any, order: Any, k: Any, last: Any, start: Any, reach: Any) -> Any:
    """The hit at which the next window begins: well within this one, so that no occurrence lies across two."""
    after = start + max(1, (reach - start) // 3)
    while k < last and hit_word[order[k]] < after:
        k += 1
    return k


@njit(cache=True, nogil=True, boundscheck=False)
def _compare(
    offsets: Any, dwords: Any, dvalues: Any, dupper: Any, slots: Any, first: Any, count: Any, places: Any, item: Any,
    ioffsets: Any, words: Any, values: Any, upper: Any, bits: Any, total: Any, ask: Any, aoffsets: Any,
    avalues: Any, abits: Any, most_slots: Any, most: Any, threshold: Any, out: Any,
) -> int:  # fmt: skip
    found = np.int64(0)
    longest = np.int64(0)
    for q in range(ioffsets.size - 1):
        longest = max(longest, ioffsets[q + 1] - ioffsets[q])
    wide = 2 * longest + _SLACK
    hit_item = np.empty(most, np.int64)
    hit_word = np.empty(most, np.int64)
    hit_place = np.empty(most, np.int64)
    score = np.empty(wide + 1, np.float32)
    way = np.empty((longest + 1, wide + 1), np.uint8)
    place = np.empty(longest + 1, np.int64)
    covered = np.full(words.size, -1, np.int64)
    seen = np.full(most_slots, -1, np.int64)
    round_ = np.int64(0)
    for d in range(offsets.size - 1):
        hits = np.int64(0)
        for j in range(offsets[d], offsets[d + 1]):
            slot = slots[j]
            if slot >= 0:
                for p in range(first[slot], first[slot] + count[slot]):
                    hit_item[hits] = item[places[p]]
                    hit_word[hits] = j
                    hit_place[hits] = places[p]
                    hits += 1
        if hits == 0:
            continue
        order = np.argsort(hit_item[:hits], kind="mergesort")  # stable: words stay in order within an item
        k = np.int64(0)
        while k < hits:
            q = hit_item[order[k]]
            stop = k
            while stop < hits and hit_item[order[stop]] == q:
                stop += 1
            a = ioffsets[q]
            m = ioffsets[q + 1] - a
            free = offsets[d]  # words before are in an occurrence found already
            while k < stop:
                start = hit_word[order[k]]
                if start < free:
                    k += 1
                    continue
                # the hits of one window, and the bits of the item's words they cover
                round_ += 1
                promised = 0.0
                reach = start + m + m // 2 + _SLACK // 2
                last = k
                left = right = start - (hit_place[order[k]] - a)  # where the item's first word would be
                while last < stop and hit_word[order[last]] < reach:
                    at = hit_word[order[last]] - (hit_place[order[last]] - a)
                    left = min(left, at)
                    right = max(right, at)
                    for w in range(SEED):
                        i = hit_place[order[last]] + w
                        if covered[i] != round_:
                            covered[i] = round_
                            promised += bits[i]
                    last += 1
                if promised < _PROMISING:
                    k += 1
                    continue
                lo = max(free, start - (hit_place[order[k]] - a) - _SLACK // 2)
                n = min(offsets[d + 1] - lo, 2 * m + _SLACK)
                left -= lo + _SLACK // 2
                right += _SLACK // 2 - lo
                # the words they share in any order bound what their order can earn
                for j in range(lo, lo + n):
                    if dwords[j] >= 0:
                        seen[dwords[j]] = round_
                bound = extra = 0.0
                for i in range(a, a + m):
                    if seen[words[i]] == round_:
                        bound += bits[i]
                for i in range(aoffsets[q], aoffsets[q + 1]):
                    extra += abits[i]
                if _evidence(bound + extra, total[q] + extra) < threshold:
                    k = _next(hit_word, order, k, last, start, reach)
                    continue
                earned = _align(words, values, bits, a, m, dwords, dvalues, lo, n, left, right, score, way, place)

                fits = run = longest_run = masked = np.int64(0)
                begin = np.int64(-1)
                end = before = np.int64(-1)
                asked = asking = neutral = 0.0
                for i in range(m):
                    p = place[i]
                    if a + i >= ask[q]:
                        asking += bits[a + i]
                    if p < 0:
                        run = np.int64(0)
                        continue
                    if begin < 0:
                        begin = p
                    end = p + 1
                    same = values[a + i] == dvalues[p]
                    if same or (words[a + i] == dwords[p]):
                        fits += 1
                        if a + i >= ask[q]:
                            asked += bits[a + i]
                    if not same and (words[a + i] == dwords[p] or (upper[a + i] and dupper[p])):
                        masked += 1
                        if words[a + i] == dwords[p]:
                            neutral += bits[a + i] - _OTHER_NUMBER
                    run = (run + 1 if p == before + 1 else np.int64(1)) if same else np.int64(0)
                    longest_run = max(longest_run, run)
                    before = p
                whole = total[q] - neutral
                after = end
                answered = np.int64(-1)
                if extra >= _ANSWER:
                    answered = _answer_end(dvalues, after, offsets[d + 1], avalues, aoffsets[q], aoffsets[q + 1])
                if answered > 0:
                    earned += extra
                    whole += extra
                    end = answered
                enough = _evidence(earned, whole) >= threshold
                if enough and fits < _PHRASE and answered < 0 and earned < max(_NEARLY_ALL * whole, _TELLING):
                    enough = False
                if enough and asking > 0 and asked < _ASKED * asking and answered < 0:
                    enough = False  # the passage without the question about it
                if enough:
                    row = out[found]
                    row[0] = d
                    row[1] = q
                    row[2] = begin
                    row[3] = end
                    row[4] = min(1.0, earned / whole)
                    row[5] = longest_run
                    row[6] = longest_run == m and after - begin == m
                    row[7] = masked
                    row[8] = fits
                    found += 1
                    free = end
                    k = last
                else:
                    k = _next(hit_word, order, k, last, start, reach)
            k = stop
    return int(found)
