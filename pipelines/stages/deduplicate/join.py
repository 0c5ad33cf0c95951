"""Connected components beyond the memory of one task: blocks of edges that agree in rounds, each an exchange.

first    each block of pairs becomes a forest: the documents it names, and the least of each one's component
least    each partition of the documents answers every block with the least label that any block has for a document
next     each block joins its trees with what it heard; round after round, until no label gets less: O(log² n) rounds,
         on chains, stars, trees and random graphs no more than 1.6 log2 n
sizes    documents of each component are counted; those of components too large go on to stronger pairs
members  documents with their labels, by partition of the labels

Memory of a task: 64 bytes a pair of its block, or a record of its partition, of which there are ``Plan.block`` each; no
node brings more than a record a block, so no component is too large for a partition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial

import numpy as np
import numpy.typing as npt

from dedup.clusters import Held, held, least, rejoined
from manifests import receipts
from manifests.receipts import Receipt, digest_of
from pipelines.conductor import Conductor
from pipelines.errors import RunFailed
from pipelines.exchange import gather, raw, read_keys, write_keys, write_slices
from pipelines.slices import Consumer, Slice, group_slices, slices_of
from pipelines.stages.deduplicate import edges, roster
from pipelines.stages.deduplicate.places import FOLDER
from pipelines.stages.deduplicate.roster import Roster
from pipelines.task import Made, Task

VERSION = 1
#: what a block holds of a document, in the order of partitions
HELD = np.dtype([("key", "<u8"), ("row", "<u8"), ("own", "?")])
#: a label (``key``), and a document or a number of documents
LABELLED = np.dtype([("key", "<u8"), ("row", "<u8")])
LEAST = np.dtype("<i8")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """``limits`` and ``largest`` as of ``dedup.clusters.divided``; pairs of a block, and records of a partition."""

    limits: tuple[float, ...]
    largest: int
    block: int


@dataclass(frozen=True)
class _Block:
    """What a block reads: its pairs, and where it has been divided before, its documents and the labels too large."""

    stage: str
    number: int
    roster: str
    pairs: tuple[edges.Pairs, ...]
    limit: float
    before: tuple[Slice, ...]
    large: tuple[Slice, ...]
    partitions: int


def joined(
    conductor: Conductor,
    documents: Roster,
    listed: str,
    pairs: Sequence[edges.Pairs],
    plan: Plan,
    members: Consumer,
    suffix: str,
) -> list[Receipt]:
    """The receipts of the tasks that ``members`` makes for each partition of labels."""
    blocks = _blocks(pairs, plan.block)
    partitions = -(-2 * sum(p.most for p in pairs) // plan.block)
    used: list[str] = []
    counted: list[Task] = []
    before: dict[int, tuple[Slice, ...]] = dict.fromkeys(range(len(blocks)), ())
    large: tuple[Slice, ...] = ()
    for level, limit in enumerate(plan.limits):
        stage = f"join{suffix}.{level}"
        first = []
        for number in before:
            spec = _Block(f"{stage}.0", number, listed, blocks[number], limit, before[number], large, partitions)
            used_of = [documents.order, [p.digest for p in spec.pairs], limit, _said(spec.before), _said(large)]
            key = digest_of("join", VERSION, used_of, partitions)
            first.append(Task(f"{stage}.0", f"block-{number:05d}", key, write_first, spec))
        before = _settled(conductor, stage, first, partitions, used)
        final = group_slices(s for pieces in before.values() for s in pieces)
        last = limit == plan.limits[-1]
        if not last:
            sizes = [_sizes_task(f"{stage}.sizes", p, pieces, partitions) for p, pieces in sorted(final.items())]
            consumer = partial(_large_task, stage=f"{stage}.large", most=plan.largest)
            counts = conductor.exchange(f"{stage}.sizes", sizes, consumer, into=f"{stage}.large")
            used += [f"{stage}.sizes", f"{stage}.large"]
            large = tuple(s for receipt in counts for s in slices_of(conductor.run, receipt))
        left = () if last else large
        counted += [
            _labels_task(f"join{suffix}.members", level, p, pieces, left, partitions)
            for p, pieces in sorted(final.items())
        ]
        if not left:
            break
    used.append(f"join{suffix}.members")
    conductor.forget(*leftovers(conductor.run, suffix, used))
    return conductor.exchange(f"join{suffix}.members", counted, members, into=f"groups{suffix}")


def leftovers(run: str, suffix: str, used: Sequence[str]) -> list[str]:
    """Stages of rounds that an earlier run took and this one did not."""
    return [s for s in receipts.stages(run) if fnmatch(s, f"join{suffix}.*") and s not in used]


def _said(slices: Sequence[Slice]) -> list[tuple[str, int, str]]:
    return [(s.path, s.offset, s.digest) for s in slices]


def _blocks(pairs: Sequence[edges.Pairs], most: int) -> list[tuple[edges.Pairs, ...]]:
    """Files one after another, as many as a block may have pairs; a larger file is a block by itself."""
    blocks: list[list[edges.Pairs]] = []
    room = 0
    for file in pairs:
        if not blocks or file.most > room:
            blocks.append([])
            room = most
        blocks[-1].append(file)
        room -= file.most
    return [tuple(b) for b in blocks]


def _settled(
    conductor: Conductor, stage: str, tasks: list[Task], partitions: int, used: list[str]
) -> dict[int, tuple[Slice, ...]]:
    """Rounds until no label gets less: the slices of each block that holds anything."""
    rounds = 0
    while True:
        into = f"{stage}.{rounds}.least"
        used += [f"{stage}.{rounds}", into]
        answers = conductor.exchange(f"{stage}.{rounds}", tasks, partial(_least_task, stage=into), into=into)
        holding = {
            int(t.name.removeprefix("block-")): tuple(slices_of(conductor.run, receipt))
            for t, receipt in zip(tasks, conductor.receipts(tasks), strict=True)
        }
        holding = {number: slices for number, slices in holding.items() if slices}
        if not any(receipt.counts["lessened"] for receipt in answers):
            return holding
        rounds += 1
        records = sum(s.count for slices in holding.values() for s in slices)
        if rounds > (math.log2(records) + 1) ** 2:
            raise RunFailed(f"{stage}: labels still change after {rounds} rounds: this is a mistake of ours")
        heard = group_slices(s for receipt in answers for s in slices_of(conductor.run, receipt))
        tasks = []
        for number, slices in sorted(holding.items()):
            answer = tuple(heard[number])
            key = digest_of("next", VERSION, _said(slices), _said(answer))
            spec = (f"{stage}.{rounds}", number, slices, answer, partitions)
            tasks.append(Task(f"{stage}.{rounds}", f"block-{number:05d}", key, write_next, spec))


def write_first(run: str, spec: _Block) -> Made:
    """The forest of a block's pairs: those near enough, within components that were too large before."""
    found, apart = edges.read_all(run, roster.read(run, spec.roster), spec.pairs)
    near = apart <= spec.limit
    if spec.large:
        before = _read(run, spec.before)
        again = before.nodes[np.isin(before.labels, read_labelled(run, spec.large)[0])]
        near &= np.isin(found[:, 0], again)
    return _write(run, spec.stage, spec.number, held(found[near]), spec.partitions)


