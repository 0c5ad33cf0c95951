"""Partitions of keys, as tasks: pairs of documents of different parts that share a key and may be alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dedup import pairs
from manifests import storage
from manifests.receipts import digest_of, output
from pipelines.exchange import gather
from pipelines.recipe import Dedup
from pipelines.slices import Slice, ordered
from pipelines.stages.deduplicate import keys
from pipelines.stages.deduplicate.places import FOLDER, of_key_file
from pipelines.task import Made, Task

VERSION = 3
_NAME = pa.dictionary(pa.int32(), pa.string())
EDGES = pa.schema([("a", _NAME), ("a_row", pa.uint32()), ("b", _NAME), ("b_row", pa.uint32()), ("apart", pa.uint8())])


@dataclass(frozen=True)
class _Match:
    stage: str
    partition: int
    only: tuple[int, int] | None  #: the partition of how many, where slices may hold keys of others
    slices: tuple[Slice, ...]
    most_unequal: int


def task(
    partition: int | str,
    slices: Sequence[Slice],
    *,
    dedup: Dedup,
    stage: str,
    partitions: int,
    earlier: Mapping[int | str, Sequence[Slice]],
) -> Task:
    """``earlier`` are the slices of other runs, which may have had other ``partitions``."""
    assert isinstance(partition, int)
    others = earlier.get(partition, ())
    every = tuple(ordered([*slices, *others]))
    most = keys.most_unequal(dedup)
    key = digest_of("match", VERSION, partitions, [(s.path, s.offset, s.digest) for s in every], most)
    spec = _Match(stage, partition, (partition, partitions) if others else None, every, most)
    return Task(stage, f"partition-{partition:05d}", key, match_partition, spec)


def match_partition(run: str, spec: _Match) -> Made:
    """Merges the slices of a partition and walks its buckets."""
    gathered = gather(run, spec.slices, keys.RECORD, spec.only)
    key, row, sketch = (np.ascontiguousarray(gathered.records[name]) for name in ("key", "row", "sketch"))
    found = pairs.candidates(key, (gathered.which << 32) | row, sketch, spec.most_unequal)
    names = pa.array([of_key_file(f) for f in gathered.files], pa.string())
    a, b = found.edges.T
    table = pa.table(
        {
            "a": pa.DictionaryArray.from_arrays(pa.array(a >> 32, pa.int32()), names),
            "a_row": a & 0xFFFFFFFF,
            "b": pa.DictionaryArray.from_arrays(pa.array(b >> 32, pa.int32()), names),
            "b_row": b & 0xFFFFFFFF,
            "apart": np.minimum(found.apart, 255),
        },
        schema=EDGES,
    )
    path = f"{FOLDER}/{spec.stage}/{spec.partition:05d}.parquet"
    storage.write_table(storage.join(run, path), table)
    counts = {"pairs": table.num_rows, "keys": len(key), "capped": found.capped}
    return Made([output(run, path, table.num_rows)], counts)
