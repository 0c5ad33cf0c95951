"""Feeds: RSS (2.0 and 1.0) and Atom, one document each, an entry after the other.

Read by a search over the bytes, not by an XML parser: feeds are often not well-formed, and entities cannot expand.
"""

from __future__ import annotations

import html as entities
import re

from pipelines.charset import as_utf8
from pipelines.extract import ExtractionError, Limits
from pipelines.html import TooCostly, all_text

_ROOT = re.compile(rb"<(?:rss|feed|rdf:RDF)[\s>]", re.IGNORECASE)
_ENTRY = re.compile(rb"<(item|entry)[\s>](.*?)</\1\s*>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(rb"<title(?:\s[^>]{0,200})?>(.*?)</title\s*>", re.DOTALL | re.IGNORECASE)
#: the fullest first
_BODIES = tuple(
    re.compile(rb"<%s(?:\s[^>]{0,200})?>(.*?)</%s\s*>" % (name, name), re.DOTALL | re.IGNORECASE)
    for name in (b"content:encoded", b"content", b"description", b"summary")
)
_CDATA = re.compile(rb"\s*<!\[CDATA\[(.*?)\]\]>\s*", re.DOTALL)


def is_feed(body: bytes) -> bool:
    return _ROOT.search(body, 0, 4096) is not None


def read(body: bytes, charset: str | None, *, limits: Limits) -> tuple[str, str]:
    """Title and text of a feed. ExtractionError as for a page."""
    if len(body) > limits.bytes:
        raise ExtractionError("record_too_large", f"feed of {len(body):,} bytes, limit {limits.bytes:,}")
    data, _ = as_utf8(body, charset)
    try:
        entries = [_entry(match[2], limits) for match in _ENTRY.finditer(data)]
        title = _TITLE.search(data)
        return (_text(title[1], limits) if title else "").replace("\n", " "), "\n\n".join(filter(None, entries))
    except TooCostly as error:
        raise ExtractionError("too_complex", f"an entry is too costly: {error}") from None


def _entry(data: bytes, limits: Limits) -> str:
    title = _TITLE.search(data)
    body = next((match for match in (pattern.search(data) for pattern in _BODIES) if match), None)
    return "\n\n".join(filter(None, (_text(match[1], limits) for match in (title, body) if match)))


def _text(data: bytes, limits: Limits) -> str:
    """Text of an element that holds HTML: as character data, or escaped."""
    inside = _CDATA.fullmatch(data)
    markup = inside[1] if inside else entities.unescape(data.decode("utf-8", "replace")).encode("utf-8", "replace")
    return all_text(markup, depth=limits.depth, nodes=limits.nodes)