def write_next(run: str, spec: tuple[str, int, tuple[Slice, ...], tuple[Slice, ...], int]) -> Made:
    """A block after a round: ``answer`` is in the order of what it holds."""
    stage, number, slices, answer, partitions = spec
    heard = np.concatenate([read_keys(run, s, LEAST) for s in answer])
    return _write(run, stage, number, rejoined(_read(run, slices), heard), partitions)


def _read(run: str, slices: Sequence[Slice]) -> Held:
    return _held(np.concatenate([np.empty(0, HELD), *(read_keys(run, s, HELD) for s in slices)]))


def _held(records: np.ndarray) -> Held:
    return Held(records["key"].astype(np.int64), records["row"].astype(np.int64), records["own"])


def _write(run: str, stage: str, number: int, block: Held, partitions: int) -> Made:
    records = np.empty(len(block.nodes), HELD)
    records["key"], records["row"], records["own"] = block.nodes, block.labels, block.own
    made, slices = write_keys(run, f"{FOLDER}/{stage}/{number:05d}.keys", records, partitions, spread=True)
    return Made([made], {"records": len(records)}, {"slices": [raw(s) for s in slices]})


def _least_task(partition: int | str, slices: Sequence[Slice], *, stage: str) -> Task:
    key = digest_of("least", VERSION, _said(slices))
    return Task(stage, f"partition-{partition:05d}", key, write_least, (stage, partition, tuple(slices)))


