"""Feeds: RSS (2.0 and 1.0) and Atom, one document each, an entry after the other.

Read by a search over the bytes, not by an XML parser: feeds are often not well-formed, and entities cannot expand.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterator

from pipelines.charset import as_utf8
from pipelines.extract import ExtractionError, Limits
from pipelines.html import TooCostly, all_text

_ROOT = re.compile(rb"<(?:rss|feed|rdf:RDF)[\s>]", re.IGNORECASE)


def _tags(names: bytes, rest: bytes = rb"(?:\s[^>]{0,200})?>") -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """What opens an element of one of the names, and what closes it."""
    return (
        re.compile(rb"<(?:%s)%s" % (names, rest), re.IGNORECASE),
        re.compile(rb"</(?:%s)\s*>" % names, re.IGNORECASE),
    )


_ENTRY, _TITLE = _tags(b"item|entry", rb"[\s>]"), _tags(b"title")
#: the fullest first
_BODIES = tuple(map(_tags, (b"content:encoded", b"content", b"description", b"summary")))
_CDATA = re.compile(rb"\s*<!\[CDATA\[(.*?)\]\]>\s*", re.DOTALL)


def is_feed(body: bytes) -> bool:
    return _ROOT.search(body, 0, 4096) is not None


def read(body: bytes, charset: str | None, *, limits: Limits) -> tuple[str, str]:
    """Title and text of a feed. ExtractionError as for a page."""
    if len(body) > limits.bytes:
        raise ExtractionError("record_too_large", f"feed of {len(body):,} bytes, limit {limits.bytes:,}")
    data, _ = as_utf8(body, charset)
    try:
        entries = [_entry(inside, limits) for inside in _elements(data, _ENTRY)]
        title = next(_elements(data, _TITLE), b"")
        return _text(title, limits).replace("\n", " "), "\n\n".join(filter(None, entries))
    except TooCostly as error:
        raise ExtractionError("too_complex", f"an entry is too costly: {error}") from None


def _elements(data: bytes, tags: tuple[re.Pattern[bytes], re.Pattern[bytes]]) -> Iterator[bytes]:
    """What is inside each element. Behind one that is never closed there is none, so time is linear in the bytes."""
    opening, closing = tags
    at = 0
    while (start := opening.search(data, at)) and (end := closing.search(data, start.end())):
        yield data[start.end() : end.start()]
        at = end.end()


def _entry(data: bytes, limits: Limits) -> str:
    title = next(_elements(data, _TITLE), b"")
    body = next((found for tags in _BODIES for found in _elements(data, tags)), b"")
    return "\n\n".join(filter(None, (_text(part, limits) for part in (title, body))))


def _text(data: bytes, limits: Limits) -> str:
    """Text of an element that holds HTML: as character data, or escaped."""
    inside = _CDATA.fullmatch(data)
    markup = inside[1] if inside else entities.unescape(data.decode("utf-8", "replace")).encode("utf-8", "replace")
    return all_text(markup, depth=limits.depth, nodes=limits.nodes)
