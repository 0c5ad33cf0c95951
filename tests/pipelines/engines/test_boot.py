"""``cuvee-worker`` against a real provisioning service: what it hands to Beam's worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from apache_beam.portability.api import beam_provision_api_pb2 as api
from apache_beam.portability.api import beam_provision_api_pb2_grpc as service
from apache_beam.portability.api import endpoints_pb2
from google.protobuf import json_format, struct_pb2, text_format

from pipelines.engines import boot


class Provision(service.ProvisionServiceServicer):  # type: ignore[misc]
    def __init__(self) -> None:
        self.asked: list[str] = []

    def GetProvisionInfo(self, request: object, context: grpc.ServicerContext) -> api.GetProvisionInfoResponse:  # noqa: N802
        self.asked += [str(value) for key, value in context.invocation_metadata() if key == "worker_id"]
        options = json_format.ParseDict({"beam:option:job_name:v1": "cuvee"}, struct_pb2.Struct())
        info = api.ProvisionInfo(
            pipeline_options=options,
            runner_capabilities=["beam:protocol:control_response_elements_embedding:v1", "other"],
            logging_endpoint=endpoints_pb2.ApiServiceDescriptor(url="localhost:1"),
            control_endpoint=endpoints_pb2.ApiServiceDescriptor(url="localhost:2"),
        )
        return api.GetProvisionInfoResponse(info=info)


@pytest.fixture
def provision() -> Iterator[tuple[Provision, str]]:
    server = grpc.server(ThreadPoolExecutor(2))
    answering = Provision()
    service.add_ProvisionServiceServicer_to_server(answering, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield answering, f"localhost:{port}"
    server.stop(None)


def url(text: str) -> str:
    return str(text_format.Parse(text, endpoints_pb2.ApiServiceDescriptor()).url)


def test_the_worker_learns_its_job_from_the_runner(provision: tuple[Provision, str]) -> None:
    answering, endpoint = provision
    given = boot._parsed(["--id=1-1", f"--provision_endpoint={endpoint}", "--later_option=x"])
    found = boot._environment(given)
    assert answering.asked == ["1-1"]
    assert found["WORKER_ID"] == "1-1"
    assert json.loads(found["PIPELINE_OPTIONS"]) == {"beam:option:job_name:v1": "cuvee"}
    assert url(found["LOGGING_API_SERVICE_DESCRIPTOR"]) == "localhost:1"
    assert url(found["CONTROL_API_SERVICE_DESCRIPTOR"]) == "localhost:2"
    assert found["RUNNER_CAPABILITIES"].split() == ["beam:protocol:control_response_elements_embedding:v1", "other"]
    assert "STATUS_API_SERVICE_DESCRIPTOR" not in found


def test_what_the_runner_says_on_the_command_line_wins(provision: tuple[Provision, str]) -> None:
    _, endpoint = provision
    given = boot._parsed(["--id=1", f"--provision_endpoint={endpoint}", "--control_endpoint=localhost:9"])
    assert url(boot._environment(given)["CONTROL_API_SERVICE_DESCRIPTOR"]) == "localhost:9"
