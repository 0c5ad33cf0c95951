"""A cluster, an object store, and the command line pointed at both."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from pipelines.engines import java
from pipelines.errors import CuveeError
from tests.object_store import Server, environment
from tests.spark import tools
from tests.spark.cluster import WORKER_PROGRAM, Cluster, namespaces

Cuvee = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def cluster(store: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Skipped, with the reason, where a cluster cannot be had."""
    try:
        java.java()
    except CuveeError as error:
        pytest.skip(str(error))
    if not (tools.JAR.is_file() and tools.spark_home().is_dir() and tools.ENVIRONMENT.is_dir()):
        pytest.skip("no Spark here: python -m tests.spark.tools (make spark-test does it)")
    if not namespaces():
        pytest.skip("this system gives processes no mount namespaces: the workers would see the driver's folders")
    with Cluster(tools.TOOLS / "work" / f"{os.getpid()}", environment(store.endpoint)) as running:
        yield running


@pytest.fixture(scope="session")
def cuvee(cluster: Cluster, store: Server) -> Cuvee:
    """``cuvee run RECIPE … --engine spark`` on the cluster."""
    vouched = {java.JAR: str(tools.JAR)}
    if (found := java.beam_version(tools.JAR)) != version("apache-beam"):
        vouched[java.VOUCHED] = found
    config = f'{{"command": "{WORKER_PROGRAM}"}}'

    def run(recipe: Path, folder: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipelines.cli", "run", str(recipe), "--run", folder, "--workers", "2"]
        command += ["--engine", "spark", "--spark-master", cluster.url, "--", f"--environment_config={config}"]
        variables = {**os.environ, **environment(store.endpoint), **vouched, **more}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)

    return run
