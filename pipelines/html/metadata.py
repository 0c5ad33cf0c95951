"""What a page's head states: title, author, date, address, language, and what kind of page it says it is."""

from __future__ import annotations

import html as entities
import json
import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipelines.html.blocks import words_of
from pipelines.html.elements import fnv
from pipelines.html.page import Page

_NAMES = {
    "title": ("title",),
    "meta:og:title": ("other_title",),
    "meta:twitter:title": ("other_title",),
    "meta:author": ("author",),
    "meta:article:author": ("other_author",),
    "meta:dc.creator": ("author",),
    "meta:dcterms.creator": ("author",),
    "meta:parsely-author": ("author",),
    "meta:citation_author": ("author",),
    "meta:article:published_time": ("date",),
    "meta:datepublished": ("date",),
    "meta:dc.date": ("date",),
    "meta:dcterms.created": ("date",),
    "meta:dc.date.issued": ("date",),
    "meta:date": ("date",),
    "meta:pubdate": ("date",),
    "meta:publishdate": ("date",),
    "meta:parsely-pub-date": ("date",),
    "meta:citation_publication_date": ("date",),
    "meta:sailthru.date": ("date",),
    "time": ("time",),
    "link:canonical": ("canonical",),
    "meta:og:url": ("other_url",),
    "html:lang": ("language",),
    "meta:content-language": ("other_language",),
    "meta:og:locale": ("other_language",),
    "meta:og:type": ("type",),
    "json-ld": ("json",),
}
_KEYS = {fnv(name.encode()): field for name, (field,) in _NAMES.items()}
ARTICLE, PRODUCT, WEBSITE, POSTING, FORUM = 1, 2, 4, 8, 16
_TYPES = ((b"article", ARTICLE), (b"product", PRODUCT), (b"website", WEBSITE))
_JSON_KINDS = re.compile(rb'"@type"\s*:\s*\[?\s*"(?:https?://schema.org/)?(\w+)"')
_JSON_BITS = {
    b"Product": PRODUCT,
    b"ProductGroup": PRODUCT,
    b"Article": POSTING,
    b"NewsArticle": POSTING,
    b"BlogPosting": POSTING,
    b"TechArticle": POSTING,
    b"ReportageNewsArticle": POSTING,
    b"DiscussionForumPosting": FORUM,
    b"QAPage": FORUM,
}
_JSON_BODY = re.compile(rb'"articleBody"\s*:\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_JSON_DATE = re.compile(rb'"datePublished"\s*:\s*"([^"\\]{4,40})"')
_JSON_AUTHOR = re.compile(
    rb'"author"\s*:\s*(?:"([^"\\]{2,100})"|\[?\s*\{[^{}]{0,400}?"name"\s*:\s*"((?:[^"\\]|\\.){2,100})")'
)
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_MAX_JSON = 1 << 18


@dataclass(frozen=True)
class Metadata:
    """``date`` is ISO 8601 (a day); all are empty where the page does not say. ``hints`` are bits of page kinds."""

    title: str = ""
    author: str = ""
    date: str = ""
    canonical: str = ""
    language: str = ""
    hints: int = 0
    title_words: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))


def metadata(html: bytes, page: Page) -> Metadata:
    """The first statement of each kind counts: of meta elements, then of structured data, then of the body."""
    found: dict[str, tuple[int, int]] = {}
    hints = 0
    json_date = json_author = b""
    starts, ends = page.state_start.tolist(), page.state_end.tolist()
    for key, start, end in zip(page.state_key.tolist(), starts, ends, strict=True):
        kind = _KEYS.get(key)
        if kind is None:
            continue
        if kind == "json":
            data = html[start : min(end, start + _MAX_JSON)]
            for name in _JSON_KINDS.findall(data):
                hints |= _JSON_BITS.get(name, 0)
            if not json_date and (match := _JSON_DATE.search(data)):
                json_date = match[1]
            if not json_author and (match := _JSON_AUTHOR.search(data)):
                json_author = match[1] or match[2]
        elif kind == "type":
            value = html[start:end].lower()
            for name, bit in _TYPES:
                hints |= bit if name in value else 0
        elif kind not in found:
            found[kind] = (start, end)

    def text(*kinds: str, limit: int = 1000) -> str:
        for kind in kinds:
            if kind in found:
                start, end = found[kind]
                value = entities.unescape(html[start : min(end, start + 4 * limit)].decode("utf-8", "replace"))
                if value := " ".join(value.replace("\0", "").split())[:limit]:
                    return value
        return ""

    title = found.get("title") or found.get("other_title")
    author = text("author", limit=200) or _unquoted(json_author) or text("other_author", limit=200)
    return Metadata(
        title=text("title", "other_title"),
        author="" if author.startswith(("http://", "https://")) else author,
        date=_day(text("date", limit=60)) or _day(json_date.decode("utf-8", "replace")) or _day(text("time", limit=60)),
        canonical=text("canonical", "other_url", limit=2000),
        language=text("language", "other_language", limit=35).replace("_", "-"),
        hints=hints,
        title_words=words_of(html, *title) if title else np.zeros(0, np.uint32),
    )


def article_body(html: bytes, page: Page) -> str:
    """The longest article that structured data holds, for pages whose text only a script would show; else empty."""
    found = [""]
    states = zip(page.state_key.tolist(), page.state_start.tolist(), page.state_end.tolist(), strict=True)
    for key, start, end in states:
        if _KEYS.get(key) == "json":
            found += [_unquoted(body, lines=True) for body in _JSON_BODY.findall(html[start:end])]
    return max(found, key=len)


def _day(text: str) -> str:
    """The day of an ISO date; empty where it is none."""
    found = _DATE.match(text)
    if not found or not (1900 <= int(found[1]) <= 2100 and 1 <= int(found[2]) <= 12 and 1 <= int(found[3]) <= 31):
        return ""
    return "-".join(found.groups())


def _unquoted(text: bytes, *, lines: bool = False) -> str:
    """A JSON string's content, as one line unless ``lines``; empty where it is none."""
    if not text:
        return ""
    try:
        value = json.loads(b'"' + text + b'"', strict=False)
    except ValueError:
        return ""
    plain = entities.unescape(str(value)).replace("\0", "").encode("utf-8", "ignore").decode()
    parts = plain.split("\n") if lines else [plain]
    return "\n".join(" ".join(part.split()) for part in parts).strip()
