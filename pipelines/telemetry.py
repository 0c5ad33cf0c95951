"""What a run tells of itself while it works: who listens, and the log in JSON lines.

Everything comes from receipts, so that it is the same on every engine. A run with nothing to do says nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from manifests import storage
from manifests.receipts import Receipt

LOG = "run.log"


class Listener(Protocol):
    """Hears of a stage's start, of every task done, and of its end."""

    def start(self, stage: str, total: int, done: int) -> None: ...

    def advance(self, stage: str, receipt: Receipt) -> None: ...

    def finish(self, stage: str, seconds: float, *, failed: bool) -> None: ...


class Listeners:
    """Several listeners as one; none of them can stop the run."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners: Sequence[Listener] = listeners

    def start(self, stage: str, total: int, done: int) -> None:
        for listener in self._listeners:
            with suppress(OSError):
                listener.start(stage, total, done)

    def advance(self, stage: str, receipt: Receipt) -> None:
        for listener in self._listeners:
            with suppress(OSError):
                listener.advance(stage, receipt)

    def finish(self, stage: str, seconds: float, *, failed: bool) -> None:
        for listener in self._listeners:
            with suppress(OSError):
                listener.finish(stage, seconds, failed=failed)


class Lines:
    """A file of lines in a run folder. On an object store, where nothing is appended to, it is written anew."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._written: bytes | None = None

    def add(self, line: bytes) -> None:
        if storage.is_local(self._uri):
            path = storage.local_path(self._uri)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as out:
                out.write(line + b"\n")
            return
        if self._written is None:
            self._written = storage.read_bytes(self._uri) if storage.is_file(self._uri) else b""
        self._written += line + b"\n"
        storage.write_bytes(self._uri, self._written)


class RunLog:
    """``run.log``: one JSON object a line, with ``time``, ``event`` and ``stage``.

    ``start`` and ``finish`` of every stage that had work, ``task`` for every part done, with what it counted, wrote and
    took.
    """

    def __init__(self, run: str) -> None:
        self._lines = Lines(storage.join(run, LOG))
        self._remote = not storage.is_local(run)
        self._lock = threading.Lock()
        self._held: list[bytes] = []
        self._working: set[str] = set()

    def start(self, stage: str, total: int, done: int) -> None:
        if total > done:
            self._working.add(stage)
            self._say("start", stage, tasks=total, pending=total - done)

    def advance(self, stage: str, receipt: Receipt) -> None:
        written = sum(o.bytes for o in receipt.outputs)
        counts = dict(receipt.counts)
        spent = {"seconds": receipt.seconds, "cpu_seconds": receipt.cpu_seconds}
        self._say("task", stage, task=receipt.task, counts=counts, bytes=written, **spent)

    def finish(self, stage: str, seconds: float, *, failed: bool) -> None:
        if stage in self._working:
            self._working.discard(stage)
            self._say("finish", stage, seconds=round(seconds, 3), failed=failed)

    def _say(self, event: str, stage: str, **values: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, "stage": stage, **values}).encode()
        with self._lock:
            self._held.append(line)
            if self._remote and event == "task":  # goes with the next start or finish: one write a stage
                return
            self._lines.add(b"\n".join(self._held))
            self._held.clear()
