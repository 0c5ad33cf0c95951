"""A second look: each block beside what the first forest thinks of the others (stacked sequential learning).

A block by itself may well be a paragraph of the article; in a list of teasers, apart from where most of the probable
text stands, it is none. Source: Cohen and Carvalho, Stacked Sequential Learning, IJCAI 2005.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from pipelines.html.blocks import WORDS, Blocks
from pipelines.html.features import OWN, groups
from pipelines.html.structure import Floats, Structure

_NEIGHBOURS = np.array([-4, -3, -2, -1, 1, 2, 3, 4], np.int64)
_WINDOWS = np.array([2, 6, 16], np.int64)
_SIDE = 8  # blocks before and after
_LEVELS = 6
#: the core is the smallest element that holds this share of the words of probable blocks
_CORE = 0.6
_PROBABLE = 0.5
#: a paragraph of the text: at least so probable, of at least so many words
_SURE, _SENTENCE = 0.7, 8
WIDTH = OWN + 1 + len(_NEIGHBOURS) + len(_WINDOWS) + 2 + 2 * _LEVELS + 19


def second_look(found: Blocks, outline: Structure, rows: Floats, probability: Floats) -> Floats:
    """``float32[blocks, WIDTH]`` from ``rows``, what the first forest saw, and ``probability``, what it said."""
    kind, kinds = groups(outline.chain[found.owner])
    words = found.counts[:, WORDS]
    out = np.empty((len(rows), WIDTH), np.float32)
    out[:, :OWN] = rows[:, :OWN]
    if len(out):
        _beside(probability, words, found.owner, outline.low, outline.high, outline.up, kind, kinds, out)
    return out


@nb.njit(cache=True, nogil=True)
def _core(probability, words, owner, low, high, up, likely):
    """The blocks of the smallest element with most of the probable words, upwards from the weightiest block."""
    heaviest = 0
    for b in range(len(probability)):
        if probability[b] * words[b] > probability[heaviest] * words[heaviest]:
            heaviest = b
    e = owner[heaviest]
    while e != 0 and likely[high[e]] - likely[low[e]] < _CORE * likely[len(words)]:
        e = up[e]
    if high[e] <= low[e]:
        return heaviest, heaviest + 1
    return low[e], high[e]


@nb.njit(cache=True, nogil=True)
def _gaps(probability, words):
    """Words since the last sentence of the text before each block, and until the first after it."""
    n = len(words)
    since = np.zeros(n, np.float32)
    until = np.zeros(n, np.float32)
    before = after = np.float32(0)
    for b in range(n):
        since[b] = before
        sentence = probability[b] > _SURE and words[b] >= _SENTENCE
        before = np.float32(0) if sentence else before + words[b] + np.float32(1)
    for b in range(n - 1, -1, -1):
        until[b] = after
        sentence = probability[b] > _SURE and words[b] >= _SENTENCE
        after = np.float32(0) if sentence else after + words[b] + np.float32(1)
    return since, until


@nb.njit(cache=True, nogil=True)
def _beside(probability, words, owner, low, high, up, kind, kinds, out):
    n = len(probability)
    weight = np.zeros(n + 1, np.float64)  # sums up to each block: of words,
    mass = np.zeros(n + 1, np.float64)  # of words expected to be right,
    likely = np.zeros(n + 1, np.float64)  # and of those in probable blocks
    alike = np.zeros((kinds, 2), np.float64)
    highest = np.float32(0)
    for b in range(n):
        w = words[b] + 0.5
        p = probability[b]
        weight[b + 1] = weight[b] + w
        mass[b + 1] = mass[b] + p * w
        likely[b + 1] = likely[b] + (p * w if p > _PROBABLE else 0.0)
        alike[kind[b], 0] += p * w
        alike[kind[b], 1] += w
        highest = max(highest, p)
    right = max(mass[n], 1e-6)
    core0, core1 = _core(probability, words, owner, low, high, up, likely)
    first = last = -1
    core_words = core_right = 0.0
    for b in range(core0, core1):
        if probability[b] > _SURE and words[b] >= _SENTENCE:
            first = b if first < 0 else first
            last = b
            core_words += words[b]
            core_right += words[b] * probability[b]
    core = core_right / max(core_words, 1e-6)
    since, until = _gaps(probability, words)
    for b in range(n):
        row = out[b]
        c = OWN
        row[c] = probability[b]
        c += 1
        for k in range(len(_NEIGHBOURS)):
            o = b + _NEIGHBOURS[k]
            row[c] = probability[o] if 0 <= o < n else -1
            c += 1
        for k in range(len(_WINDOWS)):
            i, j = max(b - _WINDOWS[k], 0), min(b + _WINDOWS[k] + 1, n)
            row[c] = (mass[j] - mass[i]) / (weight[j] - weight[i])
            c += 1
        i, j = max(b - _SIDE, 0), min(b + _SIDE + 1, n)
        row[c] = (mass[b] - mass[i]) / (weight[b] - weight[i]) if b > i else -1
        row[c + 1] = (mass[j] - mass[b + 1]) / (weight[j] - weight[b + 1]) if j > b + 1 else -1
        c += 2
        e = owner[b]
        for _ in range(_LEVELS):
            i, j = low[e], high[e]
            if j <= i:
                i, j = b, b + 1
            row[c] = (mass[j] - mass[i]) / (weight[j] - weight[i])
            row[c + 1] = (mass[j] - mass[i]) / right
            c += 2
            e = up[e]
        apart = 0  # levels up to where the core is inside too
        e = owner[b]
        while e != 0 and not (low[e] <= core0 and high[e] >= core1):
            e = up[e]
            apart += 1
        row[c] = alike[kind[b], 0] / alike[kind[b], 1]
        row[c + 1] = alike[kind[b], 0] / right
        row[c + 2] = highest
        row[c + 3] = core
        row[c + 4] = probability[b] - core
        row[c + 5] = right
        row[c + 6] = right / weight[n]
        row[c + 7] = mass[b] / right
        row[c + 8] = likely[b] / max(likely[n], 1e-6)
        row[c + 9] = core0 <= b < core1
        row[c + 10] = b - core0
        row[c + 11] = b - core1
        row[c + 12] = b - first if first >= 0 else -1000
        row[c + 13] = b - last if last >= 0 else 1000
        row[c + 14] = (weight[b] - weight[max(last, 0)]) / right
        row[c + 15] = np.log1p(since[b])
        row[c + 16] = np.log1p(until[b])
        row[c + 17] = np.log1p(core_words)
        row[c + 18] = apart
