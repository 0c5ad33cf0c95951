"""The Spark engine: the same jobs on a cluster, through Beam's portable runner.

One job server, and so one Spark application, serves the whole run. Executors start a worker process (``cuvee-worker``)
each; they need no Docker. What goes wrong beforehand is said in one line before any work: Java, the jar, the master;
then a handshake job shows that the workers see the run folder and run the same code.
"""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType

from pipelines.engines import beam_options
from pipelines.engines.handshake import shake_hands
from pipelines.engines.java import java, job_server_jar
from pipelines.engines.job_server import JobServer, free_port
from pipelines.engines.protocol import Counters, Execute, Job, Translation
from pipelines.errors import RunFailed
from pipelines.task import execute

_CONNECT_SECONDS = 5
#: tasks differ in size; a few waves of them even that out
_PARTITIONS_PER_CORE = 4
#: Spark guesses too few partitions on a cluster, so it is always told; this many where nobody says how many cores
_PARTITIONS = 200
_MASTER = re.compile(r"spark://[^/,\s]+:\d+(,[^/,\s]+:\d+)*|local(\[(\d+|\*)\])?")


class SparkEngine:
    """``master`` is spark://HOST:PORT; ``workers`` the cores of the cluster; ``options`` go to Beam as they are."""

    def __init__(
        self, master: str, *, workers: int = 0, options: Sequence[str] = (), inputs: Sequence[str] = ()
    ) -> None:
        self.master, self.workers, self.options, self.inputs = master, workers, list(options), tuple(inputs)
        self._stack = ExitStack()
        self._server: JobServer | None = None

    @property
    def remote(self) -> bool:
        return True

    @property
    def execute(self) -> Execute:
        return execute

    def __enter__(self) -> SparkEngine:
        check_master(self.master)
        check_port(self.options)
        server = beam_options.view(self.options, "JobServerOptions")
        properties = [*self._properties(), *(server.job_server_jvm_properties or [])]
        self._server = JobServer(
            java(),
            job_server_jar(beam_options.view(self.options, "SparkRunnerOptions").spark_job_server_jar or ""),
            self.master,
            properties,
            int(server.job_port or 0),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def run(self, job: Job) -> Counters:
        assert self._server is not None
        if not self._server.endpoint:  # a run with nothing to do starts no Java
            self.shake_hands(job.run)
        return self._submit(job)

    def shake_hands(self, run: str) -> None:
        """Starts the job server, and has the workers show that they can do the jobs of this run folder."""
        assert self._server is not None
        self._stack.enter_context(self._server)
        shake_hands(run, self.inputs, self._submit)

    def translate(self, job: Job) -> Translation:
        """The job as the job server would get it, made offline."""
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.portability.portable_runner import PortableRunner
        from google.protobuf import json_format

        options = PipelineOptions(self.pipeline_options(job.name, "localhost:0"))
        pipeline = beam.Pipeline(options=options)
        job.build(pipeline)
        proto = PortableRunner.get_proto_pipeline(pipeline, options)
        return Translation(proto.SerializeToString(deterministic=True), json_format.MessageToJson(proto))

    def pipeline_options(self, job_name: str, endpoint: str) -> list[str]:
        """What Beam is told; the user's own options come last and win."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint={endpoint}",
            f"--job_name={job_name}",
            "--environment_type=PROCESS",
            f"--environment_config={json.dumps({'command': 'cuvee-worker'})}",
            # else a worker starts anew for every stage of a job
            "--environment_cache_millis=60000",
            *self.options,
        ]

    def _properties(self) -> list[str]:
        partitions = _PARTITIONS_PER_CORE * self.workers if self.workers else _PARTITIONS
        return [
            # one Spark application for the run, instead of one for each job
            "-Dbeam.spark.test.reuseSparkContext=true",
            f"-Dspark.default.parallelism={partitions}",
            # one process a core: Python runs one thread at a time
            "-Dspark.executor.cores=1",
            "-Dspark.ui.enabled=false",
        ]

    def _submit(self, job: Job) -> Counters:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions

        from pipelines.graph import counted

        assert self._server is not None
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        pipeline = beam.Pipeline(options=PipelineOptions(self.pipeline_options(job.name, self._server.endpoint)))
        job.build(pipeline)
        try:
            with _silent_root():
                result = pipeline.run()
                result.wait_until_finish()
        except Exception as error:
            raise RunFailed(explain(str(error), self.master)) from error
        return counted(result.metrics())


def check_master(master: str) -> None:
    """RunFailed unless ``master`` is well formed and somebody answers there."""
    if not _MASTER.fullmatch(master):
        raise RunFailed(f"--spark-master {master or '(missing)'}: expected spark://HOST:PORT")
    if master.startswith("local"):
        return
    problems = []
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
            return
        except (OSError, OverflowError) as error:
            problems.append(f"{address}: {error}")
    raise RunFailed(f"no Spark master answers at {'; '.join(problems)}: start it, or correct --spark-master")


def check_port(options: Sequence[str]) -> str:
    """Which port the job server will have. RunFailed when the one that ``options`` ask for is in use."""
    wanted = int(beam_options.view(options, "JobServerOptions").job_port or 0)
    free_port(wanted)
    return str(wanted) if wanted else "any free one"


def cause(text: str) -> str:
    """The line of a Java stack trace that says why: the innermost cause, else the first exception, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("\tat ", "\t..."))]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    thrown = [line for line in lines if re.search(r"(Exception|Error)\b", line)]
    found = (causes[-1:] or thrown[:1] or lines[-1:] or ["no reason given"])[0]
    return re.sub(r"^Pipeline \S+ failed in state FAILED: ", "", found)


def explain(said: str, master: str) -> str:
    """One line of a Java stack trace, and the remedy where the cause is known."""
    # Beam may tell the innermost cause alone, which does not name the program
    if why := re.search(r'IOException: (?:Cannot run program "[^"]*": )?error=\d+, ([^\n:]+)', said):
        return (
            f"the workers cannot start cuvee-worker ({why.group(1).strip()}): give them this environment "
            "(cuvee pack FILE.tar.gz) and name its program: "
            """-- --environment_config='{"command": "/opt/cuvee/bin/cuvee-worker"}'"""
        )
    if module := re.search(r"No module named '([\w.]+)'", said):
        return f"the workers have no module {module.group(1)}: pack this environment again (cuvee pack FILE.tar.gz)"
    if "All masters are unresponsive" in said:
        return f"no Spark master answers at {master}: start it, or correct --spark-master"
    if "on a stopped SparkContext" in said:
        return f"the Spark application ended: {master} is no Spark 3.5 master, or it went away; its log says which"
    return f"Spark: {cause(said)}"


@contextmanager
def _silent_root() -> Iterator[None]:
    """Beam reports a job's messages through the root logger; a failed job's last one is in the error already."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        root.setLevel(level)
