"""One driver at a time, on a local folder and on a real object store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from manifests import storage
from manifests.storage.s3 import S3
from pipelines import lease
from pipelines.errors import RunFailed

GONE = subprocess.Popen([sys.executable, "-c", ""])
GONE.wait()


@pytest.fixture(params=["local", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "local" else str(request.getfixturevalue("bucket"))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.2)
    monkeypatch.setattr(lease, "EXPIRY", 2.0)


def test_the_second_is_refused_and_told_of_the_first(folder: str) -> None:
    first = lease.acquire(folder)
    with pytest.raises(RunFailed, match=f"in use by process {os.getpid()} on"):
        lease.acquire(folder)
    first.release()
    lease.acquire(folder).release()


def test_a_lease_is_renewed(bucket: str) -> None:
    held = lease.acquire(bucket)
    first = storage.read_bytes(f"{bucket}/.lock")
    time.sleep(0.8)
    assert storage.read_bytes(f"{bucket}/.lock") != first
    assert not held.lost
    held.release()
    assert not storage.is_file(f"{bucket}/.lock")


def _left(bucket: str, **said: object) -> None:
    storage.write_bytes(f"{bucket}/.lock", json.dumps({"holder": "process 1 on elsewhere", **said}).encode())


def test_what_a_dead_process_here_left_is_taken_at_once(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 3600.0)
    _left(bucket, machine=lease._machine(), pid=GONE.pid)
    lease.acquire(bucket).release()


def test_who_wrote_it_without_hearing_so_has_it(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 3600.0)
    written, put_if = [], S3.put_if

    def lost(store: S3, uri: str, content: bytes, version: str) -> str:
        version = put_if(store, uri, content, version)
        written.append(version)
        if len(written) == 1:  # the answer is lost, and asking again finds the lease taken
            return put_if(store, uri, content, "")
        return version

    monkeypatch.setattr(S3, "put_if", lost)
    lease.acquire(bucket).release()
    assert len(written) >= 2


def test_what_a_silent_holder_elsewhere_left_is_taken_after_a_while(bucket: str) -> None:
    _left(bucket, machine="another", pid=1)
    started = time.monotonic()
    lease.acquire(bucket).release()
    assert time.monotonic() - started >= 2.0


def test_an_unreadable_lease_is_no_trap(bucket: str) -> None:
    storage.write_bytes(f"{bucket}/.lock", b"\xff not json")
    lease.acquire(bucket).release()


def test_who_lost_the_lease_knows_and_leaves_the_other_alone(bucket: str) -> None:
    held = lease.acquire(bucket)
    _left(bucket, machine="another", pid=1, token="other")
    deadline = time.monotonic() + 10
    while not held.lost and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "taken over by process 1 on elsewhere" in held.lost
    held.release()
    assert storage.is_file(f"{bucket}/.lock")


def test_places_that_cannot_hold_a_run() -> None:
    with pytest.raises(RunFailed, match="a run folder is a path, or lies on"):
        lease.acquire("https://example.org/run")
