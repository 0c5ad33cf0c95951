"""Receipts: what a task made, from what. They carry resume, progress and lineage, on every engine alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from manifests import storage


@dataclass(frozen=True)
class Output:
    """A file a task wrote; ``path`` is relative to the run folder."""

    path: str
    digest: str
    bytes: int
    rows: int = 0


@dataclass(frozen=True)
class Receipt:
    """Proof that a task is done. ``key`` digests everything the outputs depend on; ``data`` is for the next stage."""

    stage: str
    task: str
    key: str
    outputs: tuple[Output, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0  #: of the process that did the task

    @property
    def digest(self) -> str:
        """Of what was made, whatever made it: equal outputs stop invalidation."""
        return digest_of([(o.path, o.digest) for o in self.outputs], dict(self.data))


def digest_of(*values: Any) -> str:
    """blake2b-128 of JSON-able values, hex; equal values give equal digests whatever the order of their keys."""
    return storage.digest_bytes(json.dumps(values, sort_keys=True, separators=(",", ":")).encode())


def path_of(run: str, stage: str, task: str) -> str:
    return storage.join(run, "receipts", stage, f"{task}.json")


def write(run: str, receipt: Receipt) -> None:
    data = json.dumps(asdict(receipt), indent=1, sort_keys=True).encode()
    storage.write_bytes(path_of(run, receipt.stage, receipt.task), data)


def read(run: str, stage: str, task: str) -> Receipt | None:
    """None when there is none, or it is unreadable (then the task is simply done again)."""
    try:
        raw = json.loads(storage.read_bytes(path_of(run, stage, task)))
        return Receipt(**{**raw, "outputs": tuple(Output(**o) for o in raw["outputs"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def valid(run: str, receipt: Receipt | None, key: str) -> bool:
    """Whether the task need not run: same key, and every output is there at its full size."""
    if receipt is None or receipt.key != key:
        return False
    for output in receipt.outputs:
        found = storage.stat(storage.join(run, output.path))
        if found is None or found.size != output.bytes:
            return False
    return True


def output(run: str, path: str, rows: int = 0) -> Output:
    """Describes a file just written. FileNotFoundError when it is not there."""
    uri = storage.join(run, path)
    found = storage.stat(uri)
    if found is None:
        raise FileNotFoundError(uri)
    return Output(path=path, digest=found.digest or storage.digest(uri), bytes=found.size, rows=rows)


def stages(run: str) -> list[str]:
    """Names of the stages that have or had receipts, sorted."""
    return storage.list_folders(storage.join(run, "receipts"))


def tasks(run: str, stage: str) -> list[str]:
    """Names of the tasks of a stage that have receipts."""
    found = storage.list_files(storage.join(run, "receipts", stage), "*.json")
    return [f.rsplit("/", 1)[-1].removesuffix(".json") for f in found]
