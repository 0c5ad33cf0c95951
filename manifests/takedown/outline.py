"""What a takedown would take, from the lineage index alone: a few bisections, whatever the size of the run.

``plan`` reads every part and is what a takedown is done by; an outline says the same documents and tokens beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from manifests import lineage, parts, storage
from manifests.licences import normalise
from manifests.lineage import Index
from manifests.lineage.numbers import Ints, distinct
from manifests.lineage.relations import DUPLICATE
from manifests.signatures import Signature
from manifests.takedown.request import Request


@dataclass(frozen=True)
class Outline:
    """``numbers`` of the documents in the index; ``by`` is -1 for what was requested, else the document that it follows
    from, ``kind`` how. ``places`` are columns ``document``, ``shard``, ``start``, ``end``."""

    numbers: Ints
    by: Ints
    kind: npt.NDArray[np.int8]
    places: pl.DataFrame

    @property
    def tokens(self) -> int:
        """In the shards, every occurrence counted."""
        return int((self.places["end"] - self.places["start"]).sum() or 0)


def outline(index: Index, requests: Sequence[Request]) -> Outline:
    """ValueError when no document is meant, or the index is of a version that does not know what follows from what."""
    asked = distinct(np.concatenate([np.empty(0, np.int64), *(_meant(index, r) for r in requests)]))
    if not len(asked):
        raise ValueError(f"{', '.join(f'{r.kind} {r.value}' for r in requests)}: no document of {index.run} is meant")
    following, places = index.followers(asked)
    numbers = np.concatenate([asked, following.numbers])
    by = np.concatenate([np.full(len(asked), -1), following.by])
    kind = np.concatenate([np.full(len(asked), DUPLICATE, np.int8), following.kind])
    order = np.argsort(numbers, kind="stable")
    return Outline(numbers[order], by[order], kind[order], pl.concat([index.places(asked), places]))


def _meant(index: Index, request: Request) -> Ints:
    if request.kind == "id":
        numbers = index.by_id(request.value)
        same = [_id(index, e) == request.value for e in index.entries(numbers)] if len(numbers) else []
        return np.asarray(numbers[np.array(same, bool)], np.int64)
    if request.kind == "hash":
        return _by_hash(index, request.value)
    if request.kind == "licence":
        wanted = normalise(request.value)
        evidence = index.signatures["evidence"].to_list()
        codes = [i for i, e in enumerate(evidence) if Signature.from_json(e).conclusion()[0] == wanted]
        return np.flatnonzero(np.isin(index.roll_up(["signature"])["signature"].to_numpy(), codes)).astype(np.int64)
    return index.between(request.ranges())


def _id(index: Index, entry: lineage.Entry) -> str:
    return str(lineage.row_of(index.run, parts.DOCUMENTS, entry.part, entry.row, ["id"])["id"])


def _by_hash(index: Index, value: str) -> Ints:
    """No index has the hashes: one column of every part is read."""
    places = []
    for path in storage.list_files(storage.join(index.run, parts.DOCUMENTS), "part-*.parquet", recursive=True):
        column = storage.read_table(path, ["content_hash"])["content_hash"]
        rows = np.flatnonzero(pc.equal(column, pa.scalar(value)).to_numpy())
        places += [(parts.part_of(path), r) for r in rows.tolist()]
    return np.array(index.by_place(places) if places else [], np.int64)
