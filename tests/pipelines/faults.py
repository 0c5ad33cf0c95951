"""Faults in the middle of real runs, and what must hold afterwards: no part lost, none doubled, the same bytes.

``python -m tests.pipelines.faults --points 24 --seed 1`` plays seeded faults on ``examples/tiny.yaml``, each in a fresh
run folder that is then finished, examined and compared with an undisturbed run; it prints a table. Where there can be a
Spark cluster on this machine, its drivers, executors and worker hosts are killed, too.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from manifests import storage
from tests.object_store import BUCKET, Faults, Server, download, environment, forget_clients, serving, upload
from tests.pipelines.conftest import run_quietly, tiny_recipe
from tests.pipelines.examine import differences, digests, examine
from tests.spark.cluster import Cluster, why_none

CUVEE = [sys.executable, "-m", "pipelines.cli"]
#: stages that take long enough to be hit in their middle
STAGES = ("ingest", "annotate", "quality", "keys", "verify", "select", "pools", "proxies", "shards")
FAULTS = {
    "local": ("driver killed", "worker killed"),
    "s3": ("driver killed", "store away for 20 s", "half of requests 503", "a third of bodies cut", "two drivers"),
    "spark": ("executor killed", "worker host killed", "driver killed"),
}
_PATIENCE = 600.0


@dataclass(frozen=True)
class Point:
    """A fault: what, where, in which stage, after how many of its tasks and seconds more.

    ``where``: on this machine (``local``), with the run folder on an object store (``s3``), or on Spark with both.
    """

    fault: str
    where: str
    stage: str
    tasks: int
    delay: float

    def __str__(self) -> str:
        return f"{self.fault}, {self.stage} + {self.tasks} tasks + {self.delay:.2f} s"


def points(count: int, seed: int, places: Iterable[str] = FAULTS) -> Iterator[Point]:
    """Seeded points; every kind of fault comes up before one comes up again."""
    chance = random.Random(seed)
    kinds = [(fault, where) for where in places for fault in FAULTS[where]]
    for number in range(count):
        fault, where = kinds[number % len(kinds)]
        yield Point(fault, where, chance.choice(STAGES), chance.randrange(1, 4), round(chance.random() * 0.4, 2))


@dataclass(frozen=True)
class Scene:
    """What the points are played on: a recipe, an undisturbed run of it, an object store, and Spark where there is."""

    recipe: Path
    undisturbed: Path
    server: Server
    folder: Path
    cluster: Cluster | None = None

    def play(self, point: Point) -> str:
        """What happened; AssertionError where a promise is broken."""
        name = f"run-{os.urandom(4).hex()}"
        start = self.folder / name
        stored = point.where != "local"
        run = f"s3://{BUCKET}/{name}" if stored else str(start)
        for kept in ("inputs", "cache/rephrase"):
            if (self.undisturbed / kept).is_dir():
                upload(self.undisturbed / kept, storage.join(run, kept))
        said = _FAULTS[point.fault](self, run, point)
        if stored:
            download(run, start)
        examine(start)
        changed = differences(digests(start), digests(self.undisturbed))
        assert not changed, f"{point}: {len(changed)} files differ: {changed[:5]}"
        assert not list(start.rglob("*.tmp"))
        return said


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Starts the server and makes the undisturbed run."""
    recipe = tiny_recipe(folder)
    with serving(folder / "seaweedfs") as server:
        os.environ.update(environment(server.endpoint))
        forget_clients()
        run_quietly(recipe, folder / "undisturbed")
        with nullcontext() if why_none() else Cluster(server.endpoint) as cluster:
            yield Scene(recipe, folder / "undisturbed", server, folder, cluster)


def _start(scene: Scene, run: str, point: Point, **variables: str) -> subprocess.Popen[str]:
    command = [*CUVEE, "run", str(scene.recipe), "--run", run, "--workers", "2"]
    if point.where == "spark":
        assert scene.cluster is not None
        command, variables = scene.cluster.command(scene.recipe, run), {**variables, **scene.cluster.variables()}
    errors = (scene.folder / "errors").open("w")
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=errors, text=True, env={**os.environ, **variables}
    )


def _finish(scene: Scene, run: str, point: Point, **variables: str) -> None:
    """Runs to the end; AssertionError when that fails."""
    _ended(scene, _start(scene, run, point, **variables))


def _ended(scene: Scene, process: subprocess.Popen[str]) -> None:
    status = process.wait(_PATIENCE)
    said = (scene.folder / "errors").read_text()
    assert status == 0, said
    assert "Traceback" not in said


def _reach(run: str, point: Point, process: subprocess.Popen[str]) -> None:
    """Until the point in the run, or its end."""
    receipts = storage.join(run, "receipts", point.stage)
    while process.poll() is None and len(storage.list_files(receipts, "*.json")) < point.tasks:
        time.sleep(0.03)
        if _is_past(run, point.stage):
            break
    time.sleep(point.delay)


