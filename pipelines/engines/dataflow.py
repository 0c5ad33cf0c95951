"""The Dataflow engine: the same jobs as a service of Google Cloud. Needs the ``gcp`` extra.

Each job is submitted under a name that tells it again, so a restarted driver waits for a job that is still running
instead of starting it twice. Workers get our code as a container image of the user's, or as our wheel.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from manifests import storage
from pipelines.engines import beam_options, pack, sizing
from pipelines.engines.local import last_line
from pipelines.engines.protocol import Counters, Execute, Job, Translation
from pipelines.errors import RunFailed
from pipelines.recipe import Recipe
from pipelines.task import execute


class DataflowEngine:
    """``run`` is the run folder; ``workers`` caps the cores; ``options`` go to Beam as they are, and win over ours."""

    def __init__(
        self, recipe: Recipe, run: str, *, workers: int = 0, options: Sequence[str] = (), inputs: Sequence[str] = ()
    ) -> None:
        self.recipe, self.folder, self.workers = recipe, run, workers
        self.given, self.inputs = list(options), tuple(inputs)
        self._stack = ExitStack()
        self._code: list[str] = []

    @property
    def remote(self) -> bool:
        return True

    @property
    def execute(self) -> Execute:
        return execute

    def __enter__(self) -> DataflowEngine:
        google_libraries()
        if storage.is_local(self.folder):
            raise RunFailed(f"--engine dataflow: {self.folder} is on this machine: use --run gs://BUCKET/NAME")
        if self.inputs:
            raise RunFailed(
                f"--engine dataflow: its workers do not see {self.inputs[0]}: copy the inputs to gs:// and name them so"
            )
        cloud = beam_options.view(self.options("check", 1), "GoogleCloudOptions")
        if missing := [o for o in ("project", "region") if not getattr(cloud, o)]:
            raise RunFailed(f"--engine dataflow needs {' and '.join(f'-- --{m}=…' for m in missing)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def options(self, job_name: str, tasks: int) -> list[str]:
        """What Beam is told of a job."""
        scratch = self.folder if self.folder.startswith("gs://") else ""
        places = [f"--{p}_location={storage.join(scratch, 'cache', 'dataflow', p)}" for p in ("temp", "staging")]
        project = os.environ.get("GOOGLE_CLOUD_PROJECT", "")
        return [
            "--runner=DataflowRunner",
            f"--job_name={job_name}",
            *([f"--project={project}"] if project else []),
            *(places if scratch else []),
            *sizing.size(self.recipe, tasks, cores=self.workers).options(),
            *self._code,
            *self.given,
        ]

    def run(self, job: Job) -> Counters:
        from apache_beam.options.pipeline_options import PipelineOptions

        from pipelines.graph import counted

        if not self._code:
            self._code = self._ship_code()
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        options = PipelineOptions(self.options(job.name, job.tasks))
        try:
            result = _running(options, job.name) or _submitted(options, job)
            result.wait_until_finish()
        except Exception as error:
            raise RunFailed(f"Dataflow: {last_line(error)}") from error
        return counted(result.metrics())

    def translate(self, job: Job) -> Translation:
        """The job as Dataflow would get it, made offline."""
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions

        options = [*self.options(job.name, job.tasks), "--dry_run=True"]
        pipeline = beam.Pipeline(options=PipelineOptions(options))
        job.build(pipeline)
        made = pipeline.run().job
        return Translation(made.proto_pipeline.SerializeToString(deterministic=True), made.json())

    def _ship_code(self) -> list[str]:
        """Our wheel, unless the user says what the workers have."""
        image = beam_options.view(self.given, "WorkerOptions").sdk_container_image
        if image or beam_options.view(self.given, "SetupOptions").extra_packages:
            return ["--sdk_location=container"]
        source = pack.editable()
        if source is None:
            raise RunFailed(
                "--engine dataflow: say what the workers run: -- --sdk_container_image=IMAGE (see docs/dataflow.md), "
                "or -- --extra_package=cuvee.whl"
            )
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        return [f"--extra_package={pack.build_wheel(source, folder)}", "--sdk_location=container"]


def google_libraries() -> str:
    """Version of Google's Dataflow client. RunFailed when it is not installed."""
    try:
        return importlib.metadata.version("google-cloud-dataflow-client")
    except importlib.metadata.PackageNotFoundError:
        raise RunFailed("Google's libraries are missing: pip install 'cuvee[gcp]'") from None


def _submitted(options: Any, job: Job) -> Any:
    import apache_beam as beam

    pipeline = beam.Pipeline(options=options)
    job.build(pipeline)
    return pipeline.run()


def _running(options: Any, name: str) -> Any | None:
    """The job of this name that an earlier driver left running, if there is one."""
    from apache_beam.options.pipeline_options import GoogleCloudOptions
    from apache_beam.runners.dataflow.dataflow_metrics import DataflowMetrics
    from apache_beam.runners.dataflow.dataflow_runner import DataflowPipelineResult, DataflowRunner
    from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient
    from google.cloud import dataflow_v1beta3 as service

    cloud = options.view_as(GoogleCloudOptions)
    client = DataflowApplicationClient(options)
    active = service.ListJobsRequest(
        project_id=cloud.project, location=cloud.region, filter=service.ListJobsRequest.Filter.ACTIVE
    )
    for found in client._jobs_client.list_jobs(active):
        if found.name == name:
            runner = DataflowRunner()
            runner.dataflow_client = client
            result = DataflowPipelineResult(client.get_job(found.id), runner, options)
            result.metric_results = DataflowMetrics(client, result)
            return result
    return None
