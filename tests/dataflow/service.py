"""A stand-in for the Dataflow service: its REST interface, behind which it really runs what was submitted.

It takes jobs as Google's client sends them, reads the pipeline that was staged beside them, swaps the workers'
container for this interpreter, and runs it with Beam's FnApiRunner. What Google adds (machines, scaling, billing) is
not here.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from manifests import storage

_JOBS = re.compile(
    r"/v1b3/projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)/jobs(?:/(?P<id>[^/:?]+))?(?P<rest>.*)"
)


class Service:
    """``jobs`` are the bodies that came, by id. ``hold`` keeps new jobs running until ``release``."""

    def __init__(self, *, hold: bool = False) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.submitted = 0
        self.listed = 0
        self._go = threading.Event()
        if not hold:
            self._go.set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(service.create(body))

            def do_GET(self) -> None:
                found = _JOBS.match(self.path)
                assert found is not None, self.path
                if "/messages" in found["rest"] or "/metrics" in found["rest"]:
                    self._answer({})
                elif found["id"]:
                    self._answer(service.jobs[found["id"]])
                else:
                    service.listed += 1
                    active = [j for j in service.jobs.values() if j["currentState"] == "JOB_STATE_RUNNING"]
                    self._answer({"jobs": active})

            def _answer(self, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("localhost", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Service:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def release(self) -> None:
        self._go.set()

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        self.submitted += 1
        job = {**body, "id": f"job-{self.submitted:03d}", "currentState": "JOB_STATE_RUNNING"}
        self.jobs[job["id"]] = job
        threading.Thread(target=self._run, args=(job,), daemon=True).start()
        return job

    def _run(self, job: dict[str, Any]) -> None:
        self._go.wait()
        try:
            replay(pipeline_of(job))
            job["currentState"] = "JOB_STATE_DONE"
        except Exception as error:
            print(f"the replay of {job['name']} failed: {error}")
            job["currentState"] = "JOB_STATE_FAILED"


def options_of(job: dict[str, Any]) -> dict[str, Any]:
    """The pipeline options as the service gets them."""
    return dict(job["environment"]["sdkPipelineOptions"]["options"])


def pipeline_of(job: dict[str, Any]) -> bytes:
    """The pipeline that was staged for the job."""
    return storage.read_bytes(options_of(job)["pipelineUrl"])


def replay(pipeline: bytes) -> None:
    """Runs a staged pipeline in this process."""
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability.api import beam_runner_api_pb2
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.transforms.environments import EmbeddedPythonEnvironment

    proto = beam_runner_api_pb2.Pipeline.FromString(pipeline)
    for environment in proto.components.environments.values():
        environment.CopyFrom(EmbeddedPythonEnvironment.default().to_runner_api(None))
    FnApiRunner().run_via_runner_api(proto, PipelineOptions([])).wait_until_finish()
