"""Tasks: the unit of work, resume and retry. Small and picklable; what they read and write are files of the run."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from manifests import receipts, storage
from manifests.receipts import Output, Receipt

ATTEMPTS = 2


@dataclass(frozen=True)
class Made:
    """What a task's work returns: the files it wrote, counts for people, data for the next stage."""

    outputs: Sequence[Output] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


Work = Callable[[str, Any], Made]


@dataclass(frozen=True)
class Task:
    """``work(run, spec)`` makes outputs that depend on nothing but ``key``. May run twice without harm."""

    stage: str
    name: str
    key: str
    work: Work
    spec: Any


@dataclass(frozen=True)
class Failure:
    stage: str
    task: str
    message: str


def execute(run: str, task: Task) -> Receipt | Failure:
    """Does the task unless a valid receipt says it is done. Errors are values, so that one bad file stops nothing."""
    try:
        done = receipts.read(run, task.stage, task.name)
        is_done = receipts.valid(run, done, task.key)
    except OSError as error:
        return Failure(task.stage, task.name, one_line(error))
    if is_done:
        assert done is not None
        return done
    for attempt in range(1, ATTEMPTS + 1):
        started, busy = time.monotonic(), time.process_time()
        try:
            made = task.work(run, task.spec)
            receipt = Receipt(
                stage=task.stage,
                task=task.name,
                key=task.key,
                outputs=tuple(made.outputs),
                counts=dict(made.counts),
                data=dict(made.data),
                seconds=round(time.monotonic() - started, 3),
                cpu_seconds=round(time.process_time() - busy, 3),
            )
            receipts.write(run, receipt)
            remove_outputs(run, done, {o.path for o in receipt.outputs})
            return receipt
        except ValueError as error:  # the input's or the user's fault: trying again changes nothing
            return Failure(task.stage, task.name, one_line(error))
        except Exception as error:
            if attempt == ATTEMPTS or disk_is_full(error):
                return Failure(task.stage, task.name, one_line(error))
    raise AssertionError("unreachable")


def remove_outputs(run: str, receipt: Receipt | None, kept: Container[str] = ()) -> None:
    """Deletes what an earlier execution wrote, but for the paths that are ``kept``."""
    for output in receipt.outputs if receipt else ():
        if output.path not in kept:
            storage.remove(storage.join(run, output.path))


def one_line(error: BaseException) -> str:
    if disk_is_full(error):
        return "disk full: free some space and run again to resume"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"


def disk_is_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def record_failure(run: str, failure: Failure) -> None:
    """Leaves the failure where the driver finds it, on any engine; on a full disk, or without the store, it cannot."""
    path = storage.join(run, "failures", failure.stage, f"{failure.task}.json")
    with suppress(OSError):
        storage.write_bytes(path, json.dumps({"message": failure.message}).encode())


def forget_failures(run: str, stage: str) -> None:
    for path in storage.list_files(storage.join(run, "failures", stage), "*.json"):
        storage.remove(path)


def why_unrecorded(run: str) -> str:
    """Why a task may have left neither receipt nor failure."""
    probe = storage.join(run, "failures", "probe")
    try:
        storage.write_bytes(probe, b"\0" * 65_536)
        storage.remove(probe)
    except OSError as error:
        return one_line(error)
    return "no receipt was written"


def read_failures(run: str, stage: str) -> list[Failure]:
    found = []
    for path in storage.list_files(storage.join(run, "failures", stage), "*.json"):
        name = path.rsplit("/", 1)[-1].removesuffix(".json")
        found.append(Failure(stage, name, json.loads(storage.read_bytes(path))["message"]))
    return found
