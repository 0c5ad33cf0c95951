"""The parent's side of the child process: started when needed, one per thread, replaced when it dies."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ocr.result import Limits
from ocr.worker import answer, send

#: a child is replaced after this many documents, so that what native code leaks stays small
_DOCUMENTS = 200
#: a child that gives no answer for this long, CPU limit or not, hangs: an error to retry, not a result
_PATIENCE = 900.0


class Died(Exception):
    """The child ended while it worked; ``reason`` is crashed or cpu_limit."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Child:
    """A running ``ocr.worker``."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.documents = 0
        self._owner = os.getpid()
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1"}
        home = str(Path(__file__).parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ocr.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._replies = self._process.stdin, self._process.stdout
        send(self._requests, limits)

    def call(self, name: str, *arguments: Any) -> dict[str, Any]:
        """The child's answer; Died when it has none any more, TimeoutError when it hangs."""
        try:
            send(self._requests, (name, arguments))
            if not select.select([self._replies], [], [], _PATIENCE)[0]:
                self.close()
                raise TimeoutError(f"the PDF reader gave no answer within {_PATIENCE:.0f} seconds")
            return answer(self._replies)
        except (EOFError, BrokenPipeError):
            code = self._process.wait()
            self.close()
            raise Died("cpu_limit" if code == -signal.SIGXCPU else "crashed") from None

    @property
    def usable(self) -> bool:
        """Alive, ours (a fork of this process shares the pipes and must not use them), and not worn out."""
        return self._owner == os.getpid() and self.documents < _DOCUMENTS and self._process.poll() is None

    def __del__(self) -> None:
        if getattr(self, "_owner", 0) == os.getpid():
            self.close()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._replies):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


class _Mine(threading.local):
    child: Child | None = None


_mine = _Mine()


def fresh(limits: Limits) -> Child:
    """This thread's child, ready for a document."""
    child = _mine.child
    if child is None or child.limits != limits or not child.usable:
        child = _mine.child = Child(limits)  # the old one closes when nobody holds it
    child.documents += 1
    return child
