"""Routing: does a page's text layer tell what the page shows, or must it be read from its image? With a reason.

Rules on what pdfium sees, no model. Word checks hold for Latin, Cyrillic and Greek; a text layer that maps Chinese to
wrong Chinese cannot be found this way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"[a-zß-ÿ][A-ZÀ-Þ]")
_VOWELS = re.compile(r"[aeiouyà-æè-ïò-öø-ýœαεηιουωάέήίόύώаеёиоуыэюяіїє]", re.IGNORECASE)
#: the commonest short words of eight languages: text of at least sixty words holds some of them
_COMMON = frozenset(
    "the of and to in a is that for it as with on by this be are from or an at not which der die und den von zu das mit"
    " ist des auf für nicht le la les de et en un une du que est pour dans el los las del se por con una il di che per"
    " non sono o do da em os para com não на что по как это и в с".split()
)
#: control characters, private use and U+FFFD; U+FFFE is how pdfium writes a hyphen at a line's end
_BAD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffd\ue000-\uf8ff]")


@dataclass(frozen=True)
class Layout:
    """What is on a page besides its text: image coverage and hidden text as shares, counts of images and paths."""

    coverage: float
    hidden: float
    images: int
    paths: int
    ink: float  #: share of dark pixels at low resolution; only measured where there is little text


@dataclass(frozen=True)
class Route:
    """``kind`` is text, ocr, embedded_ocr (a scan whose hidden text is kept) or empty."""

    kind: str
    reason: str


def route(text: str, layout: Layout) -> Route:
    """Decides for one page."""
    visible = sum(not c.isspace() for c in text)
    if visible < 20:
        if layout.coverage >= 0.15 or layout.paths >= 40:
            return Route("ocr", "no text, but an image") if layout.ink > 0.001 else Route("empty", "blank image")
        if visible == 0:
            return Route("ocr", "ink without text") if layout.ink >= 0.0005 else Route("empty", "no text, no image")
        return Route("text", "little text, no image")
    if problem := _garbled(text, visible, layout):
        return Route("ocr", problem)
    scanned = layout.coverage >= 0.6
    if scanned and visible < 200:
        return Route("ocr", "a page-wide image with little text")
    if scanned and _poor_words(text):
        return Route("ocr", "a scan whose text holds no common words")
    if scanned:
        return Route("embedded_ocr", "a scan with a text layer")
    return Route("text", "text layer")


def _garbled(text: str, visible: int, layout: Layout) -> str:
    words = _WORD.findall(text.replace("\ufffe", ""))
    if len(words) >= 15 and len(_BAD.findall(text)) > 0.02 * visible:
        return "unreadable characters"
    if len(words) < 30:
        return ""
    latin = [w for w in words if all(ord(c) < 0x250 or 0x370 <= ord(c) < 0x530 for c in w)]
    long = [w for w in latin if len(w) >= 4]
    if len(latin) > 0.5 * len(words) and long:
        if sum(not _VOWELS.search(w) for w in long) > 0.25 * len(long):
            return "words without vowels"
        if sum(bool(_CAMEL.search(w)) for w in long) > 0.2 * len(long):
            return "capitals inside words"
    single = sum(len(w) == 1 and ord(w) < 0x250 for w in words)
    if single > 0.45 * len(words) and (layout.coverage > 0.3 or _common_share(latin) < 0.02):
        return "letters instead of words"
    return ""


def _poor_words(text: str) -> bool:
    words = _WORD.findall(text)
    latin = [w for w in words if all(ord(c) < 0x250 or 0x370 <= ord(c) < 0x530 for c in w)]
    return len(words) >= 60 and len(latin) > 0.7 * len(words) and _common_share(latin) < 0.04


def _common_share(words: list[str]) -> float:
    return sum(w.lower() in _COMMON for w in words) / max(len(words), 1)
