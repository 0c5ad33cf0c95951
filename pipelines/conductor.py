"""The conductor: turns lists of tasks into Beam jobs, skips what is done, keeps the run folder free of leftovers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from typing import Any

from manifests import receipts, storage
from manifests.receipts import Receipt
from pipelines import merging
from pipelines.engines.protocol import Counters, Engine, Job, job_name
from pipelines.errors import RunFailed
from pipelines.slices import Consumer, consuming
from pipelines.task import (
    Failure,
    Task,
    execute,
    forget_failures,
    read_failures,
    record_failure,
    remove_outputs,
    why_unrecorded,
)
from pipelines.telemetry import Listener

_POLL_SECONDS = 0.2
#: looking at an object store takes a while; it is looked at no more than this share of the time
_POLL_SHARE = 0.05
_SHOWN_FAILURES = 5


@dataclass
class StageTime:
    stage: str
    tasks: int
    ran: int
    seconds: float


class Conductor:
    """Runs stages one after another on an engine; ``times`` tells what each took."""

    def __init__(self, run: str, engine: Engine, listener: Listener, held: Callable[[], None] = lambda: None) -> None:
        """``held`` raises when the run folder is held no more; asked before and after each stage."""
        self.run = run
        self.held = held
        self.engine = engine
        self.listener = listener
        self.times: list[StageTime] = []
        self.counters: dict[str, Counters] = {}  #: of the Beam job of each stage that ran
        self.failures: list[Failure] = []
        self._forgot = False

    @property
    def worked(self) -> bool:
        return self._forgot or any(t.ran for t in self.times)

    def described(self) -> list[dict[str, Any]]:
        """The stages so far, for ``run.json``."""
        return [
            {**asdict(t), "job": t.stage in self.counters, "counters": self.counters.get(t.stage, {})}
            for t in self.times
        ]

    def map(self, stage: str, tasks: Sequence[Task], *, tolerate: int = 0, on_driver: bool = False) -> list[Receipt]:
        """One Beam job over independent tasks; receipts in the order of the tasks. At most ``tolerate`` may fail.

        ``on_driver``: tasks that read what this machine has are done on it, whatever the engine.
        """
        with self._stage(stage, tasks) as pending:
            if on_driver and self.engine.remote:
                for task in pending:
                    if isinstance(done := execute(self.run, task), Failure):
                        record_failure(self.run, done)
            elif pending:
                from pipelines import graph

                self._submit(stage, pending, graph.map_job(self.run, pending, self.engine.execute))
            return self._collect(stage, tasks, tolerate)

    def exchange(
        self, stage: str, tasks: Sequence[Task], consumer: Consumer, *, into: str, keep: Iterable[str] = ()
    ) -> list[Receipt]:
        """One Beam job: tasks write packed keys, references to them are grouped, ``consumer`` makes a task of a group.

        Of very many tasks, the key files are first merged: three jobs.
        Returns the receipts of the consuming stage ``into``. Those named in ``keep`` are left from earlier exchanges.
        """
        keep = list(keep)
        merged = f"{stage}-merged"
        if len(tasks) > merging.FILES:
            tasks = merging.tasks(stage, self.map(stage, tasks))
            stage = merged
        else:
            self._prune(merged, [])
        produced = self._done(tasks)
        complete = all(produced)
        consumers = consuming(consumer, [r for r in produced if r]) if complete else []
        if complete and all(self._done(consumers)):
            self._prune(stage, tasks)
            self._note(stage, len(tasks), 0, 0.0)
        else:
            with self._stage(stage, tasks):
                from pipelines import graph

                job = graph.exchange_job(self.run, stage, tasks, consumer, self.engine.execute)
                self._submit(stage, tasks, job, exchange=True)
                made = self._collect(stage, tasks, 0)
            consumers = consuming(consumer, made)
        found = self._collect(into, consumers, 0)
        self._prune(into, consumers, keep)
        return found

    def here(self, stage: str, task: Task) -> Receipt:
        """A task done by the driver itself."""
        with self._stage(stage, [task]) as pending:
            for t in pending:
                done = execute(self.run, t)
                if isinstance(done, Failure):
                    raise RunFailed(f"{stage}: {done.message}")
            return self._collect(stage, [task], 0)[0]

    def forget(self, *patterns: str) -> None:
        """Deletes what stages that the recipe has no more left behind."""
        for stage in receipts.stages(self.run):
            if any(fnmatch(stage, pattern) for pattern in patterns) and receipts.tasks(self.run, stage):
                self._prune(stage, [])
                self._forgot = True

    def receipts(self, tasks: Sequence[Task]) -> list[Receipt]:
        """The receipts of tasks that are done."""
        return [r for r in self._done(tasks) if r is not None]

    def _done(self, tasks: Sequence[Task]) -> list[Receipt | None]:
        """The valid receipt of each task, or None."""

        def valid(task: Task) -> Receipt | None:
            found = receipts.read(self.run, task.stage, task.name)
            return found if receipts.valid(self.run, found, task.key) else None

        return storage.at_once(valid, tasks, remote=not storage.is_local(self.run))

    def _submit(
        self, stage: str, tasks: Sequence[Task], build: Callable[[Any], None], *, exchange: bool = False
    ) -> None:
        name = job_name(self.run, stage, [t.key for t in tasks])
        self.counters[stage] = dict(self.engine.run(Job(self.run, name, len(tasks), build, exchange)))

    def _stage(self, stage: str, tasks: Sequence[Task]) -> _StageContext:
        return _StageContext(self, stage, tasks)

    def _collect(self, stage: str, tasks: Sequence[Task], tolerate: int) -> list[Receipt]:
        found = self._done(tasks)
        missing = [t for t, r in zip(tasks, found, strict=True) if r is None]
        if missing:
            said = {f.task: f.message for f in read_failures(self.run, stage)}
            failures = [Failure(stage, t.name, said.get(t.name) or why_unrecorded(self.run)) for t in missing]
            self.failures += failures
            if len(failures) > tolerate:
                shown = "; ".join(f"{f.task}: {f.message}" for f in failures[:_SHOWN_FAILURES])
                more = f" (and {len(failures) - _SHOWN_FAILURES} more)" if len(failures) > _SHOWN_FAILURES else ""
                raise RunFailed(f"{stage}: {len(failures)} of {len(tasks)} tasks failed: {shown}{more}")
        return [r for r in found if r is not None]

    def _prune(self, stage: str, tasks: Sequence[Task], keep: Iterable[str] = ()) -> None:
        """Deletes what earlier recipes or inputs left behind in this stage."""
        current = {t.name for t in tasks} | set(keep)
        stale = [n for n in receipts.tasks(self.run, stage) if n not in current]
        if not stale:
            return
        kept = {o.path for n in current if (r := receipts.read(self.run, stage, n)) is not None for o in r.outputs}
        for name in stale:
            if receipt := receipts.read(self.run, stage, name):
                for output in receipt.outputs:
                    if output.path not in kept:
                        storage.remove(storage.join(self.run, output.path))
            storage.remove(receipts.path_of(self.run, stage, name))

    def _note(self, stage: str, tasks: int, ran: int, seconds: float) -> None:
        self.times.append(StageTime(stage, tasks, ran, round(seconds, 2)))


class _StageContext:
    """Finds the pending tasks, shows progress while they run, and prunes afterwards."""

    def __init__(self, conductor: Conductor, stage: str, tasks: Sequence[Task]) -> None:
        self.conductor, self.stage, self.tasks = conductor, stage, tasks

    def __enter__(self) -> list[Task]:
        run = self.conductor.run
        self.conductor.held()
        names = [t.name for t in self.tasks]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.stage}: two inputs make the same part: name every file once")
        done = self.conductor._done(self.tasks)
        self.pending = [t for t, receipt in zip(self.tasks, done, strict=True) if receipt is None]
        forget_failures(run, self.stage)
        for task in self.pending:
            remove_outputs(run, receipts.read(run, task.stage, task.name))
            storage.remove(receipts.path_of(run, task.stage, task.name))
        self.started = time.monotonic()
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.conductor.listener.start(self.stage, len(self.tasks), len(self.tasks) - len(self.pending))
        self._watcher.start()
        return self.pending

    def __exit__(self, kind: object, *_: object) -> None:
        self._stop.set()
        self._watcher.join()
        seconds = time.monotonic() - self.started
        self.conductor.listener.finish(self.stage, seconds, failed=kind is not None)
        self.conductor.held()
        if kind is None:
            self.conductor._prune(self.stage, self.tasks)
            self.conductor._note(self.stage, len(self.tasks), len(self.pending), seconds)

    def _watch(self) -> None:
        waiting = {t.name for t in self.pending}
        while not self._stop.is_set():
            looked = time.monotonic()
            with suppress(storage.StorageError):  # progress can wait for the store
                self._see(waiting)
            self._stop.wait(max(_POLL_SECONDS, (time.monotonic() - looked) / _POLL_SHARE))
        with suppress(storage.StorageError):
            self._see(waiting)

    def _see(self, waiting: set[str]) -> None:
        """Progress comes from receipts, so that it is the same on every engine."""
        if not waiting:
            return
        run = self.conductor.run
        for name in waiting.intersection(receipts.tasks(run, self.stage)):
            if receipt := receipts.read(run, self.stage, name):
                waiting.discard(name)
                self.conductor.listener.advance(self.stage, receipt)
