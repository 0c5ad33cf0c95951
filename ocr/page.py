"""One page through pdfium: its text, its signs, its picture. Runs in the child process alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ocr.routing import SOFT_HYPHEN, Signs, text_signs

_GRID = 40
_MAX_OBJECTS = 20_000
#: more text than a page can hold is an attack or a broken file
_MAX_CHARACTERS = 500_000


class PageTooLarge(ValueError):
    """A page whose text layer holds more than a page can."""


def text_and_signs(page: pdfium.PdfPage) -> tuple[str, Signs]:
    """The text layer as it lies, and what the router asks for. Objects are looked at up to a fixed number."""
    layer = page.get_textpage()
    count = layer.count_chars()
    if count > _MAX_CHARACTERS:
        raise PageTooLarge(f"text layer of {count:,} characters, limit {_MAX_CHARACTERS:,}")
    text = layer.get_text_range()
    signs = _with_objects(page, text_signs(text))
    if signs.characters < 20:
        signs = replace(signs, ink=_ink(page))
    return text, signs


def _with_objects(page: pdfium.PdfPage, signs: Signs) -> Signs:
    width, height = page.get_size()
    grid = np.zeros((_GRID, _GRID), bool)
    hidden = shown = images = paths = 0
    for number, item in enumerate(page.get_objects(max_depth=6)):
        if number >= _MAX_OBJECTS:
            break
        if item.type == raw.FPDF_PAGEOBJ_TEXT:
            if raw.FPDFTextObj_GetTextRenderMode(item) == raw.FPDF_TEXTRENDERMODE_INVISIBLE:
                hidden += 1
            else:
                shown += 1
        elif item.type == raw.FPDF_PAGEOBJ_IMAGE:
            images += 1
            left, bottom, right, top = item.get_bounds()
            x = slice(_cell(left, width), _cell(right, width) + 1)
            y = slice(_cell(bottom, height), _cell(top, height) + 1)
            grid[y, x] = True
        elif item.type == raw.FPDF_PAGEOBJ_PATH:
            paths += 1
    covered = float(grid.mean())
    return replace(signs, covered=covered, images=images, paths=paths, hidden=hidden / max(1, hidden + shown))


def _cell(at: float, size: float) -> int:
    return min(_GRID - 1, max(0, int(at / max(size, 1e-6) * _GRID)))


def _ink(page: pdfium.PdfPage) -> float:
    """Share of pixels that differ from the commonest grey, at 50 dpi."""
    grey = render(page, 50, 600)
    background = int(np.bincount(grey.ravel(), minlength=256).argmax())
    return float((np.abs(grey.astype(np.int16) - background) > 40).mean())


def render(page: pdfium.PdfPage, dpi: float, longest: int) -> npt.NDArray[np.uint8]:
    """The page in grey, uint8[height, width], at ``dpi`` unless its longest side would pass ``longest`` pixels."""
    scale = min(dpi / 72, longest / max(1.0, *page.get_size()))
    bitmap: Any = page.render(scale=scale, grayscale=True)
    return np.ascontiguousarray(bitmap.to_numpy().reshape(bitmap.height, bitmap.width))


def clean(text: str) -> str:
    """A text layer as text: words broken at line ends joined, line ends and blanks made plain."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace(SOFT_HYPHEN, "").replace("\0", "")
    text = text.encode("utf-8", "replace").decode()
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()
