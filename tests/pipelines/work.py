"""Small real tasks for the tests of the engine: importable by worker processes."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from manifests import storage
from manifests.receipts import digest_of, output
from pipelines.exchange import gather, raw, read_keys, write_keys
from pipelines.slices import Slice
from pipelines.task import Made, Task

RECORD = np.dtype([("key", "<u8"), ("row", "<u4")])


def write_number(run: str, n: int) -> Made:
    storage.write_bytes(storage.join(run, f"numbers/{n}.txt"), str(n).encode())
    with open(Path(run) / "log", "a") as log:
        log.write(f"{n}\n")
    return Made([output(run, f"numbers/{n}.txt")], {"documents": 1})


def fail_on_three(run: str, n: int) -> Made:
    if n == 3:
        raise ValueError("three is not allowed")
    return write_number(run, n)


def fill_disk(run: str, n: int) -> Made:
    raise OSError(errno.ENOSPC, "No space left on device")


def kill_own_process(run: str, n: int) -> Made:
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return write_number(run, n)


def numbered(stage: str, work: object, count: int, version: int = 1) -> list[Task]:
    return [Task(stage, f"t{n}", digest_of(n, version), work, n) for n in range(count)]  # type: ignore[arg-type]


def write_multiples(run: str, n: int) -> Made:
    keys = np.arange(0, 1000, n + 1, dtype=np.uint64) << np.uint64(32)
    records = np.empty(len(keys), RECORD)
    records["key"], records["row"] = keys, n
    made, slices = write_keys(run, f"exchange/{n}.keys", records, 4)
    return Made([made], {}, {"slices": [raw(s) for s in slices]})


def sum_of_partition(partition: int | str, slices: Sequence[Slice]) -> Task:
    return Task("sums", f"p{partition}", digest_of([s.digest for s in slices]), write_sum, (partition, tuple(slices)))


def write_sum(run: str, spec: tuple[int, tuple[Slice, ...]]) -> Made:
    partition, slices = spec
    total = sum(int((read_keys(run, s, RECORD)["key"] >> np.uint64(32)).sum()) for s in slices)
    storage.write_bytes(storage.join(run, f"sums/{partition}.txt"), str(total).encode())
    return Made([output(run, f"sums/{partition}.txt")])


def files_of_partition(partition: int | str, slices: Sequence[Slice], *, stage: str) -> Task:
    return Task(stage, f"p{partition}", digest_of([s.digest for s in slices]), write_files, (stage, partition, slices))


def write_files(run: str, spec: tuple[str, int, Sequence[Slice]]) -> Made:
    """Every record of a partition, with the file it is from."""
    stage, partition, slices = spec
    found = gather(run, slices, RECORD)
    lines = [f"{found.files[i]} {key:x} {row}" for i, (key, row) in zip(found.which, found.records, strict=True)]
    storage.write_bytes(storage.join(run, f"{stage}/{partition}.txt"), "\n".join(lines).encode())
    return Made([output(run, f"{stage}/{partition}.txt")])
