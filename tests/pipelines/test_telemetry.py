"""What a run tells of itself: progress, the log, OpenLineage events; and that nobody who listens can stop it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from manifests import storage
from manifests.receipts import Output, Receipt
from pipelines.conductor import Conductor
from pipelines.engines import LocalEngine
from pipelines.errors import RunFailed
from pipelines.openlineage import FILE, OpenLineage
from pipelines.progress import Progress
from pipelines.telemetry import LOG, Listeners, RunLog
from tests.pipelines.work import fail_on_three, numbered, write_number

RECEIPT = Receipt(
    "read", "t1", "key", (Output("documents/web/a.parquet", "d", 2_000_000, 50),), {"documents": 50, "rejects": 2}
)


def lines(run: str, path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in storage.read_bytes(storage.join(run, path)).splitlines()]


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    with LocalEngine(1) as engine:
        yield engine


def test_every_part_done_is_in_the_log(tmp_path: Path, engine: LocalEngine) -> None:
    run = str(tmp_path)
    conductor = Conductor(run, engine, Listeners(RunLog(run), OpenLineage(run, "numbers")))
    conductor.map("count", numbered("count", write_number, 3))
    said = lines(run, LOG)
    assert [(s["event"], s["stage"]) for s in said] == [
        ("start", "count"),
        *[("task", "count")] * 3,
        ("finish", "count"),
    ]
    assert said[0]["pending"] == 3
    assert sorted(s["task"] for s in said[1:4]) == ["t0", "t1", "t2"]
    assert all(s["counts"] == {"documents": 1} and s["bytes"] == 1 for s in said[1:4])
    events = lines(run, FILE)
    assert [e["eventType"] for e in events] == ["START", "COMPLETE"]
    assert events[0]["run"]["runId"] == events[1]["run"]["runId"]
    assert events[1]["job"] == {"namespace": "cuvee", "name": "numbers.count", "facets": {}}
    (written,) = events[1]["outputs"]
    assert written["name"] == f"{run}/numbers"
    assert written["outputFacets"]["outputStatistics"]["size"] == 3
    assert written["outputFacets"]["outputStatistics"]["fileCount"] == 3

    before = storage.read_bytes(storage.join(run, LOG))
    conductor.map("count", numbered("count", write_number, 3))
    assert storage.read_bytes(storage.join(run, LOG)) == before, "a stage with nothing to do says nothing"


def test_a_failed_stage_is_told_as_failed(tmp_path: Path, engine: LocalEngine) -> None:
    run = str(tmp_path)
    conductor = Conductor(run, engine, Listeners(RunLog(run), OpenLineage(run, "numbers")))
    with pytest.raises(RunFailed):
        conductor.map("count", numbered("count", fail_on_three, 5))
    assert lines(run, LOG)[-1]["failed"] is True
    assert lines(run, FILE)[-1]["eventType"] == "FAIL"


def test_logs_on_an_object_store(bucket: str) -> None:
    for _ in range(2):
        log, events = RunLog(bucket), OpenLineage(bucket, "numbers")
        for listener in (log, events):
            listener.start("read", 2, 0)
            listener.advance("read", RECEIPT)
            listener.finish("read", 1.0, failed=False)
    assert [s["event"] for s in lines(bucket, LOG)] == ["start", "task", "finish"] * 2
    written = lines(bucket, FILE)[1]["outputs"][0]
    assert f"{written['namespace']}/{written['name']}" == f"{bucket}/documents/web"
    assert written["namespace"] == "s3://corpora"


def test_events_go_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.server_port}")
    events = OpenLineage(str(tmp_path), "numbers")
    events.start("read", 1, 0)
    events.advance("read", RECEIPT)
    events.finish("read", 1.0, failed=False)
    server.shutdown()
    kept = lines(str(tmp_path), FILE)
    assert [g["eventType"] for g in got] == ["START", "COMPLETE"]
    for sent, noted in zip(got, kept, strict=True):  # the client adds tags of its own to what it sends
        assert {**sent, "run": sent["run"]["runId"]} == {**noted, "run": noted["run"]["runId"]}


def test_nobody_who_listens_can_stop_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    run = str(tmp_path / "file")
    monkeypatch.setenv("OPENLINEAGE_URL", "nonsense")
    listeners = Listeners(RunLog(run), OpenLineage(str(tmp_path / "run"), "numbers"))
    listeners.start("read", 1, 0)
    listeners.advance("read", RECEIPT)
    listeners.finish("read", 1.0, failed=False)


def test_progress_tells_rates_and_rejects() -> None:
    text = StringIO()
    shown = Progress(Console(file=text, width=200))
    shown.start("read", 2, 0)
    shown._stages["read"].printed -= 60
    shown._stages["read"].started -= 10
    shown.advance("read", RECEIPT)
    shown.finish("read", 10.0, failed=False)
    said = text.getvalue()
    assert "read: 1/2 parts  5 docs/s  0.2 MB/s  2 rejects  about 10 s left" in said
    assert "read: 1/2 parts done in 10.0 s  50 documents" in said
