"""What follows from what: near-duplicates of one another, and documents that were made of others.

``relations.parquet`` has an edge a row, sorted by ``document``: where that is taken down, its ``follower`` goes too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Ints = npt.NDArray[np.int64]

DUPLICATE, DERIVED = 0, 1
SCHEMA = pa.schema([("document", pa.int32()), ("follower", pa.int32()), ("kind", pa.int8())])
_EMPTY = {"document": pl.Int64, "follower": pl.Int64, "kind": pl.Int8}


def edges(keys: pl.Series, related: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Edges between rows of ``keys`` (64 bits of each document's id).

    Each frame of ``related`` has ``row``, the ``survivor`` and ``cluster`` of that document, and its ``parents``, by
    their keys; null where there is none.
    """
    frames = [f for f in related if f.height]
    if not frames:
        return pl.DataFrame(schema=_EMPTY)
    whole = pl.concat(frames)
    places = pl.DataFrame({"key": keys}).with_row_index("place").unique("key", keep="first", maintain_order=True)
    found = []
    for name, kind in (("survivor", DUPLICATE), ("cluster", DUPLICATE), ("parents", DERIVED)):
        pairs = whole.select("row", key=name)
        pairs = pairs.explode("key") if name == "parents" else pairs
        joined = (
            pairs.drop_nulls()
            .join(places, on="key")
            .select(
                document=pl.col("place").cast(pl.Int64),
                follower=pl.col("row").cast(pl.Int64),
                kind=pl.lit(kind, pl.Int8),
            )
        )
        found.append(joined)
        if kind == DUPLICATE:  # either way
            found.append(joined.select(document="follower", follower="document", kind="kind"))
    return pl.concat(found).filter(pl.col("document") != pl.col("follower")).unique(maintain_order=True)


@dataclass(frozen=True)
class Following:
    """Documents that follow from others, each once: ``by`` is the one it follows from, ``kind`` how."""

    numbers: Ints
    by: Ints
    kind: npt.NDArray[np.int8]


def follow(table: Any, numbers: Ints) -> Following:
    """All that follows from documents, and from what follows from them. ``table(numbers)`` gives the edges of some, in
    the order of ``document``, as columns; others may be among them."""
    seen = np.unique(numbers)
    frontier = seen
    found: list[tuple[Ints, Ints, npt.NDArray[np.int8]]] = []
    while len(frontier):
        document, follower, kind = table(frontier)
        low, high = np.searchsorted(document, frontier, "left"), np.searchsorted(document, frontier, "right")
        counts = high - low
        rows = np.repeat(low - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
        by, to, how = np.repeat(frontier, counts), follower[rows], kind[rows]
        fresh = ~np.isin(to, seen)
        new, first = np.unique(to[fresh], return_index=True)
        found.append((new, by[fresh][first], how[fresh][first]))
        seen = np.union1d(seen, new)
        frontier = new
    columns = zip(*found, strict=True) if found else ((), (), ())
    joined = [np.concatenate([np.empty(0, t), *c]) for c, t in zip(columns, (np.int64, np.int64, np.int8), strict=True)]
    return Following(*joined)
