"""What meta tags say: licences and reservations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from manifests import reservations
from manifests.documents import Claim, Reservation
from manifests.licences import RESERVED
from pipelines.evidence.claims import claim

_NAMES = frozenset(
    {"license", "licence", "dcterms.license", "dcterms.rights", "dc.rights", "dc.license", "rights", "copyright"}
    | {
        "dc.rights.license",
        "dcterms.accessrights",
        "dcterms.rightsholder",
        "og:license",
        "citation_license",
        "cc:license",
    }
    | {"dcterms:license", "dcterms:rights", "dc:rights", "dct:license", "dct:rights", "rights-standard", "xmprights"}
)
#: all rights reserved, in nine languages
RESERVED_WORDS = re.compile(
    r"all rights reserved|tous droits réservés|alle rechte vorbehalten|todos los derechos reservados|tutti i diritti "
    r"riservati|todos os direitos reservados|alle rechten voorbehouden|wszelkie prawa zastrzeżone|все права защищены",
    re.IGNORECASE,
)
_AGENTS = frozenset(
    {"robots", "googlebot", "ccbot", "gptbot", "google-extended", "bingbot", "claudebot", "anthropic-ai"}
)


def claims(attributes: Mapping[str, str]) -> Iterator[Claim]:
    name = (attributes.get("name") or attributes.get("property") or "").lower()
    content = attributes.get("content", "")
    if name in _NAMES:
        if RESERVED_WORDS.search(content):
            yield Claim(RESERVED, "meta", "page", f"meta {name}", content[:200], "publisher", 0.8)
        else:
            yield from claim(content, "meta", "page", f"meta {name}", 0.85)


def reserved(attributes: Mapping[str, str]) -> Iterator[Reservation]:
    agent, content = attributes.get("name", "").lower(), attributes.get("content", "")
    if agent in _AGENTS:
        yield from reservations.robots_tokens(
            content, "meta-robots", f"meta name={agent}", "*" if agent == "robots" else agent
        )
    elif agent == "tdm-reservation" and content in ("0", "1"):
        yield Reservation("tdmrep", "deny" if content == "1" else "allow", "*", "meta", content)
