"""Licence evidence and reservations of a web page: what its head, links, structured data and headers state.

A byte search decides whether there is anything to look for; only then is the page parsed. Nothing is concluded here. A
statement about a photo gets scope ``media`` and never speaks for the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from manifests.documents import Claim, Reservation
from manifests.licences import RESERVED, UNKNOWN, category, normalise

#: anything a claim or reservation could start from; a page without any of these is not parsed
_WORTH_PARSING = (
    b"creativecommons.org",
    b"licensebuttons.net",
    b"license",
    b"licence",
    b"rights",
    b"tdm-",
    b"noai",
    b"content-usage",
    b"copyright",
)
_MAX_JSONLD = 1 << 20
_MAX_NODES = 20_000
_MAX_CLAIMS = 64
#: levels looked up from a link for a footer, a caption or an item type
_MAX_ANCESTORS = 100
_META = frozenset(
    {"license", "licence", "dcterms.license", "dcterms.rights", "dc.rights", "dc.license", "rights", "copyright"}
)
#: schema.org types whose licence is the page's text; others (images, videos, data sets, software) speak for themselves
_TEXT_TYPES = frozenset(
    ("article", "blogposting", "newsarticle", "scholarlyarticle", "techarticle", "report", "webpage", "website")
    + ("creativework", "book", "chapter", "blog", "faqpage", "qapage", "itempage", "aboutpage", "collectionpage")
    + ("socialmediaposting", "discussionforumposting")
)
_BADGE = re.compile(r"(?:licensebuttons\.net|i\.creativecommons\.org)/l/([a-z-]+)/(\d\.\d)", re.IGNORECASE)
_CC_HOST = re.compile(r"^(?:https?:)?//(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/", re.IGNORECASE)
_MEDIA_TAGS = frozenset({"figure", "figcaption", "picture", "video", "audio"})
_MEDIA_NAMES = re.compile(r"caption|credit|photo|image|thumb|gallery|media", re.IGNORECASE)
_FOOTER_NAMES = re.compile(r"footer|licen[cs]e|copyright|colophon", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:not|no longer|except|unlike|don't|doesn't)\b[^.]{0,60}$|^[^.]{0,60}\bnot (?:use|apply)", re.I
)
_RESERVED_TEXT = re.compile(r"all rights reserved|tous droits réservés|alle rechte vorbehalten", re.IGNORECASE)


def from_html(
    html: bytes, *, headers: Mapping[str, str], url: str
) -> tuple[tuple[Claim, ...], tuple[Reservation, ...]]:
    """Claims and reservations of a page and of the HTTP headers it came with (names in lower case).

    The page should be one that ``extract_text`` accepts: its limits bound what parsing costs.
    """
    claims = list(_header_claims(headers))
    reservations = list(_header_reservations(headers))
    small = html.lower()  # searching for plain bytes is several times as fast as one pattern without case
    if any(word in small for word in _WORTH_PARSING):
        tree = LexborHTMLParser(html)
        claims += islice(_page_claims(tree), _MAX_CLAIMS)
        reservations += islice(_meta_reservations(tree), _MAX_CLAIMS)
    return tuple(dict.fromkeys(claims[:_MAX_CLAIMS])), tuple(dict.fromkeys(reservations[:_MAX_CLAIMS]))


def _claim(raw: str, kind: str, scope: str, locator: str, confidence: float) -> Iterator[Claim]:
    expression = normalise(raw)
    # A contract is known to the curator, not to a page that names one.
    if expression != UNKNOWN and category(expression) != "contract":
        yield Claim(expression, kind, scope, locator[:200], raw[:200], "publisher", confidence)


def _header_claims(headers: Mapping[str, str]) -> Iterator[Claim]:
    for target, parameters in re.findall(r"<([^>]*)>((?:\s*;[^,<]*)*)", headers.get("link", "")):
        if re.search(r"rel\s*=\s*\"?[^\";]*\blicense\b", parameters, re.I) and "rsl+xml" not in parameters:
            yield from _claim(target, "http-header", "page", "header: Link", 0.9)


def _header_reservations(headers: Mapping[str, str]) -> Iterator[Reservation]:
    robots = headers.get("x-robots-tag", "")
    if robots:
        yield from _robots(robots, "x-robots-tag", "header: X-Robots-Tag")
    tdm = headers.get("tdm-reservation", "").strip()
    if tdm in ("0", "1"):
        yield Reservation("tdmrep", "deny" if tdm == "1" else "allow", "*", "header: TDM-Reservation", tdm)
    yield from _usage(headers.get("content-usage", ""), "aipref", "header: Content-Usage")
    for target in re.findall(r"<([^>]*)>[^,<]*rsl\+xml", headers.get("link", "")):
        yield Reservation("rsl", "unknown", "*", "header: Link", target[:200])


def _meta_reservations(tree: LexborHTMLParser) -> Iterator[Reservation]:
    for node in tree.css("meta[name][content]"):
        attributes = node.attributes
        name, content = (attributes.get("name") or "").strip().lower(), (attributes.get("content") or "").strip()
        if name in ("robots", "googlebot", "ccbot", "gptbot"):
            yield from _robots(content, "meta-robots", f"meta name={name}", "*" if name == "robots" else name)
        elif name == "tdm-reservation" and content in ("0", "1"):
            yield Reservation("tdmrep", "deny" if content == "1" else "allow", "*", "meta", content)
    for node in tree.css('link[rel~="license"][type="application/rsl+xml"]'):
        yield Reservation("rsl", "unknown", "*", "link rel=license", (node.attributes.get("href") or "")[:200])


def _robots(value: str, protocol: str, locator: str, agent: str = "*") -> Iterator[Reservation]:
    tokens = {t.strip().lower() for t in value.split(",")}
    if tokens & {"noai", "noml", "nothirdparty-ai"}:
        yield Reservation(protocol, "deny", agent, locator, value[:200])


def _usage(value: str, protocol: str, locator: str) -> Iterator[Reservation]:
    """IETF AIPREF's dictionary: ``train-ai=n``."""
    for key, answer in re.findall(r"(train-ai|ai-train)\s*=\s*([yn])", value.lower()):
        yield Reservation(protocol, "deny" if answer == "n" else "allow", "*", locator, f"{key}={answer}")


