"""``python -m training.languages``: what main text loses where a page is not English.

No development page is in another script. So every word of the pages, and of their true texts, is exchanged for one of a
made-up language that is written as a real one is: without spaces, without capitals, with its own marks. Elements,
classes and lengths stay. The classifier was trained on these pages, so what counts is the difference to English. F1 is
of so many letters in a row, white space left out, as words cannot be told apart everywhere.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence

from pipelines.extract import extract_text
from training.main_text import SETS, load

_WORD = re.compile(r"[A-Za-z]+")
_NO_TEXT = re.compile(r"(<script\b.*?</script>|<style\b.*?</style>|<!--.*?-->|<[^>]*>|&[#\w]+;)", re.DOTALL | re.I)
_CHARSET = re.compile(r"charset=[\"']?[\w-]+", re.I)

Language = Callable[[str], str]


def _letters(first: int, count: int) -> Language:
    """Words of as many letters of another alphabet, none of them a capital."""
    return lambda text: _WORD.sub(lambda m: "".join(chr(first + ord(c) * 7 % count) for c in m[0].lower()), text)


def _unspaced(text: str, script: str) -> str:
    return re.sub(rf"(?<=[{script}]) +(?=[{script}])", "", text)


def _han(text: str) -> str:
    """One character for a short word, two for others; no spaces."""

    def word(match: re.Match[str]) -> str:
        value = int.from_bytes(hashlib.blake2b(match[0].lower().encode(), digest_size=4).digest(), "big")
        return chr(0x4E00 + value % 3000) + (chr(0x4E00 + (value >> 12) % 3000) if len(match[0]) > 4 else "")

    for mark, wide in (", ", "，"), (". ", "。"), ("? ", "？"), ("! ", "！"):
        text = text.replace(mark, wide)
    return _unspaced(_WORD.sub(word, text), "\u4e00-\u9fff，。？！")


def _thai(text: str) -> str:
    """Neither spaces nor full stops."""
    return _unspaced(_letters(0xE01, 46)(text.replace(". ", " ").replace(", ", " ")), "\u0e00-\u0e7f")


#: languages, and the letters of two or three words
LANGUAGES: dict[str, tuple[Language, int]] = {
    "English": (lambda text: text, 12),
    "other Latin": (lambda text: _WORD.sub(lambda m: m[0][0] + m[0][:0:-1] + "x", text), 12),
    "Cyrillic": (_letters(0x430, 32), 12),
    "Arabic": (lambda text: _letters(0x627, 35)(text.replace(",", "،").replace("?", "؟")), 12),
    "Devanagari": (_letters(0x915, 36), 12),
    "Thai": (_thai, 12),
    "Han": (_han, 4),
}


def _page(html: str, language: Language) -> bytes:
    pieces = _NO_TEXT.split(_CHARSET.sub("charset=utf-8", html))
    return "".join(p if i % 2 else language(p) for i, p in enumerate(pieces)).encode()


def _f1(truth: str, text: str, letters: int) -> float:
    one, other = (Counter(s[i : i + letters] for i in range(len(s) - letters + 1)) for s in map(_joined, (truth, text)))
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0


def _joined(text: str) -> str:
    return "".join(text.split())


def measure(pages: Sequence[tuple[str, str]], language: Language, letters: int) -> float:
    """Mean F1 of ``(html, true text)`` in a language."""
    found = [
        _f1(language(truth), extract_text(_page(html, language), charset="utf-8").text, letters)
        for html, truth in pages
    ]
    return sum(found) / len(found)


def main() -> None:
    for name in SETS:
        pages = [(sample.html.decode("utf-8", "replace"), sample.truth) for sample in load(name)]
        print(name, *(f"{n} {measure(pages, *language):.3f}" for n, language in LANGUAGES.items()), sep="  ")


if __name__ == "__main__":
    main()
