"""PDF pages to text: each page from its text layer or by OCR, with the reason, in a process that may die alone."""

from __future__ import annotations

from ocr.engines import available_engine, engine_version
from ocr.reading import Limits, Page, PdfResult, read_pdf

__all__ = ["Limits", "Page", "PdfResult", "available_engine", "engine_version", "read_pdf"]
