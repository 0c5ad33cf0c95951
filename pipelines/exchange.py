"""Key files: packed records sorted by partition, so that a reference (file, offset, count) is all that crosses.

Readers verify the digest that came with the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from manifests import storage
from manifests.receipts import Output, output
from pipelines.slices import Slice

#: a 64-bit key and the row it came from
RECORD = np.dtype([("key", "<u8"), ("row", "<u4")])


class CorruptSlice(OSError):
    """A key file that does not hold what its reference says. Retried, then reported."""


def write_keys(run: str, path: str, keys: np.ndarray, rows: np.ndarray, partitions: int) -> tuple[Output, list[Slice]]:
    """Writes ``keys`` (uint64[n]) with their ``rows``; returns the file and a reference to each partition's records."""
    partition = (keys >> np.uint64(32)) % np.uint64(partitions)
    order = np.lexsort((rows, keys, partition))
    records = np.empty(len(keys), RECORD)
    records["key"], records["row"] = keys[order], rows[order]
    storage.write_bytes(storage.join(run, path), records.tobytes())
    bounds = np.searchsorted(partition[order], np.arange(partitions + 1))
    slices = []
    for p, (start, end) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        if end > start:
            digest = storage.digest_bytes(records[start:end].tobytes())
            slices.append(Slice(p, path, start, end - start, digest))
    return output(run, path, len(records)), slices


def read_keys(run: str, piece: Slice) -> np.ndarray:
    """The records of a slice."""
    with storage.open_input(storage.join(run, piece.path)) as f:
        f.seek(piece.offset * RECORD.itemsize)
        data = f.read(piece.count * RECORD.itemsize)
    if storage.digest_bytes(data) != piece.digest:
        raise CorruptSlice(
            f"{piece.path}: records {piece.offset}+{piece.count} are not what was written: delete it and run again"
        )
    return np.frombuffer(data, RECORD)


def rows_of(table: pa.Table, piece: Slice) -> pa.Table:
    """The rows of a Parquet table that a slice refers to."""
    return table.slice(piece.offset, piece.count)


def group_slices(slices: Sequence[Slice]) -> dict[int | str, list[Slice]]:
    """Slices by partition, each list in the order of files and offsets."""
    groups: dict[int | str, list[Slice]] = {}
    for piece in sorted(slices, key=lambda s: (s.path, s.offset)):
        groups.setdefault(piece.partition, []).append(piece)
    return groups
