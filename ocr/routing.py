"""Which way a page goes: its text layer, OCR, or nowhere because it is blank. Every decision names its reason.

Lexical signs find text layers that are garbage although every character is a letter (shifted alphabets, broken
character maps); pdfium's own "unicode map error" flag does not, and fires on text that is right.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"[a-zà-ÿ][A-ZÀ-Þ]")
_VOWELS = frozenset("aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýœаеёиоуыэюяіїєαεηιουωάέήίόύώ")
#: the commonest words of eight languages: running text in any of them holds at least a few in a hundred
_COMMON = frozenset(
    (
        "the of and to in a is that for it as with on by this be are from or an at not which "
        "der die und den von zu das mit ist des auf für nicht le la les de et un une du que est pour dans "
        "el los las y del se por con una il di che per non sono o do da em os para com не на что по как это и в с"
    ).split()
)
#: pdfium writes a hyphen at the end of a line as this
SOFT_HYPHEN = "\ufffe"


@dataclass(frozen=True)
class Signs:
    """What a page shows. Shares are 0 to 1; ``common`` is None without Latin, Cyrillic or Greek words."""

    characters: int = 0  #: without blanks
    bad: float = 0.0  #: U+FFFD, controls, private use, unassigned
    words: int = 0
    letters: float = 0.0  #: words of a single letter
    vowelless: float = 0.0  #: words of four letters or more without a vowel
    humped: float = 0.0  #: words with a capital after a small letter
    common: float | None = None  #: words that are common in some language
    latin: float = 0.0  #: words in Latin, Cyrillic or Greek letters
    covered: float = 0.0  #: page area under images
    images: int = 0
    paths: int = 0
    hidden: float = 0.0  #: text objects drawn invisibly
    ink: float = 0.0  #: pixels unlike the background, where there is next to no text


@dataclass(frozen=True)
class Route:
    way: str
    reason: str


def text_signs(text: str) -> Signs:
    """The lexical signs of a text layer."""
    characters = sum(not c.isspace() for c in text)
    if not characters:
        return Signs()
    words = _WORD.findall(text.replace(SOFT_HYPHEN, ""))
    latin = [w for w in words if all(ord(c) < 0x250 or 0x370 <= ord(c) < 0x530 for c in w)]
    long = [w for w in latin if len(w) >= 4]
    return Signs(
        characters=characters,
        bad=sum(map(_is_bad, text)) / characters,
        words=len(words),
        letters=sum(len(w) == 1 and ord(w) < 0x250 for w in words) / max(1, len(words)),
        vowelless=sum(_VOWELS.isdisjoint(w.lower()) for w in long) / max(1, len(long)),
        humped=sum(bool(_HUMP.search(w)) for w in long) / max(1, len(long)),
        common=sum(w.lower() in _COMMON for w in latin) / len(latin) if latin else None,
        latin=len(latin) / max(1, len(words)),
    )


def _is_bad(c: str) -> bool:
    if c == SOFT_HYPHEN or c in "\r\n\t":
        return False
    return c < " " or c == "\ufffd" or unicodedata.category(c) in ("Co", "Cn")


def decide(s: Signs) -> Route:
    """The way of a page by its signs (thresholds tuned on 428 pages of 262 files, each read by eye)."""
    if s.characters < 20:
        if s.covered >= 0.15 or s.paths >= 40:
            return Route("ocr", "picture without text") if s.ink > 0.001 else Route("empty", "blank picture")
        if s.characters == 0:
            return Route("ocr", "ink without text") if s.ink >= 0.0005 else Route("empty", "blank page")
        return Route("text", "little text")
    many = s.words >= 30
    if s.bad > 0.02 and s.words >= 15:
        return Route("ocr", "unreadable characters")
    if many and s.latin > 0.5 and (s.vowelless > 0.25 or s.humped > 0.2):
        return Route("ocr", "garbled words")
    if many and s.letters > 0.45 and (s.covered > 0.3 or (s.common or 0) < 0.02):
        return Route("ocr", "letters apart")
    strange = s.common is not None and s.latin > 0.7 and s.words >= 60 and s.common < 0.04
    if s.covered >= 0.6:
        if s.characters < 200:
            return Route("ocr", "scan with little text")
        return (
            Route("ocr", "scan with a poor text layer") if strange else Route("hidden_text", "scan with a text layer")
        )
    if strange and s.common == 0 and s.vowelless > 0.1:
        return Route("ocr", "no word of any known language")
    if s.covered >= 0.3 and s.characters < 150:
        return Route("ocr", "picture with little text")
    return Route("text", "text layer")
