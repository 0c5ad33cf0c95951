"""What every engine is: it takes Beam jobs, one at a time, and says how a worker does a task."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from manifests.receipts import Receipt, digest_of
from pipelines.task import Failure, Task

if TYPE_CHECKING:
    import apache_beam as beam

#: done by a worker: importable there by name
Execute = Callable[[str, Task], Receipt | Failure]
Counters = Mapping[str, int]

_NAME_LENGTH = 40


@dataclass(frozen=True)
class Job:
    """A Beam pipeline with a name that tells it again: a restarted driver gives the same work the same name."""

    run: str
    name: str
    tasks: int
    build: Callable[[beam.Pipeline], None]
    exchange: bool = False  #: groups what its tasks wrote: how many tasks that makes is not known beforehand


@dataclass(frozen=True)
class Translation:
    """A job as a remote engine would get it: ``pipeline`` is Beam's proto, ``description`` JSON for people."""

    pipeline: bytes
    description: str


class Engine(Protocol):
    """Runs Beam jobs to their end. A context manager: entering checks what can be checked before any work."""

    workers: int

    @property
    def remote(self) -> bool:
        """Whether workers may see none of this machine's files."""
        ...

    @property
    def execute(self) -> Execute:
        """What a worker calls for each task."""
        ...

    def run(self, job: Job) -> Counters:
        """Returns the job's counters. Raises RunFailed when the engine itself gives up."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


@runtime_checkable
class Translates(Engine, Protocol):
    """An engine that can also write a job down instead of running it."""

    def translate(self, job: Job) -> Translation: ...


def job_name(run: str, stage: str, keys: Sequence[str]) -> str:
    """Lower-case letters, digits and hyphens, as Dataflow wants; equal for equal run, stage and keys."""
    folder = re.sub(r"[^a-z0-9]+", "-", run.rstrip("/").rsplit("/", 1)[-1].lower()).strip("-")
    readable = f"cuvee-{folder}-{stage}"[:_NAME_LENGTH].rstrip("-")
    return f"{readable}-{digest_of(run, stage, list(keys))[:12]}"
