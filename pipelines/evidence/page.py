"""Licence evidence and reservations of a web page: what its head, links, structured data, words and headers state.

A byte search finds the places worth a look; only these are looked at, with the elements around them. A page without any
costs nothing more.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from urllib.parse import urljoin

from manifests.documents import Claim, Reservation
from manifests.licences import RESERVED, UNKNOWN, category, normalise
from pipelines.evidence import headers as http
from pipelines.evidence import jsonld, meta, scan, subject
from pipelines.evidence.claims import claim
from pipelines.evidence.dom import Page, attributes_of

_MOST_CLAIMS = 64
#: places looked at on one page: real ones have a handful
_MOST_PLACES = 400
_PROPERTIES = re.compile(r"(?:^|[\s:/#])(?:license|licence)$", re.IGNORECASE)
_BADGE = re.compile(
    r"//(?:www\.)?(?:licensebuttons\.net|i\.creativecommons\.org)/[lp]/([a-z0-9+-]+)/(\d\.\d)", re.IGNORECASE
)
_CC = re.compile(r"^(?:https?:)?//(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/", re.IGNORECASE)
#: "licensed under a Creative Commons Attribution 4.0 International License", in words alone
_STATED = re.compile(
    r"(?:licen[cs]ed|available|released|published|distributed|shared|provided|made available|lizenziert|veröffentlicht|"
    r"sous (?:une )?licence|bajo (?:una )?licencia|con licenza|sob (?:uma )?licença)[^.]{0,60}?"
    r"((?:creative commons|cc)(?:[ \-–/](?:by|nc|nd|sa|zero|0|attribution|non[- ]?commercial|share[- ]?alike|"
    r"no[- ]?deriv\w*|v?\d\.\d|international|unported|generic)\b)+)",
    re.IGNORECASE,
)
_STATEMENT_CONFIDENCE = 0.3
#: of bytes: a tag that may license something, words that may, and rights reserved
_NAMES_LICENCE = re.compile(
    rb"(?:rel|itemprop|property)\s*=\s*[\"']?[^\"'>]*licen|creativecommons\.org|licensebuttons\.net"
)
_MAY_STATE = re.compile(rb"creative commons|\bcc[ -](?:by|0|zero)", re.IGNORECASE)
_RESERVED_BYTES = re.compile(rb".rights\s+reserved", re.IGNORECASE | re.DOTALL)
_MOST_TAG = 4096


def from_html(
    html: bytes, *, headers: Mapping[str, str], url: str, elements: scan.Elements | None = None
) -> tuple[tuple[Claim, ...], tuple[Reservation, ...]]:
    """Claims and reservations of a page and of the HTTP headers it came with (names in lower case).

    ``elements``: those an extractor has made of the same bytes. The page should be one that ``extract_text`` accepts.
    """
    claims = list(islice(http.claims(headers), _MOST_CLAIMS))
    reserved = list(islice(http.reserved(headers), _MOST_CLAIMS))
    html = _ascii_compatible(html)
    hits = scan.hits(html)
    if len(hits.position):
        found = _Places(Page(html, elements), hits, url)
        claims += islice(found.claims(), _MOST_CLAIMS)
        reserved += islice(found.reservations(), _MOST_CLAIMS)
    return tuple(dict.fromkeys(claims))[:_MOST_CLAIMS], tuple(dict.fromkeys(reserved))[:_MOST_CLAIMS]


def _ascii_compatible(html: bytes) -> bytes:
    """UTF-16 and UTF-32 as UTF-8: in all other encodings of pages, markup is ASCII."""
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if html.startswith(mark):
            return html.decode(encoding, "replace").encode()
    return html


class _Places:
    """The places of a page that the byte search found, sorted by what may stand there."""

    def __init__(self, page: Page, hits: scan.Hits, url: str) -> None:
        self.page, self.url = page, url
        self._metas: list[tuple[int, bytes]] = []  #: start tags, and a byte of each
        self._tags: list[int] = []  #: bytes within start tags that name a licence
        self._words: list[int] = []  #: bytes of text that may state one
        self._reserved: int | None = None  #: the first "rights reserved" in words
        scripts: list[int] = []
        stated: list[int] = []
        seen = reach = -1
        for position, word, inside in zip(*(a.tolist() for a in hits), strict=True):
            if word in (scan.LICENSE, scan.LICENCE):
                stated.append(position)
            if inside:
                if position >= reach and (place := self._tag(position)) is not None and place[0] != seen:
                    seen, tag = place
                    if word == scan.JSONLD:
                        scripts.append(position)
                    elif tag.startswith(b"<meta") and b"itemprop" not in tag:
                        self._metas.append((position, page.html[seen : seen + len(tag)]))
                    elif _NAMES_LICENCE.search(tag):
                        self._tags.append(position)
                    else:
                        seen = -1  # a later word of the same tag may
            elif word in (scan.LICENSE, scan.LICENCE, scan.CC_NAME):
                if position >= reach and _MAY_STATE.search(page.html, max(position - 80, 0), position + 160):
                    self._words.append(position)
                    reach = position
            elif word > scan.GOOGLEBOT and self._reserved is None and _RESERVED_BYTES.match(page.html, position):
                self._reserved = position
        self._data = [p for p in scripts if self._speaks(p, stated)]
        self._listed: int | None = None

    def _tag(self, position: int) -> tuple[int, bytes] | None:
        """Where the start tag around a byte begins, and the tag in lower case; None for end tags."""
        html = self.page.html
        start = html.rfind(b"<", max(position - _MOST_TAG, 0), position)
        if start < 0 or html[start + 1 : start + 2] in (b"/", b"!", b"?"):
            return None
        return start, html[start : html.find(b">", position, position + _MOST_TAG) + 1 or position + _MOST_TAG].lower()

    def _is_meta(self, position: int) -> bool:
        """Whether a byte is of a meta element: not of a comment, a script, an attribute or a template."""
        i = self.page.at(position)
        return i >= 0 and self.page.name(i) == "meta" and not self._in_template(i)

    def _in_template(self, i: int) -> bool:
        return any(self.page.name(a) == "template" for a in self.page.ancestors(i))

    def _speaks(self, script: int, stated: list[int]) -> bool:
        """Whether a block of structured data names a licence."""
        end = self.page.html.find(b"</script", script)
        return any(script < p < end for p in stated)

    def _elements(self) -> Iterator[int]:
        """Distinct elements whose start tags were hit, in the order of the page."""
        seen = -1
        for position in self._tags[:_MOST_PLACES]:
            i = self.page.at(position)
            if i >= 0 and i != seen:
                seen = i
                yield i

    def claims(self) -> Iterator[Claim]:
        page = self.page
        for position, tag in self._metas[:_MOST_PLACES]:
            # what surrounds a tag is looked at only where the tag says something
            yield from (c for c in meta.claims(attributes_of(tag)) if self._is_meta(position))
        for i in self._elements():
            name, attributes = page.name(i), page.attributes(i)
            if name == "meta":
                yield from self._property(i, attributes)
            elif name == "link":
                yield from self._link(i, attributes)
            elif name in ("a", "area"):
                yield from self._anchor(i, attributes)
            elif name == "img":
                yield from self._badge(i, attributes)
            elif _PROPERTIES.search(f"{attributes.get('itemprop', '')} {attributes.get('property', '')}".strip()) or (
                "license" in attributes.get("rel", "").lower().split()
            ):
                yield from self._property(i, attributes)
        for position in self._data[:_MOST_PLACES]:
            yield from self._jsonld(position)
        yield from self._stated()

    def reservations(self) -> Iterator[Reservation]:
        for position, tag in self._metas[:_MOST_PLACES]:
            yield from (r for r in meta.reserved(attributes_of(tag)) if self._is_meta(position))
        for i in self._elements():
            attributes = self.page.attributes(i)
            if self.page.name(i) == "link" and "rsl+xml" in attributes.get("type", "").lower():
                yield Reservation("rsl", "unknown", "*", "link rel=license", attributes.get("href", "")[:200])

    def _link(self, i: int, attributes: Mapping[str, str]) -> Iterator[Claim]:
        href, relation = attributes.get("href", ""), attributes.get("rel", "").lower().split()
        if "rsl+xml" in attributes.get("type", "").lower():
            return
        if "license" in relation:
            place = subject.by_place(self.page, i, self.url)
            yield from claim(href, "link-rel", place or "page", "link rel=license", 0.9)
        elif attributes.get("itemprop") or attributes.get("property"):
            yield from self._property(i, attributes)

    def _property(self, i: int, attributes: Mapping[str, str]) -> Iterator[Claim]:
        """RDFa and microdata: the item they belong to is what they license."""
        given = attributes.get("itemprop") or attributes.get("property") or ""
        if not _PROPERTIES.search(given) and "license" not in attributes.get("rel", "").lower().split():
            return
        value = next((v for k in ("href", "resource", "content", "src") if (v := attributes.get(k))), "")
        value = value or self.page.text(i, 400)
        place = subject.by_place(self.page, i, self.url) or "page"
        kind = "a-rel-license" if not given else "jsonld"
        yield from claim(value, kind, place, f"{self.page.name(i)} {given or 'rel=license'}", 0.85)

    def _anchor(self, i: int, attributes: Mapping[str, str]) -> Iterator[Claim]:
        """A link to a licence: what it licenses depends on where it stands, and on the words of its clause."""
        href = attributes.get("href", "")
        relation = attributes.get("rel", "").lower().split()
        given = f"{attributes.get('itemprop', '')} {attributes.get('property', '')}".strip()
        marked = "license" in relation or bool(_PROPERTIES.search(given))
        if not (_CC.match(href) or marked) or normalise(href) == UNKNOWN:
            return
        place = subject.by_place(self.page, i, self.url)
        if place in ("media", "other"):
            yield from claim(href, "a-rel-license" if marked else "body-link", place, f"a in {place}", 0.5)
            return
        before, own, after = self.page.beside(i)
        words = subject.by_words(before, own, after)
        typed = subject.by_dcmi_type(
            self.page, self.page.block(int(self.page.elements.parent[i])), int(self.page.elements.start[i])
        )
        if typed or (words in ("media", "other") and place != "page"):
            yield from claim(
                href, "a-rel-license" if marked else "body-link", typed or words, f"a beside {typed or words}", 0.5
            )
            return
        if words == "mention" or (not marked and self._is_list()):
            yield from claim(href, "mention", "other", "a", 0.1)
            return
        if _PROPERTIES.search(given):
            said = ("jsonld", "page", f"a {given}", 0.9)
        elif marked:
            said = ("a-rel-license", "page", "a rel=license", 0.8)
        elif subject.in_footer(self.page, i):
            said = ("footer-link", "page", "a in footer", 0.65)
        elif words == "this":
            said = ("statement-link", "page", "a in a statement", 0.6)
        else:
            said = ("body-link", "page", "a", 0.25)
        yield from claim(href, *said)
        if category(normalise(own)) != category(normalise(href)):  # the words name another licence than the address
            yield from claim(own, *said)

    def _is_list(self) -> bool:
        """Whether the page links to so many licences that it speaks about licences."""
        if self._listed is None:
            found = set[str]()
            for i in self._elements():
                href = self.page.attributes(i).get("href", "")
                if self.page.name(i) == "a" and _CC.match(href) and (expression := normalise(href)) != UNKNOWN:
                    found.add(expression)
            self._listed = len(found)
        return self._listed > 2

    def _badge(self, i: int, attributes: Mapping[str, str]) -> Iterator[Claim]:
        """A licence's button that is no link: the link around it would have spoken for itself."""
        match = _BADGE.search(attributes.get("src", ""))
        if not match or any(self.page.name(a) == "a" and _CC.match(self.page.attributes(a).get("href", ""))
                            for a in islice(self.page.ancestors(i), 3)):  # fmt: skip
            return
        family = "publicdomain" if match[1].lower() in ("zero", "mark") else "licenses"
        address = f"https://creativecommons.org/{family}/{match[1].lower()}/{match[2]}/"
        place = subject.by_place(self.page, i, self.url)
        if not place:
            words = subject.by_words(*self.page.beside(i))
            place = words if words in ("media", "other", "mention") else "page"
        yield from claim(address, "badge", "other" if place == "mention" else place, "img", 0.6)

    def _jsonld(self, position: int) -> Iterator[Claim]:
        i = self.page.at(position)
        if i < 0 or self.page.name(i) != "script" or "ld+json" not in self.page.attributes(i).get("type", "").lower():
            return
        if self._in_template(i):
            return
        start, end = int(self.page.elements.stop[i]), int(self.page.elements.end[i])
        if end - start > jsonld.MOST_BYTES or b"icense" not in self.page.html[start:end]:
            return
        for found in jsonld.licences(self.page.html[start:end].decode("utf-8", "replace"), self.url):
            address = urljoin("https:", found.licence) if found.licence.startswith("//") else found.licence
            yield from claim(address, "jsonld", found.scope, f"json-ld {found.node}", 0.9)

    def _stated(self) -> Iterator[Claim]:
        """Licences named in words alone, and rights reserved in words: weak evidence, and a mention."""
        if self._reserved is not None:
            words = self.page.words(max(self._reserved - 100, 0), self._reserved + 100)
            if meta.RESERVED_WORDS.search(words):
                yield Claim(RESERVED, "mention", "page", "text", words[:200], "publisher", 0.3)
        reach = -1
        for position in self._words[:_MOST_PLACES]:
            if position < reach:
                continue
            i = self.page.around(position)
            if i >= 0 and self.page.name(i) in ("script", "style", "textarea", "title", "template"):
                continue
            block = self.page.block(i)
            start = max(position - 300, int(self.page.elements.stop[block]) if block >= 0 else 0)
            end = min(position + 300, int(self.page.elements.end[block]) if block >= 0 else len(self.page.html))
            text, reach = self.page.words(start, end), end
            place = subject.by_place(self.page, i, self.url) if i >= 0 else ""
            place = place or subject.by_dcmi_type(self.page, block, position)
            for match in _STATED.finditer(text):
                words = subject.by_words(text[: match.start()], match[0], text[match.end() :])
                scope = place or (words if words in ("media", "other") else "page")
                kind = "mention" if words == "mention" else "statement"
                yield from claim(match[1].strip(" -–/"), kind, scope, "text", _STATEMENT_CONFIDENCE)
