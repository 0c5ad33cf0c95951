"""A cluster, an object store, and the command line pointed at both."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.object_store import Server, environment
from tests.spark.cluster import Cluster, why_none

Cuvee = Callable[[Path, str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def cluster(store: Server) -> Iterator[Cluster]:
    """Skipped, with the reason, where a cluster cannot be had."""
    if why := why_none():
        pytest.skip(why)
    with Cluster(store.endpoint) as running:
        yield running


@pytest.fixture(scope="session")
def cuvee(cluster: Cluster, store: Server) -> Cuvee:
    """``cuvee run RECIPE … --engine spark`` on the cluster."""
    return partial(run_on, cluster, store)


def run_on(cluster: Cluster, store: Server, recipe: Path, folder: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment(store.endpoint), **cluster.variables()}
    return subprocess.run(cluster.command(recipe, folder), capture_output=True, text=True, check=False, env=variables)
