"""Really Simple Licensing 1.0: an XML file that says which uses are permitted, prohibited, or for sale."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from manifests.documents import Reservation
from manifests.reservations.paths import literal, matches, pattern_at
from manifests.reservations.tokens import TRAINING

MOST_BYTES = 1 << 20
_ALL = TRAINING | {"all"}
_FREE = frozenset({"free", "attribution", ""})
_STRICTEST = ("allow", "unknown", "deny")  #: last


@dataclass(frozen=True)
class Rsl:
    rules: tuple[tuple[str, str, str, str], ...]  #: site (empty: this one), pattern of paths, value, what was said

    @classmethod
    def parse(cls, text: str) -> Rsl:
        """Rules of a file; none when it is not well-formed, too large, or declares entities."""
        if len(text) > MOST_BYTES or re.search(r"<!(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
            return cls(())
        try:
            root = ElementTree.fromstring(text.encode())
        except (ElementTree.ParseError, ValueError, RecursionError):
            return cls(())
        rules = []
        for content in root.iter():
            if _name(content) == "content":
                at = pattern_at(content.get("url") or "/")
                if at is not None:
                    rules.append((*at, *_value(content)))
        return cls(tuple(rules))

    def reservation(self, path: str, site: str = "") -> Reservation | None:
        """Of the rule with the longest matching pattern, of equals the strictest. A rule about another site than
        ``site`` does not count.
        """
        matching = [
            (len(p), _STRICTEST.index(value), said)
            for of, p, value, said in self.rules
            if (not of or site in ("", of)) and matches(p, literal(path))
        ]
        if not matching:
            return None
        _, value, said = max(matching)
        return Reservation("rsl", _STRICTEST[value], "*", "rsl", said[:200])


def _value(content: ElementTree.Element) -> tuple[str, str]:
    """A prohibition denies. Of several licences one may be chosen: the one that gives most counts."""
    offers = [_offer(n) for n in content.iter() if _name(n) == "license"] or [_offer(content)]
    said = "; or ".join(text for _, _, text in offers)
    if any(prohibited for _, prohibited, _ in offers):
        return "deny", said
    return next((v for v in ("allow", "unknown") if v in {value for value, _, _ in offers}), "deny"), said


def _offer(licence: ElementTree.Element) -> tuple[str, bool, str]:
    """What one licence says of training, whether it forbids it, and its words. Permits that leave training out deny; a
    price leaves it open, and so does a limit to some users or countries.
    """
    permits, prohibits, payments, limits = set[str](), set[str](), set[str](), set[str]()
    for node in licence.iter():
        name, words = _name(node), set(re.findall(r"[a-z*-]+", (node.text or "").lower()))
        if name in ("permits", "prohibits"):
            kind = (node.get("type") or "usage").lower()
            if kind != "usage":
                limits.add(kind)
            else:
                (permits if name == "permits" else prohibits).update(words)
        elif name == "payment":
            payments.add((node.get("type") or "").lower())
    said = f"permits {', '.join(sorted(permits)) or '–'}; prohibits {', '.join(sorted(prohibits)) or '–'}"
    if payments:
        said += f"; payment {', '.join(sorted(payments))}"
    if limits:
        said += f"; limited by {', '.join(sorted(limits))}"
    if permits and not permits & _ALL:
        return "deny", bool(prohibits & _ALL), said
    free = permits & _ALL and not payments - _FREE and not limits
    return ("allow" if free else "unknown"), bool(prohibits & _ALL), said


def _name(node: ElementTree.Element) -> str:
    return str(node.tag).rsplit("}", 1)[-1].lower()
