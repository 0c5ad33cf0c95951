"""Clusters of near-duplicates in one call, for texts that fit in memory."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup.clusters import components
from dedup.minhash import band_keys, signatures
from dedup.pairs import candidates
from dedup.params import MinHashParams
from dedup.verify import resolve
from manifests.text import content_hash


def cluster(
    texts: pa.Array | pa.ChunkedArray | list[str],
    *,
    threshold: float = 0.8,
    bands: int = 14,
    rows: int = 8,
    ngram: int = 5,
    unit: Literal["word", "char"] = "word",
    seed: int = 1,
) -> npt.NDArray[np.int64]:
    """``int64[n]``: the index of the text each duplicates (its own, if it is the one to keep), -1 without duplicate.

    Equal labels mean: the same normalised content, or a verified Jaccard similarity with the labelling text of at
    least ``threshold``. Earlier texts are preferred.
    """
    column = pa.array(texts, pa.large_string()) if isinstance(texts, list) else texts
    params = MinHashParams(bands=bands, rows=rows, ngram=ngram, unit=unit, seed=seed)
    n = len(column)
    content = np.array([int(c[:16], 16) for c in content_hash(column).to_pylist()], np.uint64)
    keys = np.concatenate([content, band_keys(signatures(column, params), params).ravel()])
    refs = np.concatenate([np.arange(n), np.repeat(np.arange(n), bands)]).astype(np.int64)
    labels = components(candidates(keys, refs), n)
    out = np.full(n, -1, np.int64)
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if n else []
    for group in groups:
        if len(group) < 2:
            continue
        survivor = resolve(column.take(pa.array(group)), params, threshold).survivor
        kept = np.where(survivor < 0, np.arange(len(group)), survivor)
        shared = np.bincount(kept, minlength=len(group))[kept] > 1
        out[group[shared]] = group[kept[shared]]
    return out
