"""The process that opens PDFs: ``python -m ocr.worker``. It may be killed by what it reads; its parent goes on.

Requests and answers are a line of JSON each, the request to open followed by the file's bytes. Memory and CPU time are
limited by the system, per page, so that a bomb ends this process and nothing else.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
from typing import Any, BinaryIO

import pypdfium2
import pypdfium2.raw as raw

from ocr.engines import recognise
from ocr.routing import Layout, route

_DPI = 200
_MAX_SIDE = 3500  # pixels; an A4 page at 200 dpi has 2,339
_GRID = 40
_MAX_OBJECTS = 20_000


def main() -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    document: Any = None
    limits: dict[str, int] = {}
    while line := requests.readline():
        request = json.loads(line)
        if request["do"] == "open":
            limits = request["limits"]
            _limit_memory(limits["memory"])
            _limit_cpu(limits["cpu_seconds"])
            document, answer = _open(requests, request["bytes"])
        else:
            _limit_cpu(limits["cpu_seconds"])
            answer = _page(document, request["number"], ocr=request["ocr"])
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _open(requests: BinaryIO, size: int) -> tuple[Any, dict[str, Any]]:
    data = requests.read(size)
    try:
        document = pypdfium2.PdfDocument(data)
        return document, {"status": "ok", "pages": len(document), "title": _title(document)}
    except pypdfium2.PdfiumError as error:
        encrypted = "password" in str(error).lower()
        return None, {"status": "encrypted" if encrypted else "corrupt", "detail": str(error)}
    except MemoryError:
        return None, {"status": "over_limit", "detail": "out of the memory a document may take"}


def _title(document: Any) -> str:
    with contextlib.suppress(Exception):
        return str(document.get_metadata_dict().get("Title") or "").strip()
    return ""


def _page(document: Any, number: int, *, ocr: bool) -> dict[str, Any]:
    try:
        page = document[number]
        text = _clean(page.get_textpage().get_text_range())
        decision = route(text, _layout(page, text))
        answer = {"status": "ok", "route": decision.kind, "reason": decision.reason, "text": "", "confidence": 1.0}
        if decision.kind in ("text", "embedded_ocr"):
            answer["text"] = text
        elif decision.kind == "ocr" and ocr:
            found, answer["confidence"] = recognise(_render(page, _DPI))
            answer["text"] = _clean(found)
        elif decision.kind == "ocr":
            answer["status"] = "needs_ocr"
        return answer
    except (pypdfium2.PdfiumError, MemoryError) as error:
        return {"status": "corrupt", "route": "", "reason": str(error)[:200], "text": "", "confidence": 0.0}


def _layout(page: Any, text: str) -> Layout:
    width, height = page.get_size()
    covered = bytearray(_GRID * _GRID)
    images = paths = hidden = shown = 0
    for count, item in enumerate(page.get_objects(max_depth=6)):
        if count > _MAX_OBJECTS:
            break
        if item.type == raw.FPDF_PAGEOBJ_TEXT:
            if raw.FPDFTextObj_GetTextRenderMode(item) == raw.FPDF_TEXTRENDERMODE_INVISIBLE:
                hidden += 1
            else:
                shown += 1
        elif item.type == raw.FPDF_PAGEOBJ_PATH:
            paths += 1
        elif item.type == raw.FPDF_PAGEOBJ_IMAGE:
            images += 1
            _cover(covered, item.get_bounds(), width, height)
    few = sum(not c.isspace() for c in text) < 20
    return Layout(
        coverage=sum(covered) / len(covered),
        hidden=hidden / max(hidden + shown, 1),
        images=images,
        paths=paths,
        ink=_ink(page) if few else 0.0,
    )


def _cover(covered: bytearray, bounds: tuple[float, float, float, float], width: float, height: float) -> None:
    left, bottom, right, top = bounds
    x0, x1 = (min(max(int(x / max(width, 1) * _GRID + r), 0), _GRID) for x, r in ((left, 0), (right, 0.999)))
    y0, y1 = (min(max(int(y / max(height, 1) * _GRID + r), 0), _GRID) for y, r in ((bottom, 0), (top, 0.999)))
    for y in range(y0, y1):
        covered[y * _GRID + x0 : y * _GRID + x1] = b"\x01" * (x1 - x0)


def _ink(page: Any) -> float:
    histogram = _render(page, 50).histogram()
    paper = max(range(256), key=histogram.__getitem__)
    return float(sum(n for level, n in enumerate(histogram) if abs(level - paper) > 40) / max(sum(histogram), 1))


def _render(page: Any, dpi: int) -> Any:
    scale = min(dpi / 72, _MAX_SIDE / max(*page.get_size(), 1))
    return page.render(scale=scale).to_pil().convert("L")


def _clean(text: str) -> str:
    """pdfium's line ends and end-of-line hyphens; no control characters, no lone surrogates."""
    text = text.replace("\ufffe", "").replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    kept = "".join(c for c in text if c in "\n\t" or (ord(c) >= 32 and not 0xD800 <= ord(c) < 0xE000))
    return "\n".join(line.rstrip() for line in kept.splitlines()).strip()


def _limit_memory(size: int) -> None:
    with contextlib.suppress(ValueError, OSError):  # macOS refuses; the CPU limit still holds there
        resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _limit_cpu(seconds: int) -> None:
    """Seconds of this process's own time, which do not depend on what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt), io.StringIO():
        main()
