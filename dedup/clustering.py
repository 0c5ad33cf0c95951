"""Clusters of near-duplicates in one call, for texts that fit in memory."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup.clusters import components
from dedup.frequencies import count, sample
from dedup.keys import content_keys, records
from dedup.pairs import candidates
from dedup.params import SPECIFIC, THRESHOLD, MinHashParams
from dedup.sketches import entries, least_equal
from dedup.verify import resolve
from manifests.text import content_hash


def cluster(
    texts: pa.Array | pa.ChunkedArray | list[str],
    *,
    threshold: float = THRESHOLD,
    specific: float = SPECIFIC,
    bands: int = MinHashParams.bands,
    rows: int = MinHashParams.rows,
    ngram: int = MinHashParams.ngram,
    unit: Literal["word", "char"] = MinHashParams.unit,
    seed: int = MinHashParams.seed,
) -> npt.NDArray[np.int64]:
    """``int64[n]``: the index of the text each duplicates (its own, if it is the one to keep), -1 without duplicate.

    Equal labels mean: the same normalised content, or near-duplicates of the labelling text itself by the tests of
    ``dedup.likeness``, ``threshold`` and ``specific`` among them. Earlier texts are preferred. ValueError for
    parameters out of range, and bytes that are no UTF-8.
    """
    if not (threshold > 0 and specific >= 0):
        raise ValueError(f"threshold is {threshold} and specific {specific}; they must be above and at least 0")
    column = _valid(texts) if isinstance(texts, list) else texts.cast(pa.large_string())
    params = MinHashParams(bands=bands, rows=rows, ngram=ngram, unit=unit, seed=seed)
    n = len(column)
    content = content_keys(content_hash(column))
    keys, rows_of, sketched = records(column, content, params)
    found = candidates(keys, rows_of, sketched, entries(params) - least_equal(threshold, params))
    labels = components(found.edges, n)
    common = count(sample(column, content, params))
    out = np.full(n, -1, np.int64)
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if n else []
    for group in groups:
        if len(group) < 2:
            continue
        survivor = resolve(column.take(pa.array(group)), params, threshold, specific, common).survivor
        kept = np.where(survivor < 0, np.arange(len(group)), survivor)
        shared = np.bincount(kept, minlength=len(group))[kept] > 1
        out[group[shared]] = group[kept[shared]]
    return out


def _valid(texts: list[str]) -> pa.LargeStringArray:
    """Arrow text; half of a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        return pa.array([t.encode("utf-8", "replace").decode() for t in texts], pa.large_string())
