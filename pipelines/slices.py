"""Slices: references to records of files that a task wrote, grouped by partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from manifests.receipts import Receipt
from pipelines.task import Task


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


def slices_of(receipt: Receipt) -> Iterator[Slice]:
    for raw in receipt.data.get("slices", ()):
        yield Slice(*raw)


def ordered(slices: Iterable[Slice]) -> list[Slice]:
    """By file and offset: the order in which a consumer's task names them, whatever order they arrived in."""
    return sorted(slices, key=lambda s: (s.path, s.offset))


def group_slices(slices: Iterable[Slice]) -> dict[int | str, list[Slice]]:
    """Slices by partition, each list in the order of files and offsets."""
    groups: dict[int | str, list[Slice]] = {}
    for piece in ordered(slices):
        groups.setdefault(piece.partition, []).append(piece)
    return groups


def consuming(consumer: Consumer, produced: Sequence[Receipt]) -> list[Task]:
    """The consumers' tasks, in the order of partitions."""
    groups = group_slices(s for receipt in produced for s in slices_of(receipt))
    return [consumer(partition, groups[partition]) for partition in sorted(groups)]
