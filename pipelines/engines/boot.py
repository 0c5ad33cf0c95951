"""``cuvee-worker``: starts a Beam worker where the engine runs it as a plain process (PROCESS environments).

The same contract as the ``boot`` program of Beam's containers: ask the provisioning service for the job's options,
then serve the control service. It installs nothing: this interpreter's environment holds what the job needs. Beam is
imported in this very process, once, instead of by a second interpreter.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

_SERVICES = ("logging", "control")
_PROVISION_SECONDS = 60


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. ``arguments`` are those that a Beam runner gives: ``--id``, ``--provision_endpoint`` …"""
    given = _parsed(sys.argv[1:] if arguments is None else arguments)
    os.environ.update(_environment(given))
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main([])


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("cuvee-worker", description="Started by a Beam runner, not by hand.")
    parser.add_argument("--id", required=True)
    parser.add_argument("--provision_endpoint", required=True)
    for service in (*_SERVICES, "artifact"):
        parser.add_argument(f"--{service}_endpoint", default="")
    parser.add_argument("--semi_persist_dir", default="")
    return parser.parse_known_args(arguments)[0]


def _environment(given: argparse.Namespace) -> dict[str, str]:
    """What ``sdk_worker_main`` reads."""
    from apache_beam.portability.api import endpoints_pb2
    from google.protobuf import json_format, text_format

    info = _provision(given)

    def descriptor(url: str) -> str:
        return str(text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=url)))

    found = {
        "WORKER_ID": given.id,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        # a folder of our own: several workers share a machine
        "SEMI_PERSISTENT_DIRECTORY": given.semi_persist_dir or tempfile.gettempdir(),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }
    for service in _SERVICES:
        url = getattr(given, f"{service}_endpoint") or getattr(info, f"{service}_endpoint").url
        found[f"{service.upper()}_API_SERVICE_DESCRIPTOR"] = descriptor(url)
    if info.HasField("status_endpoint"):
        found["STATUS_API_SERVICE_DESCRIPTOR"] = descriptor(info.status_endpoint.url)
    return found


def _provision(given: argparse.Namespace) -> Any:
    import grpc
    from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc

    with grpc.insecure_channel(given.provision_endpoint) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        answer = service.GetProvisionInfo(request, metadata=[("worker_id", given.id)], timeout=_PROVISION_SECONDS)
    return answer.info


if __name__ == "__main__":
    main()