def write_least(run: str, spec: tuple[str, int, tuple[Slice, ...]]) -> Made:
    """For each record of each block the least label that any block has; a slice for each block."""
    stage, partition, slices = spec
    gathered = gather(run, slices, HELD)
    block = _held(gathered.records)
    found = least(block.nodes, block.labels)
    pieces = np.split(found.astype(LEAST), np.cumsum(np.bincount(gathered.which))[:-1])
    numbers = [int(path.rsplit("/", 1)[1].removesuffix(".keys")) for path in gathered.files]
    made, answer = write_slices(run, f"{FOLDER}/{stage}/{partition:05d}.least", list(zip(numbers, pieces, strict=True)))
    return Made([made], {"lessened": int((found < block.labels).sum())}, {"slices": [raw(s) for s in answer]})


def _distinct(run: str, slices: Sequence[Slice]) -> tuple[Ints, Ints]:
    """The documents of a partition, each once, and their labels."""
    block = _read(run, slices)
    nodes, first = np.unique(block.nodes[block.own], return_index=True)
    return nodes, block.labels[block.own][first]


def _labelled(run: str, path: str, labels: Ints, values: Ints, partitions: int) -> Made:
    records = np.empty(len(labels), LABELLED)
    records["key"], records["row"] = labels, values
    made, slices = write_keys(run, path, records, partitions, spread=True)
    return Made([made], {"labels": len(labels)}, {"slices": [raw(s) for s in slices]})


def read_labelled(run: str, slices: Sequence[Slice]) -> tuple[Ints, Ints]:
    """Labels, and what was written of each."""
    records = np.concatenate([read_keys(run, s, LABELLED) for s in slices])
    return records["key"].astype(np.int64), records["row"].astype(np.int64)


def _sizes_task(stage: str, partition: int | str, slices: Sequence[Slice], partitions: int) -> Task:
    key = digest_of("sizes", VERSION, _said(slices), partitions)
    spec = (f"{FOLDER}/{stage}/{partition:05d}.keys", tuple(slices), partitions)
    return Task(stage, f"partition-{partition:05d}", key, write_sizes, spec)


def write_sizes(run: str, spec: tuple[str, tuple[Slice, ...], int]) -> Made:
    path, slices, partitions = spec
    labels, sizes = np.unique(_distinct(run, slices)[1], return_counts=True)
    return _labelled(run, path, labels, sizes, partitions)


def _large_task(partition: int | str, slices: Sequence[Slice], *, stage: str, most: int) -> Task:
    key = digest_of("large", VERSION, _said(slices), most)
    spec = (f"{FOLDER}/{stage}/{partition:05d}.keys", tuple(slices), most)
    return Task(stage, f"partition-{partition:05d}", key, write_large, spec)


def write_large(run: str, spec: tuple[str, tuple[Slice, ...], int]) -> Made:
    """Labels of more than ``most`` documents."""
    path, slices, most = spec
    labels, which = np.unique((found := read_labelled(run, slices))[0], return_inverse=True)
    sizes = np.bincount(which, weights=found[1]).astype(np.int64)
    return _labelled(run, path, labels[sizes > most], sizes[sizes > most], 1)


def _labels_task(
    stage: str, level: int, partition: int | str, slices: Sequence[Slice], large: Sequence[Slice], partitions: int
) -> Task:
    name = f"{level}-{partition:05d}"
    key = digest_of("labels", VERSION, _said(slices), _said(large), partitions)
    spec = (f"{FOLDER}/{stage}/{name}.keys", tuple(slices), tuple(large), partitions)
    return Task(stage, name, key, write_labels, spec)


def write_labels(run: str, spec: tuple[str, tuple[Slice, ...], tuple[Slice, ...], int]) -> Made:
    """Documents of a partition with their labels, without those of components that are divided."""
    path, slices, large, partitions = spec
    nodes, labels = _distinct(run, slices)
    if large:
        whole = ~np.isin(labels, read_labelled(run, large)[0])
        nodes, labels = nodes[whole], labels[whole]
    return _labelled(run, path, labels, nodes, partitions)
