"""Reading a PDF: page by page in a process of its own, so that a hostile file costs one page, never the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from ocr.engines import INSTALL


@dataclass(frozen=True)
class Limits:
    """Per document: bytes and pages. Per page: bytes of memory, and seconds of CPU time."""

    bytes: int = 200_000_000
    pages: int = 2_000
    memory: int = 3 << 30
    cpu_seconds: int = 30


@dataclass(frozen=True)
class Page:
    """One page. ``[start, end)`` is its text in the document's, in characters.

    ``status`` is ok, needs_ocr, corrupt or crashed; ``method`` where the text came from; ``confidence`` of OCR, else 1.
    """

    number: int  #: from 1
    status: str
    route: str
    reason: str
    method: str
    confidence: float
    start: int
    end: int


@dataclass(frozen=True)
class PdfResult:
    """``status``: ok, empty, needs_ocr, encrypted, corrupt, crashed or over_limit; ``detail`` says it in one line."""

    status: str
    detail: str = ""
    text: str = ""
    title: str = ""
    pages: list[Page] = field(default_factory=list)


class Crashed(RuntimeError):
    """The reading process died of what it read."""


class _Reader:
    """The child process, started when needed."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data, self.limits = data, limits
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> dict[str, Any]:
        self.close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ocr.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"},
        )
        limits = {"memory": self.limits.memory, "cpu_seconds": self.limits.cpu_seconds}
        return self._ask({"do": "open", "bytes": len(self.data), "limits": limits}, self.data)

    def page(self, number: int, *, ocr: bool) -> dict[str, Any]:
        if self._process is None and self.open()["status"] != "ok":
            raise Crashed
        return self._ask({"do": "page", "number": number, "ocr": ocr})

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
        self._process = None

    def _ask(self, request: dict[str, Any], data: bytes = b"") -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n" + data)
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        if not answer:
            self._process.wait()
            self.close()
            raise Crashed
        return dict(json.loads(answer))


def read_pdf(data: bytes, *, engine: str | None = None, limits: Limits | None = None) -> PdfResult:
    """Text of a PDF from its text layers and, with an ``engine``, from its images; pages are parted by blank lines.

    Never raises for what is in the file: the result's status and its pages' say what could not be read.
    """
    limits = limits or Limits()
    if len(data) > limits.bytes:
        return PdfResult("over_limit", f"{len(data):,} bytes; the limit is {limits.bytes:,}")
    reader = _Reader(data, limits)
    try:
        return _read(reader, engine, limits)
    except Crashed:
        return PdfResult("crashed", "the reading process died while opening the file")
    finally:
        reader.close()


def _read(reader: _Reader, engine: str | None, limits: Limits) -> PdfResult:
    opened = reader.open()
    if opened["status"] != "ok":
        return PdfResult(opened["status"], opened["detail"])
    if opened["pages"] > limits.pages:
        return PdfResult("over_limit", f"{opened['pages']:,} pages; the limit is {limits.pages:,}")
    pages: list[Page] = []
    texts: list[str] = []
    length = 0
    for number in range(opened["pages"]):
        try:
            found = reader.page(number, ocr=engine is not None)
        except Crashed:
            found = {
                "status": "crashed",
                "route": "",
                "reason": "the reading process died",
                "text": "",
                "confidence": 0.0,
            }
        start = length + (2 if texts and found["text"] else 0)
        if found["text"]:
            texts.append(found["text"])
            length = start + len(found["text"])
        method = {"text": "text_layer", "embedded_ocr": "embedded_ocr", "ocr": f"ocr:{engine}"}.get(found["route"], "")
        pages.append(
            Page(
                number=number + 1,
                status=found["status"],
                route=found["route"],
                reason=found["reason"],
                method=method if found["text"] else "",
                confidence=round(found["confidence"], 4),
                start=start if found["text"] else length,
                end=length,
            )
        )
    return _result("\n\n".join(texts), str(opened["title"]), pages)


def _result(text: str, title: str, pages: list[Page]) -> PdfResult:
    bad = {status: [p.number for p in pages if p.status == status] for status in ("needs_ocr", "crashed", "corrupt")}
    said = [f"{status}: {len(n)} of {len(pages)} pages" for status, n in bad.items() if n]
    if bad["needs_ocr"]:
        said.append(f"to read them: {INSTALL}")
    detail = "; ".join(said)
    if text:
        return PdfResult("ok", detail, text, title, pages)
    status = next((s for s, numbers in bad.items() if numbers), "empty")
    return PdfResult(status, detail or "no page holds text", "", title, pages)
