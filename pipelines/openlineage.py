"""OpenLineage events of a run: START, and COMPLETE or FAIL, for every stage that had work.

They go to ``lineage/openlineage.jsonl`` in the run folder, and to wherever ``OPENLINEAGE_URL`` or
``OPENLINEAGE_CONFIG`` says (https://openlineage.io/docs/client/python). ``OPENLINEAGE_DISABLED=true`` silences both.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from manifests import storage
from manifests.receipts import Output, Receipt
from pipelines.telemetry import Lines

FILE = "lineage/openlineage.jsonl"
NAMESPACE = "cuvee"


class OpenLineage:
    """A ``Listener``. Datasets are the folders of the run that a stage wrote to, with rows and bytes."""

    def __init__(self, run: str, name: str) -> None:
        self._run, self._name = run, name
        self._lines = Lines(storage.join(run, FILE))
        self._ids: dict[str, str] = {}
        self._outputs: dict[str, list[Output]] = {}
        self._client: Any = None

    def start(self, stage: str, total: int, done: int) -> None:
        if total > done and os.environ.get("OPENLINEAGE_DISABLED", "").lower() != "true":
            self._ids[stage], self._outputs[stage] = str(uuid.uuid4()), []
            self._emit("START", stage)

    def advance(self, stage: str, receipt: Receipt) -> None:
        if stage in self._outputs:
            self._outputs[stage] += receipt.outputs

    def finish(self, stage: str, seconds: float, *, failed: bool) -> None:
        if stage in self._ids:
            self._emit("FAIL" if failed else "COMPLETE", stage)
            del self._ids[stage], self._outputs[stage]

    def _emit(self, state: str, stage: str) -> None:
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
        from openlineage.client.serde import Serde

        event = RunEvent(
            eventType=getattr(RunState, state),
            eventTime=datetime.now(UTC).isoformat(),
            run=Run(runId=self._ids[stage]),
            job=Job(namespace=NAMESPACE, name=f"{self._name}.{stage}"),
            producer=f"cuvee/{version('cuvee')}",
            outputs=[self._dataset(folder, files) for folder, files in self._folders(stage).items()],
        )
        self._lines.add(Serde.to_json(event).encode())
        if os.environ.get("OPENLINEAGE_URL") or os.environ.get("OPENLINEAGE_CONFIG"):
            self._send(event)

    def _send(self, event: Any) -> None:
        from openlineage.client import OpenLineageClient

        try:
            if self._client is None:
                self._client = OpenLineageClient()
            self._client.emit(event)
        except Exception as error:  # whatever a transport raises: a run does not end because nobody listens
            raise OSError(f"OpenLineage: {error}") from None

    def _folders(self, stage: str) -> dict[str, list[Output]]:
        folders: dict[str, list[Output]] = {}
        for output in self._outputs[stage]:
            folders.setdefault(output.path.rsplit("/", 1)[0], []).append(output)
        return dict(sorted(folders.items()))

    def _dataset(self, folder: str, files: list[Output]) -> Any:
        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet

        statistics = OutputStatisticsOutputDatasetFacet(
            rowCount=sum(f.rows for f in files), size=sum(f.bytes for f in files), fileCount=len(files)
        )
        return OutputDataset(
            namespace=_namespace(self._run),
            name=f"{_path(self._run)}/{folder}",
            outputFacets={"outputStatistics": statistics},
        )


def _namespace(run: str) -> str:
    """As the naming specification has it: ``s3://bucket``, ``gs://bucket``, or ``file``."""
    return "/".join(run.split("/")[:3]) if "://" in run else "file"


def _path(run: str) -> str:
    return "/".join(run.split("/")[3:]) if "://" in run else run
