"""A PDF's text, page by page. What a page does to its reader costs that page, and is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ocr.child import Child, Died, fresh
from ocr.result import INSTALL, Limits, Page, PdfResult, joined


def read_pdf(data: bytes, *, engine: str | None = None, limits: Limits | None = None) -> PdfResult:
    """Text and pages of a PDF. Never raises for what is in ``data``.

    ``engine`` is what ``ocr.available_engine()`` gave, or None to read text layers alone. The same bytes, engine and
    limits give the same result.
    """
    limits = limits or Limits()
    if len(data) > limits.bytes:
        return PdfResult("over_limit", detail=f"{len(data):,} bytes, limit {limits.bytes:,}")
    if b"%PDF-" not in data[:1024]:
        return PdfResult("corrupt", detail="no PDF header in the first 1024 bytes")
    try:
        child, opened = _open(data, limits)
    except Died as died:
        return PdfResult("crashed", detail=f"the reader {_WORDS[died.reason]} when opening it")
    if opened["status"] != "ok":
        return PdfResult(opened["status"], detail=opened["detail"])
    if opened["pages"] > limits.pages:
        return PdfResult("over_limit", detail=f"{opened['pages']:,} pages, limit {limits.pages:,}")
    result = joined(_pages(child, data, opened["pages"], engine, limits), opened["title"])
    if any(p.status == "needs_ocr" for p in result.pages):
        result = replace(result, detail=f"{result.detail}: {INSTALL}")
    return result


_WORDS = {"crashed": "was killed", "cpu_limit": "used up its CPU time"}


def _open(data: bytes, limits: Limits) -> tuple[Child, dict[str, Any]]:
    child = fresh(limits)
    return child, child.call("open", data)


def _pages(first: Child, data: bytes, count: int, engine: str | None, limits: Limits) -> list[tuple[Page, str]]:
    """Every page once. A page that kills the reader is passed over by a new one, up to ``limits.deaths`` times."""
    child: Child | None = first
    pages: list[tuple[Page, str]] = []
    deaths = 0
    for index in range(count):
        if deaths > limits.deaths:
            lost = Page(index + 1, "none", f"{deaths} pages before it ended the reader", status="not_read")
            pages.append((lost, ""))
            continue
        try:
            if child is None:
                child, _ = _open(data, limits)
            pages.append(_page(index + 1, child.call("page", index, engine)))
        except Died as died:
            child = None
            deaths += 1
            lost = Page(index + 1, "none", f"the reader {_WORDS[died.reason]}", status=died.reason)
            pages.append((lost, ""))
    return pages


def _page(number: int, reply: dict[str, Any]) -> tuple[Page, str]:
    text = reply.pop("text", "")
    if not text and "status" not in reply:
        reply["status"] = "empty"
    return Page(number, **reply), text
