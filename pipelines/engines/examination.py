"""What can be known of engines and stores before a run, by ``cuvee doctor``: facts, or what is wrong and the remedy."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence

from manifests import storage
from pipelines.check import Check
from pipelines.errors import CuveeError, RunFailed


def of_this_machine() -> Iterator[Check]:
    """Java and the job server for Spark, Google's libraries for Dataflow."""
    from pipelines.engines import java
    from pipelines.engines.dataflow import google_libraries

    yield _tried("Java (Spark engine)", lambda: f"{(path := java.java())} (Java {java.java_release(path)})")
    yield _tried("Beam job server (Spark engine)", lambda: str(java.job_server_jar()))
    yield _tried("Google's libraries (Dataflow engine)", google_libraries)


def of_a_run_folder(run: str) -> Check:
    """Whether a run can be written there: address, credentials and permissions, bucket, this machine's clock."""

    def holds() -> str:
        if storage.is_local(run):
            path = storage.local_path(run).absolute()
            there = next(p for p in (path, *path.parents) if p.exists())
            if not (there.is_dir() and os.access(there, os.W_OK)):
                raise RunFailed(f"{run}: cannot be written: choose another folder with --run")
            return f"{run} can be written"
        storage.check(run)
        probe = storage.join(run, f".cuvee-doctor-{uuid.uuid4().hex}")
        storage.write_bytes(probe, b"")
        storage.remove(probe)
        return f"{run} can be written"

    return _tried("Run folder", holds, optional=False)


def of_a_cluster(master: str, run: str, options: Sequence[str]) -> Iterator[Check]:
    """The master, the job server's port; with a run folder, a handshake job: the workers' Python, code and sight."""
    from pipelines.engines.spark import SparkEngine, check_master, check_port

    def answers() -> str:
        check_master(master)
        return master

    def shakes_hands() -> str:
        with SparkEngine(master, workers=1, options=options) as engine:
            engine.shake_hands(run)
        return f"they see {run} and run the same code"

    reached = _tried("Spark master", answers, optional=False)
    yield reached
    yield _tried("Port of the job server", lambda: check_port(options), optional=False)
    if run and reached.ok:
        yield _tried("Spark workers", shakes_hands, optional=False)


def _tried(name: str, look: Callable[[], str], *, optional: bool = True) -> Check:
    try:
        return Check(name, True, look(), optional=optional)
    except (CuveeError, OSError) as error:
        found, _, remedy = str(error).rpartition(": ")
        return Check(name, False, found, remedy, optional)
