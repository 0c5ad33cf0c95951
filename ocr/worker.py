"""The child process that touches PDFs: ``python -m ocr.worker``, requests on standard input, replies on its output.

It bounds its own memory and, before each page, its CPU time; a file that breaks the bounds, or pdfium, ends this
process and nothing else. Each message goes after its length.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import resource
import struct
import sys
from typing import IO, Any


def send(stream: IO[bytes], message: Any) -> None:
    """From the parent, whom the child may trust."""
    _write(stream, pickle.dumps(message))


def receive(stream: IO[bytes]) -> Any:
    return pickle.loads(_read(stream))


def reply(stream: IO[bytes], answer: dict[str, Any]) -> None:
    """From the child, who has touched hostile files: JSON, which is only ever data."""
    _write(stream, json.dumps(answer).encode())


def answer(stream: IO[bytes]) -> dict[str, Any]:
    return dict(json.loads(_read(stream)))


def _write(stream: IO[bytes], data: bytes) -> None:
    stream.write(struct.pack("<Q", len(data)) + data)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes:
    """The next message; EOFError when the other side is gone."""
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    return stream.read(struct.unpack("<Q", head)[0])


class Worker:
    """Holds one open PDF, and the OCR engine once it was needed."""

    def __init__(self, limits: Any) -> None:
        self.limits = limits
        self.document: Any = None
        self.engine: Any = None
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def open(self, data: bytes) -> dict[str, Any]:
        """Opens a PDF: status, and number of pages and title where it is ok."""
        import pypdfium2 as pdfium
        import pypdfium2.raw as raw

        self._allow(self.limits.page_seconds)
        if self.document is not None:
            self.document.close()
        try:
            self.document = pdfium.PdfDocument(data)
        except pdfium.PdfiumError as error:
            encrypted = raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD or "password" in str(error).lower()
            return {"status": "encrypted" if encrypted else "corrupt", "detail": str(error)}
        title = self.document.get_metadata_value("Title").replace("\0", "").strip()
        return {"status": "ok", "pages": len(self.document), "title": title[:1000]}

    def page(self, index: int, engine: str | None) -> dict[str, Any]:
        """Reads a page by the way its signs point to."""
        import pypdfium2 as pdfium

        from ocr.page import PageTooLarge, clean, text_and_signs
        from ocr.routing import decide

        self._allow(self.limits.page_seconds)
        try:
            page = self.document[index]
            text, signs = text_and_signs(page)
            route = decide(signs)
            reply: dict[str, Any] = {"route": route.way, "reason": route.reason}
            if route.way == "ocr":
                return reply | self._ocr(page, engine)
            if route.way == "empty":
                return reply | {"status": "empty", "confidence": 1.0}
            confidence = 1.0 if route.way == "text" else 0.5
            text = clean(text)
            return reply | {"text": text, "method": "text_layer", "confidence": confidence}
        except pdfium.PdfiumError as error:
            return {"route": "none", "reason": str(error), "status": "corrupt"}
        except (PageTooLarge, MemoryError) as error:
            return {"route": "none", "reason": str(error) or "out of memory", "status": "corrupt"}

    def _ocr(self, page: Any, engine: str | None) -> dict[str, Any]:
        from ocr.page import render
        from ocr.tesseract import DPI, FLOOR, Tesseract

        if engine is None:
            return {"status": "needs_ocr"}
        self.engine = self.engine or Tesseract()
        text, confidence = self.engine.read(render(page, DPI, self.limits.pixels))
        text = text.replace("\0", "").strip()
        said = {"method": f"ocr:{engine}", "confidence": round(confidence, 4)}
        if not text:
            return said | {"status": "empty"}
        return said | ({"status": "ocr_failed"} if confidence < FLOOR else {"text": text})

    def _allow(self, seconds: int) -> None:
        """CPU seconds from now on; past them the system ends this process."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = math.ceil(used.ru_utime + used.ru_stime) + seconds
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))


def main() -> None:
    # what native code prints must not end up between our messages
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    worker = Worker(receive(requests))
    while True:
        try:
            name, arguments = receive(requests)
        except EOFError:
            os._exit(0)
        reply(replies, getattr(worker, name)(*arguments))


if __name__ == "__main__":
    main()
