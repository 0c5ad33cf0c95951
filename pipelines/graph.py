"""The two Beam graphs there are: tasks to do, and an exchange of references between tasks.

Imported only when a job is built, since importing Beam takes seconds. Everything a worker needs is named at module
level, so that it is pickled by reference and the worker's own code is what runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import apache_beam as beam
from apache_beam.metrics import Metrics

from manifests.receipts import Receipt
from pipelines.engines.protocol import Execute
from pipelines.slices import Consumer, Slice, ordered, slices_of
from pipelines.task import Task, read_failures, record_failure

#: namespace of the counters ``tasks``, ``failures``, ``documents``, ``rejects`` and ``bytes``
COUNTERS = "cuvee"


class ExecuteTasks(beam.DoFn):  # type: ignore[misc]
    """Executes tasks. Failures are recorded, not raised: one bad file stops nothing.

    ``unless_failed``: nothing is done when a task of that stage failed, since the input would not be whole.
    """

    def __init__(self, run: str, execute: Execute, *, unless_failed: str = "") -> None:
        self.run, self.execute, self.unless_failed = run, execute, unless_failed
        names = ("tasks", "failures", "documents", "rejects", "bytes")
        self.counters = {name: Metrics.counter(COUNTERS, name) for name in names}

    def start_bundle(self) -> None:
        # asked once a bundle: what the tasks before failed at is known before the first group is
        self.halted = bool(self.unless_failed and read_failures(self.run, self.unless_failed))

    def process(self, task: Task) -> Iterator[Receipt]:
        if self.halted:
            return
        done = self.execute(self.run, task)
        if isinstance(done, Receipt):
            self.counters["tasks"].inc()
            self.counters["bytes"].inc(sum(o.bytes for o in done.outputs))
            for name in ("documents", "rejects"):
                self.counters[name].inc(int(done.counts.get(name, 0)))
            yield done
        else:
            self.counters["failures"].inc()
            record_failure(self.run, done)


def map_job(run: str, tasks: Sequence[Task], execute: Execute) -> Callable[[beam.Pipeline], None]:
    """Independent tasks."""

    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | "Tasks" >> beam.Create(list(tasks)) | "Execute" >> beam.ParDo(ExecuteTasks(run, execute))

    return build


def exchange_job(
    run: str, stage: str, tasks: Sequence[Task], consumer: Consumer, execute: Execute
) -> Callable[[beam.Pipeline], None]:
    """Tasks that write packed keys; references to them, grouped by partition; a task of ``consumer`` for each group."""

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Tasks" >> beam.Create(list(tasks))
            | "WriteKeys" >> beam.ParDo(ExecuteTasks(run, execute))
            | "References" >> beam.FlatMap(_references, run)
            | "Group" >> beam.GroupByKey()
            | "Consume" >> beam.Map(_consume, consumer)
            | "Execute" >> beam.ParDo(ExecuteTasks(run, execute, unless_failed=stage))
        )

    return build


def _references(receipt: Receipt, run: str) -> list[tuple[int | str, Slice]]:
    return [(s.partition, s) for s in slices_of(run, receipt)]


def _consume(group: tuple[int | str, Iterable[Slice]], consumer: Consumer) -> Task:
    partition, slices = group
    return consumer(partition, ordered(slices))


def counted(metrics: beam.metrics.metric.MetricResults) -> dict[str, int]:
    """Our counters of a finished job, summed over its steps."""
    found = metrics.query(beam.metrics.MetricsFilter().with_namespace(COUNTERS))
    totals: dict[str, int] = {}
    for counter in found["counters"]:
        name = counter.key.metric.name
        value = counter.committed if counter.committed is not None else counter.attempted
        totals[name] = totals.get(name, 0) + int(value or 0)
    return totals
