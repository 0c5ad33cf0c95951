"""Questions about a run's documents, answered by numbers in its lineage index."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests import lineage, parts, storage
from manifests.lineage import Index
from manifests.signatures import Signature

Ints = npt.NDArray[np.int64]


def by_id(index: Index, identifier: str) -> Ints:
    """The document of this id."""
    numbers = index.by_id(identifier)
    whole = [lineage.row_of(index.run, parts.DOCUMENTS, e.part, e.row, ["id"])["id"] for e in index.entries(numbers)]
    return numbers[[i == identifier for i in whole]] if len(numbers) else numbers


def by_signature(index: Index, name: str) -> Ints:
    """Documents whose evidence, as found, has this name."""
    evidence = index.signatures["evidence"].to_list()
    mine = [i for i, e in enumerate(evidence) if Signature.from_json(e).found.name == name]
    return np.flatnonzero(np.isin(index.roll_up(["signature"])["signature"].to_numpy(), mine)).astype(np.int64)


def by_text(index: Index, words: str, most: int = 1 << 31) -> Ints:
    """Documents whose text holds the words, at most about ``most``."""
    return np.array(index.by_place(quoting(index.run, words, most)), np.int64)


def quoting(run: str, words: str, most: int = 1 << 31) -> list[tuple[str, int]]:
    """Part and row of documents whose text holds the words; blanks of any kind are alike.

    Texts are read once, one after another, until ``most`` are found. ValueError when there are no words.
    """
    wanted = words.split()
    if not wanted:
        raise ValueError("name some words to look for")
    rarest = max(wanted, key=len)  # a plain search for one word leaves little to the pattern
    pattern = r"\s+".join(re.escape(w) for w in wanted)
    found: list[tuple[str, int]] = []
    for path in storage.list_files(storage.join(run, parts.DOCUMENTS), "part-*.parquet", recursive=True):
        with storage.open_input(path) as f:
            first = 0
            for batch in pq.ParquetFile(f).iter_batches(columns=["text"]):
                texts = batch.column(0)
                rows = np.flatnonzero(pc.match_substring(texts, rarest).to_numpy(zero_copy_only=False))
                rows = rows[_holds(texts.take(pa.array(rows)), pattern)]
                found += [(parts.part_of(path), first + r) for r in rows.tolist()]
                first += batch.num_rows
                if len(found) >= most:
                    return found
    return found


def _holds(texts: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), bool)
