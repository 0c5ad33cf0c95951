"""The conductor: turns lists of tasks into Beam jobs, skips what is done, keeps the run folder free of leftovers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from typing import Any

from manifests import receipts, storage
from manifests.receipts import Receipt
from pipelines import merging
from pipelines.engines.memory import give_back
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
        with _Stage(self, stage, tasks) as entered:
            if on_driver and self.engine.remote:
                for failure in entered.do_here():
                    record_failure(self.run, failure)
            elif entered.pending:
                from pipelines import graph

                with entered.watched():
                    self._submit(stage, entered.pending, graph.map_job(self.run, entered.pending, self.engine.execute))
            return self._complete(stage, tasks, entered.done, tolerate)

    def exchange(
        self, stage: str, tasks: Sequence[Task], consumer: Consumer, *, into: str, keep: Iterable[str] = ()
    ) -> list[Receipt]:
        """One Beam job: tasks write packed keys, references to them are grouped, ``consumer`` makes a task of a group.

        Of very many tasks, the key files are first merged: three jobs.
        Returns the receipts of the consuming stage ``into``. Those named in ``keep`` are left from earlier exchanges.
        """
        merged = f"{stage}-merged"
        if len(tasks) > merging.FILES:
            tasks = merging.tasks(stage, self.map(stage, tasks))
            stage = merged
        else:
            self._prune(merged, [])
        producing = _Stage(self, stage, tasks)
        consumers = consuming(self.run, consumer, list(producing.done.values())) if not producing.pending else []
        consumed = self._look(into, consumers)
        if not producing.pending and len(consumed.done) == len(consumers):
            self._prune(stage, tasks, names=producing.names)
            self._note(stage, len(tasks), 0, 0.0)
        else:
            with producing:
                from pipelines import graph

                job = graph.exchange_job(self.run, stage, tasks, consumer, self.engine.execute)
                forget_failures(self.run, into)
                with producing.watched():
                    self._submit(stage, tasks, job, exchange=True)
                consumers = consuming(self.run, consumer, self._complete(stage, tasks, producing.done, 0))
            consumed = self._look(into, consumers)
        found = self._complete(into, consumers, consumed.done, 0)
        self._prune(into, consumers, keep, names=consumed.names)
        return found

    def write(self, stage: str, tasks: Sequence[Task]) -> list[Receipt]:
        """The receipts of the files that tasks write for the next stage: merged ones, where there are very many."""
        written = self.map(stage, tasks)
        if len(tasks) <= merging.FILES:
            return written
        return self.map(f"{stage}-merged", merging.tasks(stage, written))

    def here(self, stage: str, task: Task) -> Receipt:
        """A task done by the driver itself."""
        with _Stage(self, stage, [task]) as entered:
            if failures := entered.do_here():
                raise RunFailed(f"{stage}: {failures[0].message}")
            return entered.done[task.name]

    def forget(self, *patterns: str) -> None:
        """Deletes what stages that the recipe has no more left behind."""
        for stage in receipts.stages(self.run):
            if any(fnmatch(stage, pattern) for pattern in patterns) and receipts.tasks(self.run, stage):
                self._prune(stage, [])
                self._forgot = True

    def receipts(self, tasks: Sequence[Task]) -> list[Receipt]:
        """The receipts of tasks that are done."""
        done = self._look(tasks[0].stage, tasks).done if tasks else {}
        return [done[t.name] for t in tasks if t.name in done]

    def key_files(self, stage: str, tasks: Sequence[Task]) -> list[Receipt]:
        """The receipts of the files that an exchange of these tasks consumed: merged ones where there are very many."""
        written = self.receipts(tasks)
        return self.receipts(merging.tasks(stage, written)) if len(tasks) > merging.FILES else written

    def _look(self, stage: str, tasks: Sequence[Task]) -> _Found:
        """What is there of a stage, whose tasks may be of earlier stages, too.

        Receipts are listed before they are read: of a fresh stage, none is.
        """

        def read(task: Task) -> tuple[Task, Receipt | None, bool]:
            found = receipts.read(self.run, task.stage, task.name)
            return task, found, receipts.valid(self.run, found, task.key)

        there = {s: set(receipts.tasks(self.run, s)) for s in {stage, *(t.stage for t in tasks)}}
        told = [t for t in tasks if t.name in there[t.stage]]
        found = storage.at_once(read, told, remote=not storage.is_local(self.run))
        done = {task.name: receipt for task, receipt, is_valid in found if receipt is not None and is_valid}
        return _Found(
            sorted(there[stage]), [(task, receipt) for task, receipt, is_valid in found if not is_valid], done
        )

    def _submit(
        self, stage: str, tasks: Sequence[Task], build: Callable[[Any], None], *, exchange: bool = False
    ) -> None:
        name = job_name(self.run, stage, [t.key for t in tasks])
        self.counters[stage] = dict(self.engine.run(Job(self.run, name, len(tasks), build, exchange)))

    def _complete(self, stage: str, tasks: Sequence[Task], done: Mapping[str, Receipt], tolerate: int) -> list[Receipt]:
        """The receipts in the order of the tasks. RunFailed when more than ``tolerate`` are missing, and why."""
        missing = [t for t in tasks if t.name not in done]
        if missing:
            said = {f.task: f.message for f in read_failures(self.run, stage)}
            failures = [Failure(stage, t.name, said.get(t.name) or why_unrecorded(self.run)) for t in missing]
            self.failures += failures
            if len(failures) > tolerate:
                shown = "; ".join(f"{f.task}: {f.message}" for f in failures[:_SHOWN_FAILURES])
                more = f" (and {len(failures) - _SHOWN_FAILURES} more)" if len(failures) > _SHOWN_FAILURES else ""
                raise RunFailed(f"{stage}: {len(failures)} of {len(tasks)} tasks failed: {shown}{more}")
        return [done[t.name] for t in tasks if t.name in done]

    def _prune(
        self, stage: str, tasks: Sequence[Task], keep: Iterable[str] = (), *, names: Sequence[str] | None = None
    ) -> None:
        """Deletes what earlier recipes or inputs left behind in this stage; ``names``: its receipts, if known."""
        current = {t.name for t in tasks} | set(keep)
        stale = [n for n in (receipts.tasks(self.run, stage) if names is None else names) if n not in current]
        if not stale:
            return
        kept = {o.path for n in current if (r := receipts.read(self.run, stage, n)) is not None for o in r.outputs}
        for name in stale:
            _forget(self.run, stage, name, receipts.read(self.run, stage, name), kept)

    def _note(self, stage: str, tasks: int, ran: int, seconds: float) -> None:
        self.times.append(StageTime(stage, tasks, ran, round(seconds, 2)))


@dataclass(frozen=True)
class _Found:
    """What is there of a stage: names of its receipts; of the tasks asked for, those that are done, and others left."""

    names: list[str]
    left: list[tuple[Task, Receipt | None]]  #: None for one that cannot be read
    done: dict[str, Receipt]


class _Stage:
    """A stage being done: finds the pending tasks, shows progress while they run, and prunes afterwards."""

    def __init__(self, conductor: Conductor, stage: str, tasks: Sequence[Task]) -> None:
        self.conductor, self.stage, self.tasks = conductor, stage, tasks
        names = [t.name for t in tasks]
        if len(set(names)) < len(names):
            raise ValueError(f"{stage}: two inputs make the same part: name every file once")
        found = conductor._look(stage, tasks)
        self.names, self._left, self.done = found.names, found.left, found.done
        self.pending = [t for t in tasks if t.name not in self.done]

    def __enter__(self) -> _Stage:
        run = self.conductor.run
        self.conductor.held()
        forget_failures(run, self.stage)
        for task, receipt in self._left:
            _forget(run, task.stage, task.name, receipt)
        self.started = time.monotonic()
        self._waiting = {t.name: t for t in self.pending}
        self.conductor.listener.start(self.stage, len(self.tasks), len(self.done))
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        seconds = time.monotonic() - self.started
        self.conductor.listener.finish(self.stage, seconds, failed=kind is not None)
        self.conductor.held()
        if kind is None:
            self.conductor._prune(self.stage, self.tasks, names=self.names)
            self.conductor._note(self.stage, len(self.tasks), len(self.pending), seconds)

    def do_here(self) -> list[Failure]:
        """Does the pending tasks in this process, one after another; returns what failed."""
        failures = []
        for task in self.pending:
            made = execute(self.conductor.run, task)
            give_back()
            if isinstance(made, Failure):
                failures.append(made)
            else:
                self._saw(made)
        return failures

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Shows what becomes done in the block, and knows all of it at its end."""
        stop = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(stop,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
        self._see()

    def _watch(self, stop: threading.Event) -> None:
        while True:
            looked = time.monotonic()
            if stop.wait(_POLL_SECONDS):
                return
            with suppress(storage.StorageError):  # progress can wait for the store
                self._see()
            stop.wait((time.monotonic() - looked) / _POLL_SHARE)

    def _see(self) -> None:
        """Progress comes from receipts, so that it is the same on every engine."""
        run = self.conductor.run
        if not self._waiting:
            return
        there = {(s, name) for s in {t.stage for t in self._waiting.values()} for name in receipts.tasks(run, s)}
        fresh = [t for t in self._waiting.values() if (t.stage, t.name) in there]
        found = storage.at_once(lambda t: receipts.read(run, t.stage, t.name), fresh, remote=not storage.is_local(run))
        for task, receipt in zip(fresh, found, strict=True):
            if receipt is not None and receipt.key == task.key:
                self._saw(receipt)

    def _saw(self, receipt: Receipt) -> None:
        self.done[receipt.task] = receipt
        del self._waiting[receipt.task]
        self.conductor.listener.advance(self.stage, receipt)


def _forget(run: str, stage: str, task: str, receipt: Receipt | None, kept: Container[str] = ()) -> None:
    """Deletes a receipt and what it names, but for the paths that are ``kept``."""
    remove_outputs(run, receipt, kept)
    storage.remove(receipts.path_of(run, stage, task))
