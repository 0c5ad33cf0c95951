"""Documents that say the same in other words, by the vectors of any embedding model (SemDeDup: Abbas et al. 2023).

Vectors are clustered by k-means, and only those of one cluster are compared. The centres are trained on a sample with
one thread and a seed, and cosines are rounded, so that the same vectors give the same outcome.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

#: documents of a cluster on average, and the most that are compared with each other
TYPICAL = 1000
LARGEST = 20_000
#: vectors of a cluster that training sees
_TRAINED = 64
_CLUSTERS = 4096
_BLOCK = 512
_DECIMALS = 5


def clusters(documents: int) -> int:
    return min(_CLUSTERS, max(1, math.ceil(documents / TYPICAL)))


def sample(documents: int, seed: int) -> Ints:
    """Which of so many documents the centres are trained on, in order."""
    size = min(documents, _TRAINED * max(clusters(documents), 16))
    return np.sort(np.random.default_rng(seed).choice(documents, size, replace=False))


def centres(vectors: Floats, number: int, seed: int) -> Floats:
    """``float32[number, d]``, or fewer where there are fewer vectors."""
    from sklearn.cluster import MiniBatchKMeans

    with threadpool_limits(1):
        model = MiniBatchKMeans(min(number, len(vectors)), random_state=seed, n_init=1, batch_size=4096, max_iter=20)
        return np.asarray(model.fit(vectors).cluster_centers_, np.float32)


def nearest(vectors: Floats, found: Floats) -> Ints:
    """The nearest centre of each vector, the first of equals."""
    out = np.empty(len(vectors), np.int64)
    half = (found**2).sum(axis=1) / 2
    with threadpool_limits(1):
        for start in range(0, len(vectors), _BLOCK):
            some = vectors[start : start + _BLOCK]
            out[start : start + _BLOCK] = np.argmax(np.round(some @ found.T - half, _DECIMALS), axis=1)
    return out


def divided(vectors: Floats, seed: int) -> Ints:
    """A cluster too large, clustered again: labels ``int64[n]``; else all zero."""
    if len(vectors) <= LARGEST:
        return np.zeros(len(vectors), np.int64)
    some = vectors[sample(len(vectors), seed)]
    return nearest(vectors, centres(some, clusters(len(vectors)), seed))


def resolve(vectors: Floats, threshold: float, fixed: npt.NDArray[np.bool_]) -> tuple[Ints, Floats]:
    """Of unit vectors in the order of preference, the survivor of each document that goes (-1: it stays), and cosines.

    A document goes when its cosine with one that stays reaches ``threshold``; the most similar such one, the first of
    equals, is its survivor. ``fixed`` ones stay whatever they are.
    """
    n = len(vectors)
    survivor, score = np.full(n, -1, np.int64), np.zeros(n, np.float32)
    kept = np.empty(n, np.int64)
    staying = 0
    with threadpool_limits(1):
        for start in range(0, n, _BLOCK):
            block = vectors[start : start + _BLOCK]
            best, who = np.full(len(block), -2.0, np.float32), np.full(len(block), -1, np.int64)
            for first in range(0, staying, 8 * _BLOCK):
                others = kept[first : min(first + 8 * _BLOCK, staying)]
                cosines = np.round(block @ vectors[others].T, _DECIMALS)
                at = cosines.argmax(axis=1)
                top = cosines[np.arange(len(block)), at]
                better = top > best
                best[better], who[better] = top[better], others[at[better]]
            within = np.round(block @ block.T, _DECIMALS)
            for i in range(len(block)):
                if best[i] >= threshold and not fixed[start + i]:
                    survivor[start + i], score[start + i] = who[i], best[i]
                    continue
                kept[staying] = start + i
                staying += 1
                later = np.flatnonzero(within[i, i + 1 :] > best[i + 1 :]) + i + 1
                best[later], who[later] = within[i, later], start + i
    return survivor, score
