"""The second level of an exchange's fan-in: key files merged in groups, until slices reach a megabyte.

Who consumes a partition reads a slice of every key file. Of tens of thousands of files those slices would be small, and
the references to them too many: 90,000 splits and 4,096 partitions make 370 million.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from manifests import receipts, storage
from manifests.receipts import Receipt, digest_of, output
from pipelines.exchange import MERGED, CorruptSlice, read_slice
from pipelines.slices import Slice, group_slices, list_slices, number_of_slices, slices_of
from pipelines.task import Made, Task

VERSION = 1
#: as many key files are consumed as they are
FILES = 512
_SLICE_BYTES = 1 << 20
_OPEN_FILES = 256


@dataclass(frozen=True)
class _Group:
    path: str
    members: tuple[tuple[str, str], ...]  #: stages and tasks that wrote the key files


def tasks(stage: str, produced: Sequence[Receipt]) -> list[Task]:
    """Tasks that merge the key files of ``produced``, in the order of their paths."""
    written = sorted((r for r in produced if r.outputs), key=lambda r: r.outputs[0].path)
    size = sum(r.outputs[0].bytes for r in written)
    slices = sum(map(number_of_slices, written))
    each = min(_OPEN_FILES, max(2, -(-_SLICE_BYTES * slices // max(size, 1))))
    groups = [written[i : i + each] for i in range(0, len(written), each)]
    return [_task(f"{stage}-merged", number, group) for number, group in enumerate(groups)]


def _task(stage: str, number: int, group: Sequence[Receipt]) -> Task:
    spec = _Group(f"{MERGED}/{stage}/{number:05d}.keys", tuple((r.stage, r.task) for r in group))
    return Task(stage, f"group-{number:05d}", digest_of("merge", VERSION, [r.digest for r in group]), merge, spec)


def merge(run: str, spec: _Group) -> Made:
    """The slices of each partition side by side, behind a head that says which file had how many of the records.

    The files are read once, from front to back, and never held whole.
    """
    members = [_receipt(run, *member) for member in spec.members]
    width = next((r.outputs[0].bytes // r.outputs[0].rows for r in members if r.outputs[0].rows), 1)
    slices, records = [], 0
    with ExitStack() as stack, storage.open_output(storage.join(run, spec.path)) as out:
        files = {p: stack.enter_context(storage.open_input(storage.join(run, p))) for p in _paths(run, members)}
        for partition, pieces in sorted(group_slices(s for r in members for s in slices_of(run, r)).items()):
            head = json.dumps([(p.path, p.count) for p in pieces]).encode()
            head += b" " * (-len(head) % width)  # whole records, so that offsets count them
            region = b"".join([head, *(read_slice(files[p.path], p, width) for p in pieces)])
            out.write(region)
            count = sum(p.count for p in pieces)
            size = len(head) // width
            slices.append(Slice(partition, spec.path, records, count, storage.digest_bytes(region), size))
            records += size + count
    listing, said = list_slices(run, spec.path, slices)
    return Made([output(run, spec.path, records), listing], {"files": len(members)}, said)


def _receipt(run: str, stage: str, task: str) -> Receipt:
    if (found := receipts.read(run, stage, task)) is None:
        raise CorruptSlice(f"{stage}: {task} has lost its receipt: run again")
    return found


def _paths(run: str, members: Sequence[Receipt]) -> Iterator[str]:
    yield from dict.fromkeys(s.path for r in members for s in slices_of(run, r))
