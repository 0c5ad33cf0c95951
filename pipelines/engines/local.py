"""The local engine: all cores of this machine, by Beam's FnApiRunner.

It is named explicitly because ``DirectRunner`` may download and use another. Its worker threads hand tasks to a pool
of processes that outlives the jobs: Python code runs on all cores, imports and compiled kernels stay warm between jobs,
and a killed worker ends the run with a message instead of hanging it.
"""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import Any

from manifests.receipts import Receipt
from pipelines.engines.memory import give_back
from pipelines.engines.protocol import Counters, Execute, Job
from pipelines.environment import WORKERS
from pipelines.errors import RunFailed
from pipelines.task import Failure, Task, execute

#: more bundles than processes, because the runner cuts each stage into bundles once and never rebalances
_BUNDLES_PER_WORKER = 4
_SECONDS = 10.0  #: in which the pool's own thread ends once its processes have


WORKER_DIED = "a worker process died (killed, or out of memory); finished parts are kept: run again to resume"

_pool: ProcessPoolExecutor | None = None
_broken = threading.Event()


class LocalEngine:
    """All cores of this machine. Use as a context manager: the pool ends with it."""

    def __init__(self, workers: int = 0, ahead: Callable[[], object] | None = None) -> None:
        """``ahead`` is done by every worker beside its first tasks: what would make later ones wait."""
        self.workers = workers or os.cpu_count() or 1
        self._ahead = ahead
        self._outer: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalEngine:
        global _pool
        self._outer = _pool
        _broken.clear()
        with _environment(WORKERS):
            context = multiprocessing.get_context("spawn")
            _pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_start, initargs=(self._ahead,))
            for future in [_pool.submit(os.getpid) for _ in range(self.workers)]:
                future.result()  # start the processes while the environment is set
        return self

    def __exit__(self, *_: object) -> None:
        global _pool
        if _pool is not None:
            processes, manager = list((_pool._processes or {}).values()), _pool._executor_manager_thread
            _pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()
            for process in processes:
                process.join()
            if manager is not None:  # else it may close its pipe while Python, at its own end, writes to it
                manager.join(_SECONDS)  # type: ignore[attr-defined]  # typeshed says another class
        _pool = self._outer

    @property
    def remote(self) -> bool:
        return False

    @property
    def execute(self) -> Execute:
        return in_pool

    def run(self, job: Job) -> Counters:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions

        from pipelines.graph import counted

        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        bundles = _BUNDLES_PER_WORKER * self.workers  # each costs tens of milliseconds a job, with or without a task
        options = PipelineOptions(
            [
                "--runner=FnApiRunner",
                "--direct_running_mode=multi_threading",
                f"--direct_num_workers={bundles if job.exchange else min(bundles, job.tasks)}",
            ]
        )
        try:
            with beam.Pipeline(options=options) as pipeline:
                job.build(pipeline)
        except Exception as error:
            raise RunFailed(last_line(error)) from error
        if _broken.is_set():
            raise RunFailed(WORKER_DIED)
        return counted(pipeline.result.metrics())


def in_pool(run: str, task: Task) -> Receipt | Failure:
    """Executes a task in the pool of this process."""
    assert _pool is not None
    try:
        return _pool.submit(_task, run, task).result()
    except BrokenProcessPool:
        _broken.set()
        return Failure(task.stage, task.name, WORKER_DIED)


def _task(run: str, task: Task) -> Receipt | Failure:
    done = execute(run, task)
    give_back()
    return done


def last_line(error: BaseException) -> str:
    """The innermost line of an error that crossed Beam as text."""
    lines = [line for line in str(error).splitlines() if line.strip() and "[while running" not in line]
    return lines[-1].strip() if lines else type(error).__name__


def _start(ahead: Callable[[], object] | None) -> None:
    _follow_parent()
    if ahead is not None:
        threading.Thread(target=_unless_it_fails, args=(ahead,), daemon=True).start()


def _unless_it_fails(ahead: Callable[[], object]) -> None:
    with suppress(Exception):  # who needs it will meet the error, and tell it better
        ahead()


def _follow_parent() -> None:
    """Worker processes end with their driver, however it ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch(sentinel: Any = parent.sentinel) -> None:
        multiprocessing.connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {k: os.environ.get(k) for k in values}
    os.environ.update({k: v for k, v in values.items() if before[k] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
