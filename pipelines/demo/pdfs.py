"""Chapters of the Python language reference as PDF: with a text layer, as a scan, and half and half.

The text is what the interpreter's ``help()`` shows (``pydoc_data.topics``). A scan is the set page drawn at 200 dots
an inch, turned a little, blurred and grainy, and saved as an image without text.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from pydoc_data import topics
from typing import Any, NamedTuple

import numpy as np
import pypdfium2
from PIL import Image, ImageFilter

from manifests import storage
from pipelines.demo import pdf_file
from pipelines.demo.pdf_file import COURIER_WIDTH, MARGIN, PAGE_HEIGHT, PAGE_WIDTH, Page, PageImage, TextLine

_SCAN_DPI = 200
_SEED = 7
_BODY, _CODE, _HEADING, _TITLE = 11.0, 9.0, 14.0, 20.0  # font sizes, points
_COLUMN = PAGE_WIDTH - 2 * MARGIN
_CODE_COLUMNS = int(_COLUMN / (_CODE * COURIER_WIDTH))


class _Chapter(NamedTuple):
    title: str
    topics: str  # keys of help topics
    scanned: range = range(0)  # pages, from 0
    pages: int | None = None  # kept; all when None


_CHAPTERS = {
    "simple-statements": _Chapter("Simple statements", "assert del pass return yield raise import global"),
    "names-and-scopes": _Chapter("Names and scopes", "naming execmodel nonlocal atom-identifiers"),
    "values": _Chapter("Values and conversions", "numbers numeric-types truth booleans dict"),
    "comparisons": _Chapter("Comparisons and calls", "comparisons calls in lambda"),
    "functions-scanned": _Chapter("Functions and classes", "function class", scanned=range(3), pages=3),
    "control-flow-mixed": _Chapter(
        "Control flow", "if while for break continue with try", scanned=range(3, 5), pages=5
    ),
}


def write_pdfs(folder: Path, *, chapters: Sequence[str] = (), pages: int = 0) -> list[Path]:
    """Writes chapters (default: all; at most ``pages`` of each, if given) as ``*.pdf``.

    The same bytes each time with the same Python and libraries. ValueError for an unknown chapter.
    """
    if unknown := sorted(set(chapters) - set(_CHAPTERS)):
        raise ValueError(f"no chapters {unknown}; there are {', '.join(_CHAPTERS)}")
    written = []
    for name, chapter in _CHAPTERS.items():
        if chapters and name not in chapters:
            continue
        known = [topics.topics[key] for key in chapter.topics.split() if key in topics.topics]
        made: list[Page] = list(_set(chapter.title, "\n\n".join(known))[: chapter.pages][: pages or None])
        plain = pdf_file.write_pdf(made, chapter.title)
        drawn = [_scan(plain, n) if n in chapter.scanned else page for n, page in enumerate(made)]
        path = folder / f"{name}.pdf"
        storage.write_bytes(str(path), pdf_file.write_pdf(drawn, chapter.title))
        written.append(path)
    return written


def _set(title: str, text: str) -> list[list[TextLine]]:
    """Lines on pages, from the top down, with page numbers."""
    pages: list[list[TextLine]] = []
    y = 0.0
    for font, size, gap, line in [("F3", _TITLE, 0.0, title), *_lines(text)]:
        y -= size * 1.25 + gap
        if not pages or y < MARGIN:
            pages.append([])
            y = PAGE_HEIGHT - MARGIN - size
        pages[-1].append(TextLine(MARGIN, y, font, size, line))
    for number, page in enumerate(pages, start=1):
        page.append(TextLine(PAGE_WIDTH / 2, MARGIN / 2, "F1", 9.0, str(number)))
    return pages


def _lines(text: str) -> Iterator[tuple[str, float, float, str]]:
    """(font, size, space before, line): indented blocks as they stand, other paragraphs filled to the measure."""
    for block in text.split("\n\n"):
        lines = [line.rstrip() for line in block.split("\n") if line.strip()]
        if not lines:
            continue
        gap = _BODY * 0.6
        if len(lines) > 1 and len(set(lines[1])) == 1 and lines[1][0] in "*=-~":
            yield "F3", _HEADING, gap * 2, lines[0]
            lines, gap = lines[2:], gap / 2
        if not lines:
            continue
        if lines[0].startswith("   "):
            pieces = [line[i : i + _CODE_COLUMNS] for line in lines for i in range(0, len(line), _CODE_COLUMNS)]
            font, size = "F2", _CODE
        else:
            pieces, font, size = _filled(" ".join(lines)), "F1", _BODY
        for piece in pieces:
            yield font, size, gap, piece
            gap = 0.0


def _filled(paragraph: str) -> list[str]:
    lines = [""]
    for word in paragraph.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and pdf_file.times_width(longer, _BODY) > _COLUMN:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _scan(pdf: bytes, number: int) -> PageImage:
    """Page ``number`` (from 0) as an office scanner sees it."""
    document: Any = pypdfium2.PdfDocument(pdf)
    try:
        page: Image.Image = document[number].render(scale=_SCAN_DPI / 72, grayscale=True).to_pil().convert("L")
    finally:
        document.close()
    random = np.random.default_rng([_SEED, number])
    angle = float(random.uniform(-0.5, 0.5))
    page = page.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.7))
    grain = np.asarray(page, dtype=np.float32) * 0.93 + random.normal(8, 6, page.size[::-1])
    page = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))
    jpeg = io.BytesIO()
    page.save(jpeg, "JPEG", quality=60)
    return PageImage(jpeg.getvalue(), *page.size)
