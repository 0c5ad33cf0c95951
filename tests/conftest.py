"""Shared by all tests: where the development data is, and an object store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.object_store import BUCKET, Faults, Server, environment, forget_clients, serving

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data with ground truth, by ``CUVEE_TEST_DATA``; the test is skipped where it is absent."""
    folder = Path(os.environ.get("CUVEE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no development data at {folder}: set CUVEE_TEST_DATA")
    return folder


# The same examples on every machine: a newcomer's first test run, and CI, must not fail by chance. Search with
# HYPOTHESIS_PROFILE=search. Time is never judged.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real S3 server with an empty bucket, and an environment that leads to it."""
    pytest.importorskip("boto3")
    with serving(tmp_path_factory.mktemp("seaweedfs")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(server.endpoint).items():
            patch.setenv(name, value)
        forget_clients()
        yield server
    forget_clients()


@pytest.fixture
def bucket(store: Server, request: pytest.FixtureRequest) -> str:
    """A folder of the bucket for this test alone."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    return f"s3://{BUCKET}/{name}-{os.urandom(4).hex()}"


@pytest.fixture
def faulty(store: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """A proxy before the server, still without faults, and an environment that leads through it."""
    with Faults(store.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        forget_clients()
        yield proxy
    monkeypatch.undo()
    forget_clients()
