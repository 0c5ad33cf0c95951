"""A page as evidence needs it: the elements around a place, their attributes, and the words beside a link."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache

import numpy as np

from pipelines.evidence import scan

_ATTRIBUTE = re.compile(rb"""([^\s"'<>/=\x00]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""", re.DOTALL)
_TAG = re.compile(rb"<!--.*?-->|<(script|style)\b.*?</\1|<[^>]*>", re.DOTALL | re.IGNORECASE)
_MOST_ATTRIBUTES = 50
_MOST_VALUE = 2000
#: levels looked up from a link for a footer, a caption or an item type
_MOST_ANCESTORS = 100
#: bytes of an element looked at for words
_AROUND = 1500
_BLOCKS = frozenset(
    map(
        scan.hash_of,
        "p li td th dd dt div footer section article aside figcaption figure blockquote body address main header nav "
        "h1 h2 h3 h4 h5 h6 small center form table tr ul ol dl pre details summary label caption".split(),
    )
)


class Page:
    """``elements`` are made on first use, or taken from an extractor that has them."""

    def __init__(self, html: bytes, elements: scan.Elements | None = None) -> None:
        self.html = html
        self._given = elements
        self._attributes: dict[int, Mapping[str, str]] = {}

    @cached_property
    def elements(self) -> scan.Elements:
        return self._given if self._given is not None else scan.elements(self.html)

    def at(self, position: int) -> int:
        """The element whose start tag holds this byte; -1 when none does, as within comments and raw text."""
        i = int(np.searchsorted(self.elements.start, position, side="right")) - 1
        return i if i >= 0 and position < self.elements.stop[i] else -1

    def around(self, position: int) -> int:
        """The innermost element that holds this byte as content; -1 at the top."""
        i = int(np.searchsorted(self.elements.start, position, side="right")) - 1
        while i >= 0 and self.elements.end[i] <= position:
            i = int(self.elements.parent[i])
        return i

    def name(self, i: int) -> str:
        start = int(self.elements.start[i]) + 1
        match = re.match(rb"[^\s/>]{1,40}", self.html[start : start + 40])
        return match[0].decode("ascii", "replace").lower() if match else ""

    def attributes(self, i: int) -> Mapping[str, str]:
        """Names in lower case, values without entities; the first of equals counts."""
        if i not in self._attributes:
            start, stop = int(self.elements.start[i]), int(self.elements.stop[i])
            self._attributes[i] = attributes_of(self.html[start : min(stop, start + 20_000)])
        return self._attributes[i]

    def ancestors(self, i: int) -> Iterator[int]:
        """The element's parent, its parent, and so on, up to a limit."""
        for _ in range(_MOST_ANCESTORS):
            i = int(self.elements.parent[i]) if i >= 0 else -1
            if i < 0:
                return
            yield i

    def block(self, i: int) -> int:
        """The nearest element that is a block: itself, or an ancestor; -1 at the top."""
        while i >= 0 and int(self.elements.name[i]) not in _BLOCKS:
            i = int(self.elements.parent[i])
        return i

    def text(self, i: int, most: int = _AROUND) -> str:
        start = int(self.elements.stop[i])
        return self.words(start, min(int(self.elements.end[i]), start + most))

    def beside(self, i: int) -> tuple[str, str, str]:
        """The words of its block before an element, its own, and those after it."""
        block = self.block(int(self.elements.parent[i]))
        start, end = int(self.elements.start[i]), max(int(self.elements.end[i]), int(self.elements.stop[i]))
        first = int(self.elements.stop[block]) if block >= 0 else 0
        last = int(self.elements.end[block]) if block >= 0 else len(self.html)
        before = self.words(max(first, start - _AROUND), start)
        return before, self.text(i), self.words(end, min(last, end + _AROUND))

    def words(self, start: int, end: int) -> str:
        """The visible words between two bytes, blanks collapsed."""
        piece = self.html[start:end]
        opened, closed = piece.find(b"<"), piece.find(b">")
        if 0 <= closed < opened or (opened < 0 <= closed):  # cut within a tag
            piece = piece[closed + 1 :]
        return " ".join(_text(_TAG.sub(b" ", piece)).split())


def attributes_of(tag: bytes) -> dict[str, str]:
    """Of a start tag: names in lower case, values without entities; the first of equals counts."""
    name = re.match(rb"<[^\s/>]*", tag)
    found: dict[str, str] = {}
    for match, _ in zip(_ATTRIBUTE.finditer(tag, name.end() if name else 0), range(_MOST_ATTRIBUTES), strict=False):
        key, *values = match.groups()
        value = next((v for v in values if v is not None), b"")[:_MOST_VALUE]
        found.setdefault(key.decode("utf-8", "replace").lower(), _text(value).strip())
    return found


@lru_cache(4096)
def _text(raw: bytes) -> str:
    return entities.unescape(raw.decode("utf-8", "replace"))
