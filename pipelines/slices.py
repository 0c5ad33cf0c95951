"""Slices: references to records of files that a task wrote, grouped by partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from manifests import storage
from manifests.receipts import Output, Receipt, output
from pipelines.task import Task

LISTING = pa.schema(
    [
        ("partition", pa.int32()),
        ("path", pa.string()),
        ("offset", pa.int64()),
        ("count", pa.int64()),
        ("digest", pa.binary(16)),
        ("head", pa.int32()),
    ]
)


@dataclass(frozen=True)
class Slice:
    """A reference to ``count`` packed records at ``offset`` (in records) of a key file of the run.

    In a merged file a ``head`` (its size in records) goes before them, which names the files they are from.
    """

    partition: int | str
    path: str
    offset: int
    count: int
    digest: str
    head: int = 0


Consumer = Callable[[int | str, Sequence[Slice]], Task]


def slices_of(run: str, receipt: Receipt) -> Iterator[Slice]:
    """What the receipt refers to: by itself, or where that is much, in a file that it names."""
    for raw in receipt.data.get("slices", ()):
        yield Slice(*raw)
    if path := receipt.data.get("listing"):
        yield from listed(storage.join(run, path))


def number_of_slices(receipt: Receipt) -> int:
    """How many ``slices_of`` yields, without reading a file."""
    return int(receipt.data.get("listed", len(receipt.data.get("slices", ()))))


def listed(uri: str) -> Iterator[Slice]:
    """The slices of a listing. Of a thousand partitions it takes a tenth of what a receipt would."""
    columns = storage.read_table(uri).to_pydict()
    for partition, path, offset, count, digest, head in zip(*(columns[n] for n in LISTING.names), strict=True):
        yield Slice(partition, path, offset, count, digest.hex(), head)


def list_slices(run: str, keys: str, slices: Sequence[Slice]) -> tuple[Output, dict[str, str | int]]:
    """Writes a listing of the slices of a key file, beside it; returns the file, and what a receipt says of it."""
    path = keys.removesuffix(".keys") + ".slices"
    columns = {n: [getattr(s, n) for s in slices] for n in LISTING.names}
    columns["digest"] = [bytes.fromhex(s.digest) for s in slices]
    storage.write_table(storage.join(run, path), pa.table(columns, LISTING))
    return output(run, path, len(slices)), {"listing": path, "listed": len(slices)}


def ordered(slices: Iterable[Slice]) -> list[Slice]:
    """By file and offset: the order in which a consumer's task names them, whatever order they arrived in."""
    return sorted(slices, key=lambda s: (s.path, s.offset))


def group_slices(slices: Iterable[Slice]) -> dict[int | str, list[Slice]]:
    """Slices by partition, each list in the order of files and offsets."""
    groups: dict[int | str, list[Slice]] = {}
    for piece in ordered(slices):
        groups.setdefault(piece.partition, []).append(piece)
    return groups


def consuming(run: str, consumer: Consumer, produced: Sequence[Receipt]) -> list[Task]:
    """The consumers' tasks, in the order of partitions."""
    groups = group_slices(s for receipt in produced for s in slices_of(run, receipt))
    return [consumer(partition, groups[partition]) for partition in sorted(groups)]
