"""Pairs of candidates as edges between numbers of documents: those within a part, and those between parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manifests import storage
from manifests.receipts import Receipt
from pipelines.exchange import uri
from pipelines.stages.deduplicate.index import Earlier
from pipelines.stages.deduplicate.places import EDGES, edges_file
from pipelines.stages.deduplicate.roster import Roster

Block = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Pairs:
    """A file of pairs within a ``part``, or between parts (then ``""``); ``most`` pairs at most."""

    path: str
    part: str
    digest: str
    most: int


def files(parts: Sequence[str], keyed: Sequence[Receipt], matched: Sequence[Receipt]) -> list[Pairs]:
    """Those of this run: ``keyed`` are the receipts of the keys of these parts."""
    found = []
    for part, receipt in zip(parts, keyed, strict=True):
        found += [Pairs(o.path, part, o.digest, o.rows) for o in receipt.outputs if o.path.startswith(f"{EDGES}/")]
    found += [Pairs(o.path, "", o.digest, o.rows) for receipt in matched for o in receipt.outputs]
    return [pairs for pairs in found if pairs.most]


def earlier(run: str, parts: Sequence[Earlier]) -> list[Pairs]:
    """Those within parts of earlier runs, where a document has pairs with a few leaders of each bucket."""
    paths = [edges_file(run, p.name) for p in parts]
    digests = storage.at_once(storage.digest, paths, remote=not all(storage.is_local(p) for p in paths))
    return [
        Pairs(path, p.name, digest, storage.rows(path)) for p, path, digest in zip(parts, paths, digests, strict=True)
    ]


def read(run: str, roster: Roster, pairs: Pairs) -> Block:
    """``int64[m, 2]`` numbers of documents, and of each pair the unequal entries of the sketches."""
    table = storage.read_table(uri(run, pairs.path)).combine_chunks()
    if pairs.part:
        sides = [roster.number(pairs.part, table[side].to_numpy()) for side in ("a", "b")]
    elif table.num_rows:
        sides = [roster.numbers(table[side].combine_chunks(), table[f"{side}_row"].to_numpy()) for side in ("a", "b")]
    else:
        sides = [np.empty(0, np.int64)] * 2
    return np.column_stack(sides), table["apart"].to_numpy()


def read_all(run: str, roster: Roster, every: Sequence[Pairs]) -> Block:
    blocks = [read(run, roster, pairs) for pairs in every]
    empty = (np.empty((0, 2), np.int64), np.empty(0, np.uint8))
    edges, apart = zip(*[empty, *blocks], strict=True)
    return np.concatenate(edges), np.concatenate(apart)
