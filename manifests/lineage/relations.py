"""What follows from what: near-duplicates of one another, and documents that were made of others.

``relations.arrow`` has an edge a row, sorted by ``document``: where that is taken down, its ``follower`` goes too. With
it lies where the follower's tokens are, so that nothing else need be read. The file is not packed: it is mapped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests import storage
from manifests.lineage.numbers import Ints, distinct

DUPLICATE, DERIVED = 0, 1
#: the first stretch of the follower's tokens, and how many stretches there are
SCHEMA = pa.schema(
    [
        ("document", pa.int32()),
        ("follower", pa.int32()),
        ("kind", pa.int8()),
        ("stretches", pa.int32()),
        ("shard", pa.int32()),
        ("start", pa.int64()),
        ("tokens", pa.int32()),
    ]
)
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
    named = pl.concat([whole["survivor"], whole["cluster"], whole["parents"].explode()]).drop_nulls().unique()
    every = pl.DataFrame({"key": keys}).with_row_index("place")
    places = every.filter(pl.col("key").is_in(named.implode())).unique("key", keep="first", maintain_order=True)
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


def write(uri: str, table: pa.Table) -> None:
    """Writes rows of SCHEMA that are sorted by ``document``."""
    table = table.cast(SCHEMA).combine_chunks()
    with storage.open_output(uri) as out, pa.ipc.new_file(out, SCHEMA) as writer:
        writer.write_table(table, max_chunksize=max(table.num_rows, 1))


@dataclass(frozen=True)
class Following:
    """Documents that follow from others, each once: ``by`` is the one it follows from, ``kind`` how, ``edge`` the row
    that says so."""

    numbers: Ints
    by: Ints
    kind: npt.NDArray[np.int8]
    edge: Ints


class Relations:
    """The edges, mapped where they lie on this machine; ``columns`` are those of SCHEMA."""

    def __init__(self, uri: str) -> None:
        opened = pa.memory_map(str(storage.local_path(uri))) if storage.is_local(uri) else storage.read_bytes(uri)
        table = pa.ipc.open_file(opened).read_all()
        self.columns = {
            n: (table[n].chunk(0) if table.num_rows else pa.array([], SCHEMA.field(n).type)).to_numpy()
            for n in SCHEMA.names
        }

    def follow(self, numbers: Ints, documents: int) -> Following:
        """All that follows from documents, and from what follows from them. ``documents`` is how many there are."""
        document, follower = self.columns["document"], self.columns["follower"]
        seen = np.zeros(documents, bool)
        edge_to = np.empty(documents, np.int64)  # the first edge to each of those reached last
        frontier = distinct(numbers).astype(np.int32)
        seen[frontier] = True
        found: list[tuple[npt.NDArray[np.int32], Ints]] = []
        while len(frontier) and len(document):
            low = np.searchsorted(document, frontier)
            leads = document[np.minimum(low, len(document) - 1)] == frontier
            low, frontier = low[leads], frontier[leads]
            counts = np.searchsorted(document, frontier, "right") - low
            rows = np.repeat(low - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
            rows = rows[~seen[follower[rows]]]
            edge_to[follower[rows][::-1]] = rows[::-1]
            frontier = np.asarray(distinct(follower[rows]), np.int32)
            seen[frontier] = True
            found.append((frontier, edge_to[frontier]))
        none = np.empty(0, np.int64)
        numbers, edge = (np.concatenate([none, *(f[i] for f in found)]).astype(np.int64) for i in range(2))
        return Following(numbers, document[edge].astype(np.int64), self.columns["kind"][edge], edge)
