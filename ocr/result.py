"""What reading a PDF gives: its text, and for every page how it was read, why, and how sure we are."""

from __future__ import annotations

from dataclasses import dataclass

INSTALL = "pip install 'cuvee[ocr]'"


@dataclass(frozen=True)
class Limits:
    """What a PDF may cost. Memory and CPU time hold for the child process that reads it."""

    bytes: int = 100_000_000
    pages: int = 5_000
    memory: int = 2 << 30  #: bytes of address space
    page_seconds: int = 60  #: CPU seconds for one page
    pixels: int = 4_000  #: longest side of a page rendered for OCR
    deaths: int = 3  #: pages that may kill the child before the rest is given up


@dataclass(frozen=True)
class Page:
    """A page, from 1; its text is ``[start, end)`` in UTF-8 bytes of the document's text."""

    number: int
    route: str  #: text, ocr, hidden_text (a scan's own OCR layer), empty
    reason: str  #: why that route
    method: str = ""  #: text_layer, or ocr: and the engine
    confidence: float = 0.0  #: 0 to 1; of a text layer 1, of a scan's own layer 0.5
    status: str = "ok"  #: ok, empty, needs_ocr, ocr_failed, corrupt, crashed, cpu_limit, not_read
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class PdfResult:
    """``status`` is ok when there is text; else encrypted, corrupt, crashed, over_limit, empty, needs_ocr, ocr_failed.

    ``detail`` is one line for a person: what is wrong, or how many pages are missing and why.
    """

    status: str
    text: str = ""
    pages: tuple[Page, ...] = ()
    title: str = ""
    detail: str = ""


def joined(pages: list[tuple[Page, str]], title: str, detail: str = "") -> PdfResult:
    """The document of its pages, in order, joined by blank lines."""
    from dataclasses import replace

    placed: list[Page] = []
    parts: list[str] = []
    at = 0
    for page, text in pages:
        if text:
            at += 2 if parts else 0
            parts.append(text)
            size = len(text.encode())
            placed.append(replace(page, start=at, end=at + size))
            at += size
        else:
            placed.append(replace(page, start=at, end=at))
    missing = {s: sum(p.status == s for p in placed) for s in _MISSING}
    said = ", ".join(f"{n} of {len(placed)} pages {s}" for s, n in missing.items() if n)
    detail = "; ".join(filter(None, [said, detail]))
    if parts:
        return PdfResult("ok", "\n\n".join(parts), tuple(placed), title, detail)
    status = next((s for s, n in missing.items() if n), "empty")
    status = "crashed" if status in ("cpu_limit", "not_read") else status
    return PdfResult(status, "", tuple(placed), title, detail or "no page holds text")


_MISSING = ("needs_ocr", "ocr_failed", "corrupt", "crashed", "cpu_limit", "not_read")
