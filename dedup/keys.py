"""The keys by which documents find each other: one of the content, one of each band of the signature."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup.minhash import band_keys, signatures
from dedup.params import MinHashParams
from dedup.shingles import comparable
from dedup.sketches import WORDS, sketches

Records = tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64], npt.NDArray[np.uint64]]


def content_keys(hashes: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """``uint64[n]``: the first half of each content hash (hexadecimal)."""
    return np.array([int(h[:16], 16) for h in hashes.to_pylist()], np.uint64)


def exact_records(content: npt.NDArray[np.uint64]) -> Records:
    """Keys, rows and sketches of the contents: equal contents need no likeness, so their sketches are all alike."""
    return content, np.arange(len(content)), np.zeros((len(content), WORDS), np.uint64)


def fuzzy_records(texts: pa.Array | pa.ChunkedArray, params: MinHashParams) -> Records:
    """Keys, rows and sketches of the bands, ``bands`` records a text; a text without words, or too long, has none."""
    signed = signatures(comparable(texts), params)
    rows = np.flatnonzero((signed != np.uint64(0xFFFFFFFFFFFFFFFF)).any(axis=1))
    signed = signed[rows]
    return (
        band_keys(signed, params).ravel(),
        np.repeat(rows, params.bands),
        np.repeat(sketches(signed, params), params.bands, axis=0),
    )


def records(texts: pa.Array | pa.ChunkedArray, content: npt.NDArray[np.uint64], params: MinHashParams) -> Records:
    """All of them."""
    exact, fuzzy = exact_records(content), fuzzy_records(texts, params)
    return (
        np.concatenate([exact[0], fuzzy[0]]),
        np.concatenate([exact[1], fuzzy[1]]),
        np.concatenate([exact[2], fuzzy[2]]),
    )
