"""The handshake with remote workers: before any work, they show that they see the run folder and run the same code.

It is a job like the others: each of its tasks looks for a file that the driver just left in the run folder, and answers
by its receipt with the versions it runs and the local inputs it does not see.
"""

from __future__ import annotations

import os
import platform
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from manifests import receipts, storage
from manifests.receipts import digest_of
from pipelines.engines.protocol import Counters, Job
from pipelines.errors import RunFailed
from pipelines.task import Made, Task, execute

STAGE = "handshake"
_TASKS = 4
_ROOMS = ("pipelines", "classifiers", "ocr", "dedup", "mixing", "manifests")


@dataclass(frozen=True)
class Greeting:
    """``mark`` is a file of the run folder; ``paths`` are the driver's local inputs."""

    mark: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Versions:
    """What has to be the same on both sides. ``ocr`` is the engine at hand, ``code`` digests our own sources."""

    python: str
    beam: str
    cuvee: str
    ocr: str
    code: str

    @classmethod
    def here(cls) -> Versions:
        from ocr import available_engine

        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        return cls(python, version("apache-beam"), version("cuvee"), available_engine() or "none", code_digest())


@cache
def code_digest() -> str:
    """Of the sources of our rooms, wherever they are installed."""
    home = Path(__file__).parents[2]
    files = sorted(p for room in _ROOMS for p in (home / room).rglob("*.py"))
    return digest_of([[p.relative_to(home).as_posix(), storage.digest(str(p))] for p in files])


def answer(run: str, greeting: Greeting) -> Made:
    """What a worker does: ValueError when it does not see the mark."""
    if not storage.is_file(storage.join(run, greeting.mark)):
        raise ValueError(f"{platform.node()} does not see {run}")
    missing = [p for p in greeting.paths if not os.path.exists(p)]
    return Made(data={"host": platform.node(), "missing": missing, "versions": vars(Versions.here())})


def shake_hands(run: str, paths: Sequence[str], submit: Callable[[Job], Counters]) -> None:
    """Runs the handshake job. RunFailed says what the workers lack, and the remedy."""
    from pipelines import graph

    nonce = uuid.uuid4().hex
    greeting = Greeting(f"cache/handshake-{nonce}", tuple(paths))
    tasks = [Task(STAGE, f"{nonce}-{n}", nonce, answer, greeting) for n in range(_TASKS)]
    mark = storage.join(run, greeting.mark)
    storage.write_bytes(mark, nonce.encode())
    try:
        submit(Job(run, f"cuvee-handshake-{nonce[:12]}", len(tasks), graph.map_job(run, tasks, execute)))
        answers = [r.data for t in tasks if (r := receipts.read(run, STAGE, t.name)) is not None]
    finally:
        storage.remove(mark)
        for task in tasks:
            storage.remove(receipts.path_of(run, STAGE, task.name))
    if len(answers) < len(tasks):
        raise RunFailed(
            f"the workers do not see the run folder {run}: put it where they do, for example --run s3://BUCKET/NAME"
        )
    for said in answers:
        _compare(str(said["host"]), Versions(**said["versions"]), said["missing"])


def _compare(host: str, there: Versions, missing: Sequence[str]) -> None:
    here = Versions.here()
    for name, label in (("python", "Python"), ("beam", "Beam"), ("cuvee", "cuvee"), ("ocr", "OCR")):
        ours, theirs = getattr(here, name), getattr(there, name)
        if ours != theirs:
            raise RunFailed(
                f"worker {host} runs {label} {theirs}, the driver {ours}: give the workers this environment "
                "(cuvee pack FILE.tar.gz)"
            )
    if here.code != there.code:
        raise RunFailed(f"worker {host} has other code of cuvee {there.cuvee}: pack it again (cuvee pack FILE.tar.gz)")
    if missing:
        raise RunFailed(
            f"worker {host} does not see {missing[0]}: put the inputs where the workers see them, for example on s3://"
        )
