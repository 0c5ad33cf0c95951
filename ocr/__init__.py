"""PDF pages to text: the text layer where it is good, OCR where it is not, and a reason for every page.

pdfium and Tesseract run in a child process with bounded memory and CPU time: a hostile file ends a page, never a run.
"""

from __future__ import annotations

from typing import Any

from ocr.result import INSTALL, Limits, Page, PdfResult

__all__ = ["INSTALL", "Limits", "Page", "PdfResult", "available_engine", "read_pdf"]


def __getattr__(name: str) -> Any:
    if name == "read_pdf":
        from ocr.pdf import read_pdf

        return read_pdf
    if name == "available_engine":
        from ocr.tesseract import available_engine

        return available_engine
    raise AttributeError(f"module 'ocr' has no attribute {name!r}")