def _page_claims(tree: LexborHTMLParser) -> Iterator[Claim]:
    for node in tree.css("meta[content]"):
        name = (node.attributes.get("name") or node.attributes.get("property") or "").strip().lower()
        if name in _META:
            content = (node.attributes.get("content") or "").strip()
            if _RESERVED_TEXT.search(content):
                yield Claim(RESERVED, "meta", "page", f"meta {name}", content[:200], "publisher", 0.8)
            else:
                yield from _claim(content, "meta", "page", f"meta {name}", 0.85)
    for node in tree.css('link[rel~="license"][href]'):
        if (node.attributes.get("type") or "") != "application/rsl+xml":
            yield from _claim(node.attributes.get("href") or "", "link-rel", "page", "link rel=license", 0.9)
    for node in tree.css('script[type="application/ld+json"]'):
        yield from _jsonld(node.text(deep=True))
    for node in tree.css("a[href]"):
        href = node.attributes.get("href") or ""
        # only what will be a claim is looked at closely: that bounds the work on a page of a million links
        if _CC_HOST.match(href) and normalise(href) != UNKNOWN:
            yield from _anchor(node, href)
    for node in tree.css("img[src]"):
        if badge := _BADGE.search(node.attributes.get("src") or ""):
            address = f"https://creativecommons.org/licenses/{badge[1]}/{badge[2]}/"
            if normalise(address) != UNKNOWN:
                yield from _claim(address, "badge", "media" if _of_media(node) else "page", "img", 0.6)


def _anchor(node: Any, href: str) -> Iterator[Claim]:
    """A link to a Creative Commons deed: what it licenses depends on where it stands."""
    relation = (node.attributes.get("rel") or "").lower().split()
    if _of_media(node):
        yield from _claim(href, "body-link", "media", "a in media", 0.5)
    elif _is_negated(node):
        yield from _claim(href, "mention", "other", "a", 0.1)
    elif "license" in relation:
        yield from _claim(href, "a-rel-license", "page", "a rel=license", 0.8)
    elif _within(node, {"footer"}, _FOOTER_NAMES):
        scope = "media" if re.search(r"\b(?:photos?|images?|icons?)\b", _context(node), re.I) else "page"
        yield from _claim(href, "footer-link", scope, "a in footer", 0.65)
    else:
        yield from _claim(href, "body-link", "page", "a", 0.25)


def _of_media(node: Any) -> bool:
    if _within(node, _MEDIA_TAGS, _MEDIA_NAMES):
        return True
    for here in _upwards(node):
        attributes = here.attributes or {}
        about = attributes.get("about") or attributes.get("resource") or ""
        if re.search(r"\.(?:jpe?g|png|gif|webp|svg|mp4|mp3|ogg)(?:$|[?#])", about, re.I):
            return True
        if re.search(r"(?:Image|Video|Audio|Media)Object|Photograph", attributes.get("itemtype") or ""):
            return True
    return False


def _upwards(node: Any) -> Iterator[Any]:
    """The node and its ancestors, up to a limit."""
    for _ in range(_MAX_ANCESTORS):
        if node is None:
            return
        yield node
        node = node.parent


def _within(node: Any, tags: frozenset[str] | set[str], names: re.Pattern[str]) -> bool:
    """Whether the node or an ancestor (not the body itself) has one of the tags, or such a class or id."""
    for here in _upwards(node):
        if here.tag in ("body", "html"):
            return False
        attributes = here.attributes or {}
        if here.tag in tags or names.search(f"{attributes.get('class') or ''} {attributes.get('id') or ''}"):
            return True
    return False


def _context(node: Any) -> str:
    parent = node.parent
    return " ".join((parent.text(deep=True) if parent is not None else "").split())[:300]


def _is_negated(node: Any) -> bool:
    text = _context(node)
    before, _, after = text.partition(" ".join(node.text(deep=True).split()) or "\0")
    return bool(_NEGATED.search(before[-80:]) or re.search(r"\bwe do not use\b|\bdoes not apply\b", after[:80], re.I))


def _jsonld(text: str) -> Iterator[Claim]:
    if len(text) > _MAX_JSONLD:
        return
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    stack: list[tuple[Any, str]] = [(data, "")]
    seen = 0
    while stack and seen < _MAX_NODES:
        node, owner = stack.pop()
        seen += 1
        if isinstance(node, list):
            stack += [(item, owner) for item in node]
        elif isinstance(node, dict):
            types = node.get("@type") or ""
            names = {str(t).rsplit("/", 1)[-1].lower() for t in (types if isinstance(types, list) else [types]) if t}
            kind = next(iter(sorted(names & _TEXT_TYPES)), "") or next(iter(sorted(names)), owner)
            scope = "page" if kind in _TEXT_TYPES else "media"
            for value in _values(node.get("license")):
                yield from _claim(value, "jsonld", scope, f"json-ld {kind or 'node'}", 0.9)
            stack += [(v, kind) for k, v in node.items() if k != "license" and isinstance(v, (dict, list))]


def _values(licence: Any) -> Iterator[str]:
    for item in licence if isinstance(licence, list) else [licence]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            for key in ("@id", "url", "name"):
                if isinstance(item.get(key), str):
                    yield item[key]
                    break
