"""Progress for people: a live table on a terminal, plain lines elsewhere. Fed from receipts, never from an engine."""

from __future__ import annotations

import threading
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from manifests.receipts import Receipt

_LINE_SECONDS = 10.0


class Progress:
    """One bar a stage: parts done, documents per second, time left."""

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self.console = console or Console(stderr=True)
        self.quiet = quiet
        self._live = self.console.is_terminal and not quiet
        self._lock = threading.Lock()
        self._stages: dict[str, _Stage] = {}
        self._bars = Bars(
            TextColumn("[bold]{task.description:<16}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=False,
        )

    def __enter__(self) -> Progress:
        if self._live:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._bars.stop()

    def start(self, stage: str, total: int, done: int) -> None:
        with self._lock:
            bar = self._bars.add_task(stage, total=total, completed=done, rate="") if self._live and total else None
            self._stages[stage] = _Stage(total, done, bar)

    def advance(self, stage: str, receipt: Receipt) -> None:
        with self._lock:
            s = self._stages[stage]
            s.add(receipt)
            now = time.monotonic()
            if s.bar is not None:
                self._bars.update(s.bar, completed=s.done, rate=s.rate(now))
            elif not self.quiet and now - s.printed > _LINE_SECONDS:
                s.printed = now
                left = (s.total - s.done) * (now - s.started) / max(s.ran, 1)
                self.console.print(
                    f"{stage}: {s.done}/{s.total} parts  {s.rate(now)}  about {left:.0f} s left", highlight=False
                )

    def finish(self, stage: str, seconds: float, *, failed: bool) -> None:
        with self._lock:
            s = self._stages[stage]
            if not self._live and not self.quiet and (s.ran or failed):
                documents = f"  {s.documents:,} documents" if s.documents else ""
                state = "failed" if failed else "done"
                self.console.print(
                    f"{stage}: {s.done}/{s.total} parts {state} in {seconds:.1f} s{documents}", highlight=False
                )


class _Stage:
    def __init__(self, total: int, done: int, bar: TaskID | None) -> None:
        self.total, self.done, self.bar = total, done, bar
        self.ran = 0
        self.documents = self.bytes = self.rejects = 0
        self.started = self.printed = time.monotonic()

    def add(self, receipt: Receipt) -> None:
        self.done += 1
        self.ran += 1
        self.documents += receipt.counts.get("documents", 0)
        self.rejects += receipt.counts.get("rejects", 0)
        self.bytes += sum(o.bytes for o in receipt.outputs)

    def rate(self, now: float) -> str:
        """Documents and megabytes written a second, and the rejects so far."""
        if not self.documents:
            return ""
        seconds = max(now - self.started, 1e-3)
        rejects = f"  {self.rejects:,} rejects" if self.rejects else ""
        return f"{self.documents / seconds:,.0f} docs/s  {self.bytes / seconds / 1e6:,.1f} MB/s{rejects}"
