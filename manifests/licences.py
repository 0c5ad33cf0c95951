"""Licences: from what was found (claims) to one conclusion a document, without ever taking silence for permission.

Expressions are SPDX, or ``LicenseRef-…`` where SPDX has no identifier. A version that nobody stated stays unknown:
``LicenseRef-CC-BY-unversioned``, never CC-BY-4.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

from manifests.documents import Claim

#: kinds of evidence, strongest first; a weaker kind never overrules a stronger one
KINDS = (
    "human",
    "contract",
    "declared",
    "file-header",
    "platform",
    "metadata",
    "license-file",
    "jsonld",
    "link-rel",
    "http-header",
    "meta",
    "a-rel-license",
    "footer-link",
    "statement-link",
    "statement",
    "badge",
    "body-link",
    "mention",
)
#: a mention is kept as evidence and decides nothing
_SPEAKING = frozenset(KINDS) - {"mention"}
#: scopes that speak of the text; a photo's licence says nothing about the page around it
TEXT_SCOPES = frozenset({"page", "text", "file", "dataset", "span"})
#: least restrictive first. unknown stands where it does because silence is not permission
CATEGORIES = (
    "public-domain",
    "permissive",
    "copyleft",
    "contract",
    "no-derivatives",
    "noncommercial",
    "reserved",
    "unknown",
)
UNKNOWN = "LicenseRef-unknown"
#: a reviewer's decisions: of kind ``human``, and no licence; any other expression of that kind is one
ALLOWED, DENIED = "LicenseRef-review-allow", "LicenseRef-review-deny"
RESERVED = "LicenseRef-all-rights-reserved"

_CC_URL = re.compile(
    r"^(?:(?:https?:)?//)?(?:www\.)?creativecommons\.org/"
    r"(?P<family>licenses|publicdomain)/(?P<code>[a-z+-]+)(?:/(?P<version>\d\.\d))?(?:/(?P<port>[a-z]{2,4}))?(?:[/?#.].*)?$",
    re.IGNORECASE,
)
_CLIMBS = re.compile(r"(?:\.|%2e){2}", re.IGNORECASE)
#: the words of Creative Commons licence names, and those that change nothing
_CC_WORDS = {
    **dict.fromkeys(("attribution", "by"), "by"),
    **dict.fromkeys(("noncommercial", "nc"), "nc"),
    **dict.fromkeys(("noderivatives", "noderivs", "noderiv", "nd"), "nd"),
    **dict.fromkeys(("sharealike", "sa"), "sa"),
    **dict.fromkeys(("international", "unported", "generic", "public", "license", "licence"), ""),
}
_CC_VERSIONS = frozenset({"1.0", "2.0", "2.1", "2.5", "3.0", "4.0"})
_PORTS_BEFORE_4 = re.compile(r"^[123]\.")
_REMEMBERED = 1 << 14
#: up to the end of the line or of the comment it stands in
_IDENTIFIER = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n*#<>]+)")
#: addresses that end in an SPDX identifier, and those of the GNU licences
_NAMING = re.compile(r"(?:spdx|opensource)\.org/licenses?/([a-z0-9.+-]+?)(?:\.html|\.php|\.json|\.txt)?")
_GNU = re.compile(
    r"gnu\.org/(?:licenses|copyleft)/(?:old-licenses/)?(gpl|lgpl|agpl|fdl)(?:-(\d\.\d))?(?:\.[a-z]{2}(?:-[a-z]{2})?)?"
    r"(?:\.html|\.txt)?"
)


@cache
def spdx() -> Any:
    """The parser of SPDX expressions, which knows the identifiers of the list."""
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@cache
def _table() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("licences.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


@lru_cache(_REMEMBERED)
def normalise(raw: str) -> str:
    """An SPDX expression (or ``LicenseRef-…``) for a licence as people write it; ``LicenseRef-unknown`` if none fits.

    Understands SPDX expressions, Creative Commons URLs of every version, port and IGO form, trove classifiers, and the
    names and URLs of ``licences.yaml``.
    """
    text = " ".join(raw.split()).strip(" .;,\"'")
    if not text or len(text) > 400:
        return UNKNOWN
    if match := _CC_URL.match(text):
        if _CLIMBS.search(text):  # its path ends elsewhere
            return UNKNOWN
        return _creative_commons(match["family"].lower(), match["code"].lower(), match["version"], match["port"])
    name = text.lower().removeprefix("license :: ").removeprefix("osi approved :: ")
    for candidate in (name, name.removeprefix("the "), re.sub(r" licen[cs]e$", "", name.removeprefix("the "))):
        if found := _table()["names"].get(candidate):
            return str(found)
    url = re.sub(r"^https?://(?:www\.)?", "", name).partition("#")[0].partition("?")[0].rstrip("/")
    if found := _table()["urls"].get(url):
        return str(found)
    if match := _NAMING.fullmatch(url):
        return _expression(match[1])
    if match := _GNU.fullmatch(url):
        family = match[1].upper().replace("FDL", "GFDL")
        return _expression(f"{family}-{match[2]}-only") if match[2] else f"LicenseRef-{family}-unversioned"
    return _creative_commons_name(name) or _expression(text)


def _expression(text: str) -> str:
    if len(text) > 200 or not re.fullmatch(r"[A-Za-z0-9 .+()\-_/]+", text):
        return UNKNOWN
    try:
        parsed = spdx().parse(text)
    except Exception:  # the parser raises several kinds, AttributeError and TypeError among them
        return UNKNOWN
    # LicenseRef- identifiers are the user's own: any is well-formed
    if parsed is None or any(not k.startswith("LicenseRef-") for k in spdx().unknown_license_keys(parsed)):
        return UNKNOWN
    return str(parsed)


def _creative_commons_name(name: str) -> str:
    """Of ``cc by-sa 4.0`` or ``creative commons attribution 4.0 international (cc by 4.0)``; empty for other text."""
    if not (match := re.match(r"(?:cc|creative commons)[ -]+(?=\S)", name)):
        return ""
    spelled = re.sub(r" \([^()]*\)$", "", name[match.end() :])
    spelled = re.sub(r"\b(non|no|share)[ -](?=[a-z])", r"\1", spelled)
    parts, version = [], None
    for word in re.split(r"[ -]+", spelled):
        if re.fullmatch(r"v?\d\.\d", word) and version is None:
            version = word.removeprefix("v")
        elif word not in _CC_WORDS:
            return ""
        elif _CC_WORDS[word]:
            parts.append(_CC_WORDS[word])
    return _creative_commons("licenses", "-".join(parts), version, None) if parts else ""


def _creative_commons(family: str, code: str, version: str | None, port: str | None) -> str:
    if family == "publicdomain":
        if code == "zero":
            return "CC0-1.0"
        return {"mark": "CC-PDM-1.0", "certification": "CC-PDDC"}.get(code, UNKNOWN)
    if code == "publicdomain":
        return "CC-PDDC"
    parts = set(code.split("-"))
    elements = {"by", "nc", "nd", "sa"}
    if parts & {"devnations", "sampling+", "sampling"}:  # retired; they permit samples, or use in some countries
        return f"LicenseRef-CC-{code.upper().replace('+', '-plus')}-{version}" if version in _CC_VERSIONS else UNKNOWN
    if not parts & elements or not parts <= elements or version not in (None, *_CC_VERSIONS):
        return UNKNOWN
    ordered = "-".join(p for p in ("by", "nc", "nd", "sa") if p in parts).upper()
    if version is None:
        return f"LicenseRef-CC-{ordered}-unversioned"
    known = spdx().known_symbols
    identifiers = [f"CC-{ordered}-{version}", f"CC-{code.upper()}-{version}"]
    if port and port.lower() not in ("deed", "legalcode") and _PORTS_BEFORE_4.match(version):
        identifiers = [f"{i}-{port.upper()}" for i in identifiers] + [
            f"LicenseRef-CC-{ordered}-{version}-{port.upper()}"
        ]
        return next((i for i in identifiers if i in known), identifiers[-1])
    return next((i for i in identifiers if i in known), f"LicenseRef-CC-{ordered}-{version}")


@lru_cache(_REMEMBERED)
def category(expression: str) -> str:
    """The category of an expression: AND takes the most restrictive of its parts, OR the least."""
    try:
        parsed = spdx().parse(expression)
    except Exception:
        return "unknown"
    if parsed is None:
        return "unknown"

    def of(node: Any) -> int:
        arguments = getattr(node, "args", ())
        if arguments:
            ranks = [of(a) for a in arguments]
            return min(ranks) if type(node).__name__ == "OR" else max(ranks)
        return CATEGORIES.index(_of_symbol(str(getattr(node, "license_symbol", node).key)))

    return CATEGORIES[of(parsed)]


def _of_symbol(identifier: str) -> str:
    upper = identifier.upper()
    table = _table()["categories"]
    for name in CATEGORIES:
        if identifier in table.get(name, ()):
            return name
    if upper.startswith(("CC-", "LICENSEREF-CC-")):
        parts = set(upper.split("-"))
        if parts & {"PDDC", "PDM"}:
            return "public-domain"
        if "NC" in parts:
            return "noncommercial"
        if parts & {"SAMPLING", "DEVNATIONS"}:
            return "reserved"
        if "ND" in parts:
            return "no-derivatives"
        return "copyleft" if "SA" in parts else "permissive" if "BY" in parts else "unknown"
    if upper.startswith("LICENSEREF-CONTRACT"):
        return "contract"
    if upper.startswith("LICENSEREF-") and re.search(r"(?<!NOT-)(?<!NON-)PUBLIC-?DOMAIN", upper):
        return "public-domain"
    return _scancode().get(identifier.lower(), "unknown")


@cache
def _scancode() -> Mapping[str, str]:
    """Categories of the index that license-expression ships (from ScanCode's licence database, CC-BY-4.0)."""
    import license_expression

    ours = {
        "Permissive": "permissive",
        "Public Domain": "public-domain",
        "Copyleft": "copyleft",
        "Copyleft Limited": "copyleft",
        "Proprietary Free": "reserved",
        "Commercial": "reserved",
        "Source-available": "reserved",
        "Free Restricted": "reserved",
    }
    found = {}
    for entry in license_expression.get_license_index():
        label = ours.get(entry.get("category", ""))
        for key in (entry.get("spdx_license_key"), *entry.get("other_spdx_license_keys", ())):
            if key and label:
                found[str(key).lower()] = label
    return found


def conclude(claims: Iterable[Claim]) -> tuple[str, str, str, float]:
    """One conclusion from a document's claims: ``(expression, category, kind, confidence)``.

    Only claims about the text count, of these the strongest kind; claims of this kind about spans are parts of one
    document and joined by AND, and where equals disagree the most restrictive holds. No claim is ``unknown``, which no
    policy takes for permission.
    """
    decisions = (ALLOWED, DENIED)  # whatever a person allows or denies has the licence it has
    speaking = [c for c in claims if c.scope in TEXT_SCOPES and c.kind in _SPEAKING and c.expression not in decisions]
    if not speaking:
        return UNKNOWN, "unknown", "", 0.0
    best = min(KINDS.index(c.kind) for c in speaking)
    top = [c for c in speaking if KINDS.index(c.kind) == best]
    stated = [(c.expression, c.confidence) for c in top if c.scope != "span"]
    if spans := [c for c in top if c.scope == "span"]:
        stated.append((join(c.expression for c in spans), min(c.confidence for c in spans)))
    expression, _ = max(stated, key=lambda s: (CATEGORIES.index(category(s[0])), s[0]))
    agree = len({category(e) for e, _ in stated}) == 1
    confidence = max(c for _, c in stated) if agree else min(c for _, c in stated)
    return expression, category(expression), top[0].kind, confidence


def join(expressions: Iterable[str]) -> str:
    """The licence of a whole whose parts have these: all of them."""
    found = sorted(set(expressions))
    return " AND ".join(f"({e})" if " OR " in e else e for e in found) if len(found) > 1 else found[0]


def identify_file(text: str, locator: str = "") -> list[Claim]:
    """Claims for the licences that a licence file's text is, by the phrase matcher of Google's licensecheck."""
    from licenseclassifier import identify_license

    found = {_expression(r.id): text[r.start : r.start + 200] for r in identify_license(text)}
    found.pop(UNKNOWN, None)
    return [Claim(e, "license-file", "file", locator, raw, "publisher", 0.93) for e, raw in sorted(found.items())]


def spdx_header(text: str) -> list[Claim]:
    """Claims from ``SPDX-License-Identifier`` lines in the first 4,000 characters of a source file."""
    found = (normalise(m.rstrip("- \t")) for m in _IDENTIFIER.findall(text[:4000]))
    return [
        Claim(e, "file-header", "file", "SPDX-License-Identifier", e, "publisher", 0.97)
        for e in _distinct(found)
        if e != UNKNOWN
    ]


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