def _is_past(run: str, stage: str) -> bool:
    there = storage.list_folders(storage.join(run, "receipts"))
    return any(s in there for s in STAGES[STAGES.index(stage) + 1 :])


def _kill_driver(scene: Scene, run: str, point: Point) -> str:
    process = _start(scene, run, point)
    _reach(run, point, process)
    over = process.poll() is not None
    process.kill()
    process.wait()
    _finish(scene, run, point)
    return "was over already" if over else "killed; the next run completed"


def _kill_worker(scene: Scene, run: str, point: Point) -> str:
    process = _start(scene, run, point)
    _reach(run, point, process)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    workers = [p for p in children.stdout.split() if "spawn_main" in _command_of(p)]
    if not workers:
        _ended(scene, process)
        return "was over already"
    os.kill(int(workers[0]), signal.SIGKILL)
    status = process.wait(_PATIENCE)
    said = (scene.folder / "errors").read_text()
    assert "Traceback" not in said, said
    if status == 0:  # no task was given to the workers any more
        return "completed without it"
    assert "a worker process died" in said, said
    _finish(scene, run, point)
    return "told, and the next run completed"


def _kill_executor(scene: Scene, run: str, point: Point) -> str:
    assert scene.cluster is not None
    process = _start(scene, run, point)
    _reach(run, point, process)
    hit = scene.cluster.kill_executor(point.tasks % scene.cluster.workers)
    _ended(scene, process)
    return "the run completed" if hit else "was over already"


def _kill_host(scene: Scene, run: str, point: Point) -> str:
    assert scene.cluster is not None
    process = _start(scene, run, point)
    _reach(run, point, process)
    number, over = point.tasks % scene.cluster.workers, process.poll() is not None
    scene.cluster.kill_host(number)
    try:
        _ended(scene, process)
    finally:
        scene.cluster.start_host(number)
    return "was over already" if over else "the run completed on the other host"


def _stop_store(scene: Scene, run: str, point: Point) -> str:
    process = _start(scene, run, point)
    _reach(run, point, process)
    scene.server.stop()
    time.sleep(20)
    scene.server.start()
    _ended(scene, process)
    return "the run waited and completed"


def _faulty(unavailable: float, cut: float) -> Callable[[Scene, str, Point], str]:
    def play(scene: Scene, run: str, point: Point) -> str:
        with Faults(scene.server.endpoint, unavailable=unavailable, cut=cut, seed=point.tasks) as proxy:
            _finish(scene, run, point, AWS_ENDPOINT_URL_S3=proxy.endpoint)
            return f"{proxy.refused} requests refused, {proxy.shortened} bodies cut; completed"

    return play


def _two_drivers(scene: Scene, run: str, point: Point) -> str:
    first = _start(scene, run, point)
    _reach(run, point, first)
    if first.poll() is not None:
        return "was over already"
    command = [*CUVEE, "run", str(scene.recipe), "--run", run]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    if first.poll() is None or second.returncode:
        assert second.returncode == 1, second.stderr
        assert f"is in use by process {first.pid}" in second.stderr
    _ended(scene, first)
    return "the second was refused, naming the first"


_FAULTS: dict[str, Callable[[Scene, str, Point], str]] = {
    "driver killed": _kill_driver,
    "worker killed": _kill_worker,
    "executor killed": _kill_executor,
    "worker host killed": _kill_host,
    "store away for 20 s": _stop_store,
    "half of requests 503": _faulty(0.5, 0.0),
    "a third of bodies cut": _faulty(0.0, 0.33),
    "two drivers": _two_drivers,
}


def _command_of(process: str) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


def main() -> None:
    """Plays the points and prints a table; the exit status counts the promises broken."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--points", type=int, default=24)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--where", nargs="+", choices=list(FAULTS), default=list(FAULTS))
    given = options.parse_args()
    broken = 0
    if "spark" in given.where and (why := why_none()):
        given.where.remove("spark")
        print(f"No faults of Spark's: {why}\n")
    print("| # | where | fault | seconds | outcome |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, scene(Path(folder)) as played:
        for number, point in enumerate(points(given.points, given.seed, given.where), 1):
            started = time.monotonic()
            try:
                outcome = f"{played.play(point)}; same bytes"
            except AssertionError as error:
                broken += 1
                outcome = f"BROKEN: {' '.join(str(error).split())[:300]}"
            print(f"| {number} | {point.where} | {point} | {time.monotonic() - started:.0f} | {outcome} |", flush=True)
    print(f"\n{given.points - broken} of {given.points} faults survived")
    sys.exit(min(broken, 100))


if __name__ == "__main__":
    main()
