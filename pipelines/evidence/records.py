"""Evidence outside web pages: fields of catalogues, JATS, package metadata, licence files of a source tree."""

from __future__ import annotations

import json
import re
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from datetime import date
from email.parser import HeaderParser
from typing import Any

from manifests.documents import Claim
from manifests.licences import UNKNOWN, category, identify_file, normalise

_MOST_XML = 4_000_000
#: columns that hold a licence where the recipe names none, and whose statement it is: kind, asserter, confidence
FIELDS: Mapping[str, tuple[str, str, float]] = {
    "license": ("metadata", "aggregator", 0.7),
    "licence": ("metadata", "aggregator", 0.7),
    "ContentLicense": ("platform", "platform", 0.97),
    "content_license": ("platform", "platform", 0.97),
    "license_url": ("metadata", "aggregator", 0.7),
    "licenses": ("metadata", "aggregator", 0.7),
    "rights": ("metadata", "aggregator", 0.6),
}
LICENCE_FILE = re.compile(r"(?:un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
PACKAGE_FILES = ("package.json", "Cargo.toml", "pyproject.toml", "PKG-INFO", "METADATA", "composer.json")


def from_field(value: Any, column: str) -> Iterator[Claim]:
    """One claim for each licence a field names: text, a list, an object with a name or address, or JATS.

    A licence that cannot be read is a claim for ``LicenseRef-unknown``, so that it is not taken for silence.
    """
    kind, asserter, confidence = FIELDS.get(column, FIELDS["license"])
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, Mapping):
            item = next(
                (item[k] for k in ("spdx_id", "key", "id", "URL", "url", "name", "rights") if item.get(k)), None
            )
        raw = item.decode("utf-8", "replace") if isinstance(item, bytes) else "" if item is None else str(item)
        raw = raw.encode("utf-8", "replace").decode().strip()
        if raw.startswith("<"):
            yield from from_jats(raw)
        elif raw:
            arxiv = "arxiv.org/licenses/" in raw
            yield Claim(
                normalise(raw), "platform" if arxiv else kind, "text", f"column {column}", raw[:200],
                "platform" if arxiv else asserter, 0.97 if arxiv else confidence,
            )  # fmt: skip


def from_jats(xml: str) -> Iterator[Claim]:
    """Of JATS ``<license>`` and ``<ali:license_ref>`` (NISO Z39.96, NISO RP-22): the address, else the words.

    Licences of figures and other material within the article (``<permissions>`` outside ``<article-meta>``) license
    these. Versions of record other than for text mining (``applies_to="am"``) do not speak of this text.
    """
    if len(xml) > _MOST_XML or re.search(r"<!ENTITY", xml, re.IGNORECASE):
        return
    xml = re.sub(r"<!DOCTYPE[^>]*>", "", xml)
    for prefix, address in (("xlink", "http://www.w3.org/1999/xlink"), ("ali", "http://www.niso.org/schemas/ali/1.0/")):
        if f"{prefix}:" in xml and f"xmlns:{prefix}" not in xml:  # a fragment, cut from its article
            xml = re.sub(r"<([A-Za-z:-]+)", rf'<\1 xmlns:{prefix}="{address}"', xml, count=1)
    try:
        root = ElementTree.fromstring(xml.encode())
    except (ElementTree.ParseError, ValueError, RecursionError):
        return
    parents = {child: node for node in root.iter() for child in node}
    whole = _tag(root) in ("article", "front", "book-part")
    for node in root.iter():
        if _tag(node) != "license":
            continue
        above = set[str]()
        here = node
        while here in parents:
            here = parents[here]
            above.add(_tag(here))
        scope = "media" if whole and not above & {"article-meta", "book-meta"} else "text"
        scope = "media" if above & {"fig", "table-wrap", "media", "supplementary-material", "disp-quote"} else scope
        yield from _jats_licence(node, scope)


def _jats_licence(node: ElementTree.Element, scope: str) -> Iterator[Claim]:
    addresses = [v for e in node.iter() for k, v in e.attrib.items() if k.rsplit("}", 1)[-1] == "href"]
    addresses += [
        (e.text or "").strip()
        for e in node.iter()
        if _tag(e) == "license_ref" and e.get("applies_to", "vor") in ("vor", "tdm")
    ]
    words = " ".join("".join(node.itertext()).split())
    named = re.search(r"(?:Creative Commons|CC)[ -](?:Attribution|BY|Zero|0)[A-Za-z \-]*(?:\d\.\d)?", words)
    found = [e for a in addresses if (e := normalise(a)) != UNKNOWN]
    if not found and named and (e := normalise(named[0].replace(" License", "").strip())) != UNKNOWN:
        found = [e]
    if not found and (kind := node.get("license-type", "")) and (e := normalise(kind)) != UNKNOWN:
        found = [e]
    for expression in dict.fromkeys(found or [UNKNOWN]):
        yield Claim(expression, "platform", scope, "JATS license", (words or str(addresses))[:200], "publisher", 0.95)


def _tag(node: ElementTree.Element) -> str:
    return str(node.tag).rsplit("}", 1)[-1]


def stack_exchange(created: date) -> str:
    """The licence of a Stack Exchange post by the day it was written (or last edited), where none is given."""
    if created < date(2011, 4, 8):
        return "CC-BY-SA-2.5"
    return "CC-BY-SA-3.0" if created < date(2018, 5, 2) else "CC-BY-SA-4.0"


def from_package(name: str, text: str) -> Iterator[Claim]:
    """Of a package's own description: package.json, Cargo.toml, pyproject.toml, composer.json, METADATA or PKG-INFO."""
    file = name.rsplit("/", 1)[-1]
    try:
        stated = list(_package_statements(file, text))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return
    for raw in stated:
        expression = normalise(raw)
        if expression != UNKNOWN and category(expression) != "contract":
            yield Claim(expression, "metadata", "file", name[:200], raw[:200], "publisher", 0.9)


def _package_statements(file: str, text: str) -> Iterator[str]:
    if file in ("package.json", "composer.json"):
        data = json.loads(text)
        for key in ("license", "licenses"):
            for item in data[key] if isinstance(data.get(key), list) else [data.get(key)]:
                item = item.get("type") if isinstance(item, dict) else item
                if isinstance(item, str):
                    yield item
    elif file.endswith(".toml"):
        data = tomllib.loads(text)
        table = data.get("package") or data.get("project") or {}
        value = table.get("license")
        value = value.get("text") if isinstance(value, dict) else value
        if isinstance(value, str):
            yield value
    else:
        headers = HeaderParser().parsestr(text)
        trove = [c for c in headers.get_all("Classifier", []) if c.startswith("License ::")]
        stated = (
            [headers.get("License-Expression"), *trove]
            if (headers.get("License-Expression") or trove)
            else [headers.get("License")]
        )
        yield from (s for s in stated if isinstance(s, str))


def from_folder(files: Mapping[str, str]) -> tuple[Claim, ...]:
    """Claims of the licence files and package descriptions of one folder, by name; they hold for what lies below it."""
    found: list[Claim] = []
    for name, text in sorted(files.items()):
        file = name.rsplit("/", 1)[-1]
        if file in PACKAGE_FILES:
            found += from_package(name, text)
        elif LICENCE_FILE.match(file):
            found += identify_file(text[:200_000], name)
    return tuple(dict.fromkeys(found))
