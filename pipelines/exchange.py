"""Key files: packed records sorted by partition, so that a reference (file, offset, count) is all that crosses.

A record is a row of a structured NumPy type whose first field is a 64-bit ``key``. Readers verify the digest that came
with the reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup.ordering import in_order
from manifests import storage
from manifests.receipts import Output, output
from pipelines.slices import Slice

#: where merged key files lie; those of other runs, too
MERGED = "exchange/merged"
#: of keys that one task holds, several times over
_PARTITION_BYTES = 32 << 20
FEWEST, _MOST = 8, 4096


class CorruptSlice(OSError):
    """A key file that does not hold what its reference says. Retried, then reported."""


def partitions(size: int, fewest: int = FEWEST) -> int:
    """How many hold ``size`` bytes of keys at 32 MB each: ``fewest`` or that doubled, up to 4,096.

    So they follow the input, and keys of one run can be split, or put together, as those of a larger or smaller one.
    """
    found = fewest
    while found * _PARTITION_BYTES < size and 2 * found <= _MOST:
        found *= 2
    return found


def write_keys(
    run: str, path: str, records: np.ndarray, partitions: int, *, spread: bool = False
) -> tuple[Output, list[Slice]]:
    """Writes records in the order of their fields; returns the file and a reference to each partition's records.

    ``spread``: the keys are numbers, not hashes; their partitions are those of their hashes.
    """
    partition = _partition(records["key"] * np.uint64(0x9E3779B97F4A7C15) if spread else records["key"], partitions)
    order = in_order(records["key"].copy(), records["row"])
    order = order[np.argsort(partition[order].astype(np.uint16), kind="stable")]  # of 16 bits: a radix sort
    pieces = np.split(records[order], np.cumsum(np.bincount(partition.astype(np.int64), minlength=partitions))[:-1])
    return write_slices(run, path, list(enumerate(pieces)))


def _partition(hashes: npt.NDArray[np.uint64], partitions: int) -> npt.NDArray[np.uint64]:
    return (hashes >> np.uint64(32)) % np.uint64(partitions)


def write_slices(run: str, path: str, pieces: Sequence[tuple[int | str, np.ndarray]]) -> tuple[Output, list[Slice]]:
    """Writes the records of each partition one after another as they are; a partition without records has no slice."""
    slices = []
    start = 0
    with storage.open_output(storage.join(run, path)) as out:
        for partition, records in pieces:
            data = records.tobytes()
            out.write(data)
            if len(records):
                slices.append(Slice(partition, path, start, len(records), storage.digest_bytes(data)))
                start += len(records)
    return output(run, path, start), slices


def read_keys(run: str, piece: Slice, kind: np.dtype) -> np.ndarray:
    """The records of a slice; a path that is not relative to the run is of another run."""
    return _read(run, piece, kind)[1]


@dataclass(frozen=True)
class Gathered:
    """Records of one partition, in the order of the ``files`` that tasks wrote; record i is of ``files[which[i]]``."""

    records: np.ndarray
    files: list[str]
    which: npt.NDArray[np.int64]


def gather(run: str, slices: Iterable[Slice], kind: np.dtype, only: tuple[int, int] | None = None) -> Gathered:
    """The records of slices, whether their files were merged or not: the same either way.

    ``only`` is a partition, and how many there are: slices of runs with fewer hold those of others, too.
    """
    found = sorted((piece for s in slices for piece in _members(run, s, kind)), key=lambda piece: piece[0])
    if only:
        found = [(path, r[_partition(r["key"], only[1]) == np.uint64(only[0])]) for path, r in found]
    files = [path for path, _ in found]
    which = np.repeat(np.arange(len(found)), [len(records) for _, records in found])
    return Gathered(np.concatenate([np.empty(0, kind), *(records for _, records in found)]), files, which)


def _members(run: str, piece: Slice, kind: np.dtype) -> list[tuple[str, np.ndarray]]:
    head, records = _read(run, piece, kind)
    if not piece.head:
        return [(piece.path, records)]
    folder = piece.path.rpartition(MERGED)[0]  # of another run, or empty
    paths, counts = zip(*json.loads(head), strict=True)
    return list(zip([folder + p for p in paths], np.split(records, np.cumsum(counts)[:-1]), strict=True))


def _read(run: str, piece: Slice, kind: np.dtype) -> tuple[bytes, np.ndarray]:
    with storage.open_input(uri(run, piece.path)) as f:
        data = read_slice(f, piece, kind.itemsize)
    head = piece.head * kind.itemsize
    return data[:head], np.frombuffer(data, kind, offset=head)


def read_slice(file: Any, piece: Slice, width: int) -> bytes:
    """The bytes of a slice, head and all, of an open key file of records of ``width`` bytes."""
    file.seek(piece.offset * width)
    data = bytes(file.read((piece.head + piece.count) * width))
    if storage.digest_bytes(data) != piece.digest:
        raise CorruptSlice(
            f"{piece.path}: records {piece.offset}+{piece.count} are not what was written: delete it and run again"
        )
    return data


def uri(run: str, path: str) -> str:
    """Where a path of this run, or a whole path of another, lies."""
    return path if path.startswith("/") or "://" in path else storage.join(run, path)


def read_rows(run: str, piece: Slice) -> pa.Table:
    """The rows of a Parquet table that a slice refers to."""
    return storage.read_rows(storage.join(run, piece.path), piece.offset, piece.count)


def raw(piece: Slice) -> list[int | str]:
    """The slice as a receipt holds it; ``Slice(*raw)`` reads it back."""
    return [piece.partition, piece.path, piece.offset, piece.count, piece.digest, *([piece.head] if piece.head else [])]
