"""Boosted trees over blocks, evaluated in the same order everywhere: the same page gives the same probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

#: levels of every tree; a branch that ends earlier goes on with comparisons that are always true
DEPTH = 6
_SPLITS = np.uint64((1 << DEPTH) - 1)
_ROWS = 48  # looked at one tree after another, so that they and a tree stay near the processor
_LANES = 6  # rows that go down a tree together: a step of one does not wait for that of another


class Forest(NamedTuple):
    """``column[t, k]``, ``threshold[t, k]``: split ``k`` of tree ``t`` goes left (to ``2k + 1``) where at most that."""

    column: npt.NDArray[np.uint8]  # trees, 2 ** DEPTH - 1
    threshold: npt.NDArray[np.float32]  # trees, 2 ** DEPTH - 1
    value: npt.NDArray[np.float32]  # trees, 2 ** DEPTH
    bias: float


def probabilities(forest: Forest, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Of each row; ``rows`` may have columns that the forest does not know, after those it does."""
    return np.asarray(
        _evaluate(forest.column, forest.threshold, forest.value, np.float32(forest.bias), rows), np.float32
    )


@nb.njit(cache=True, nogil=True)
def _evaluate(column, threshold, value, bias, rows):
    n = len(rows)
    out = np.full(n, bias, np.float32)
    for begin in range(0, n, _ROWS):
        stop = min(begin + _ROWS, n)
        lanes = begin + (stop - begin) // _LANES * _LANES
        for t in range(len(value)):
            splits, cuts, leaves = column[t], threshold[t], value[t]
            for b in range(begin, lanes, _LANES):
                one, two, three = rows[b], rows[b + 1], rows[b + 2]
                four, five, six = rows[b + 3], rows[b + 4], rows[b + 5]
                i = j = k = m = o = p = np.uint64(0)
                for _ in range(DEPTH):
                    i = _down(splits, cuts, one, i)
                    j = _down(splits, cuts, two, j)
                    k = _down(splits, cuts, three, k)
                    m = _down(splits, cuts, four, m)
                    o = _down(splits, cuts, five, o)
                    p = _down(splits, cuts, six, p)
                out[b] += leaves[i - _SPLITS]
                out[b + 1] += leaves[j - _SPLITS]
                out[b + 2] += leaves[k - _SPLITS]
                out[b + 3] += leaves[m - _SPLITS]
                out[b + 4] += leaves[o - _SPLITS]
                out[b + 5] += leaves[p - _SPLITS]
            for b in range(lanes, stop):
                i = np.uint64(0)
                for _ in range(DEPTH):
                    i = _down(splits, cuts, rows[b], i)
                out[b] += leaves[i - _SPLITS]
    for b in range(n):
        out[b] = np.float32(1) / (np.float32(1) + np.exp(-out[b]))
    return out


@nb.njit(cache=True, nogil=True, inline="always")
def _down(splits, cuts, row, k):
    return np.uint64(2) * k + np.uint64(1) + np.uint64(row[splits[k]] > cuts[k])


@nb.njit(cache=True, nogil=True)
def best_choice(probability, weight):
    """The blocks whose choice has the highest expected F1 (Lewis, SIGIR 1995), by their words and probabilities.

    Those above one threshold are chosen; expected F1 at a threshold is taken as twice the expected overlap over the
    words chosen and the words expected to be right.
    """
    n = len(probability)
    order = np.argsort(-probability, kind="mergesort")
    right = 0.0
    for b in range(n):
        right += probability[b] * weight[b]
    best, count, chosen, hit = -1.0, 0, 0.0, 0.0
    for k in range(n):
        b = order[k]
        chosen += weight[b]
        hit += probability[b] * weight[b]
        f = 2 * hit / (chosen + right + 1e-9)
        if f > best:
            best = f
            count = k + 1
    keep = np.zeros(n, np.bool_)
    for k in range(count):
        keep[order[k]] = True
    return keep
