"""Key files: packed records sorted by partition, so that a reference (file, offset, count) is all that crosses.

A record is a row of a structured NumPy type whose first field is a 64-bit ``key``. Readers verify the digest that came
with the reference.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from manifests import storage
from manifests.receipts import Output, output
from pipelines.slices import Slice


class CorruptSlice(OSError):
    """A key file that does not hold what its reference says. Retried, then reported."""


def write_keys(run: str, path: str, records: np.ndarray, partitions: int) -> tuple[Output, list[Slice]]:
    """Writes records in the order of their fields; returns the file and a reference to each partition's records."""
    partition = (records["key"] >> np.uint64(32)) % np.uint64(partitions)
    order = np.lexsort((records["row"], records["key"], partition))
    records = records[order]
    storage.write_bytes(storage.join(run, path), records.tobytes())
    bounds = np.searchsorted(partition[order], np.arange(partitions + 1))
    slices = []
    for p, (start, end) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        if end > start:
            digest = storage.digest_bytes(records[start:end].tobytes())
            slices.append(Slice(p, path, start, end - start, digest))
    return output(run, path, len(records)), slices


def read_keys(run: str, piece: Slice, kind: np.dtype) -> np.ndarray:
    """The records of a slice; a path that is not relative to the run is of another run."""
    with storage.open_input(uri(run, piece.path)) as f:
        f.seek(piece.offset * kind.itemsize)
        data = f.read(piece.count * kind.itemsize)
    if storage.digest_bytes(data) != piece.digest:
        raise CorruptSlice(
            f"{piece.path}: records {piece.offset}+{piece.count} are not what was written: delete it and run again"
        )
    return np.frombuffer(data, kind)


def uri(run: str, path: str) -> str:
    """Where a path of this run, or a whole path of another, lies."""
    return path if path.startswith("/") or "://" in path else storage.join(run, path)


def rows_of(table: pa.Table, piece: Slice) -> pa.Table:
    """The rows of a Parquet table that a slice refers to."""
    return table.slice(piece.offset, piece.count)


def raw(piece: Slice) -> list[int | str]:
    """The slice as a receipt holds it; ``Slice(*raw)`` reads it back."""
    return [piece.partition, piece.path, piece.offset, piece.count, piece.digest]
