"""The roster: every part that takes part, in one order. A document's number is its part's place and its row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests import storage
from manifests.receipts import digest_of, output
from pipelines.stages.deduplicate.places import FOLDER
from pipelines.task import Made, Task

VERSION = 1
_ROW_BITS = 32


@dataclass(frozen=True)
class Roster:
    """Parts sorted by name; ``digests`` are of what judging reads of each, ``fresh`` are those judged now."""

    names: Sequence[str]
    rows: Sequence[int]
    digests: Sequence[str]
    fresh: Sequence[bool]

    @cached_property
    def places(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    @property
    def order(self) -> str:
        """Digest of what the numbers mean."""
        return digest_of(list(self.names))

    def number(self, part: str, rows: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        return rows.astype(np.int64) | (self.places[part] << _ROW_BITS)

    def numbers(self, parts: pa.DictionaryArray, rows: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """The numbers of documents named by part and row."""
        place = np.array([self.places[name] for name in parts.dictionary.to_pylist()], np.int64)
        which: npt.NDArray[np.int32] = parts.indices.to_numpy()
        return (place[which] << _ROW_BITS) | rows.astype(np.int64)


def split(numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Places of parts, and rows."""
    return (numbers >> _ROW_BITS).astype(np.int32), numbers & ((1 << _ROW_BITS) - 1)


def task(roster: Roster, suffix: str) -> Task:
    columns = {name: list(getattr(roster, name)) for name in ("names", "rows", "digests", "fresh")}
    return Task(f"roster{suffix}", "roster", digest_of("roster", VERSION, columns), write, (columns, suffix))


def write(run: str, spec: tuple[dict[str, list[object]], str]) -> Made:
    columns, suffix = spec
    path = f"{FOLDER}/roster{suffix}.parquet"
    storage.write_table(storage.join(run, path), pa.table(columns))
    return Made([output(run, path, len(columns["names"]))], {"parts": len(columns["names"])})


def read(run: str, path: str) -> Roster:
    table = storage.read_table(storage.join(run, path))
    return Roster(*(table[name].to_pylist() for name in ("names", "rows", "digests", "fresh")))
