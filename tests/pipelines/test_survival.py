"""The same bytes whatever happens: other folders, other workers, kills at any moment, a full disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import differences, digests, examine

CUVEE = [sys.executable, "-m", "pipelines.cli"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_another_folder_and_any_number_of_workers_give_the_same_bytes(
    tiny: Path, finished: Path, fresh: Callable[[str], Path], workers: int
) -> None:
    run = fresh(f"workers{workers}")
    run_quietly(tiny, run, workers=workers)
    assert differences(digests(run), digests(finished)) == []


def start(recipe: Path, run: Path) -> subprocess.Popen[str]:
    command = [*CUVEE, "run", str(recipe), "--run", str(run), "--workers", "2"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for(stage: str, run: Path, process: subprocess.Popen[str]) -> None:
    """Until the stage has its first receipt, or the run is over."""
    while process.poll() is None and not any((run / "receipts" / stage).glob("*.json")):
        time.sleep(0.02)


def finish(recipe: Path, run: Path) -> subprocess.CompletedProcess[str]:
    command = [*CUVEE, "run", str(recipe), "--run", str(run), "--workers", "2"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


#: stages in whose middle the driver is killed; what it was writing then is at another place every time
KILLED_IN = ("ingest", "keys", "verify", "select", "pools", "proxies", "shards")


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_with_the_same_bytes(
    tiny: Path, finished: Path, fresh: Callable[[str], Path]
) -> None:
    run = fresh("killed")
    for stage in KILLED_IN:
        process = start(tiny, run)
        wait_for(stage, run, process)
        process.kill()
        process.wait()
        time.sleep(0.3)  # its workers notice and end
    done = finish(tiny, run)
    assert done.returncode == 0, done.stderr
    examine(run)
    assert differences(digests(run), digests(finished)) == []
    assert not list(run.rglob("*.tmp"))


@pytest.mark.slow
def test_a_killed_worker_is_told_and_the_next_run_completes(
    tiny: Path, finished: Path, fresh: Callable[[str], Path]
) -> None:
    run = fresh("worker")
    process = start(tiny, run)
    wait_for("ingest", run, process)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    workers = [int(p) for p in children.stdout.split() if "spawn_main" in Path(f"/proc/{p}/cmdline").read_text()]
    os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "a worker process died" in said
    assert "Traceback" not in said
    done = finish(tiny, run)
    assert done.returncode == 0, done.stderr
    assert differences(digests(run), digests(finished)) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


@pytest.mark.slow
def test_a_full_disk_is_told_in_one_line_and_the_run_can_go_on(
    tiny: Path, finished: Path, fresh: Callable[[str], Path], small_disk: Path
) -> None:
    source = fresh("source")
    shutil.copytree(source, small_disk / "run")
    filler = small_disk / "filler"
    free = shutil.disk_usage(small_disk).free
    filler.write_bytes(b"\0" * max(free - 1_500_000, 0))
    failed = finish(tiny, small_disk / "run")
    assert failed.returncode == 1
    assert "disk full: free some space and run again" in failed.stderr
    assert "Traceback" not in failed.stderr
    moved = Path(shutil.copytree(small_disk / "run", source.parent / "moved"))
    done = finish(tiny, moved)
    assert done.returncode == 0, done.stderr
    assert differences(digests(moved), digests(finished)) == []
