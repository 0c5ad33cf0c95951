"""What HTTP headers say: licences and reservations. Names of headers are in lower case."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from manifests import reservations
from manifests.documents import Claim, Reservation
from pipelines.evidence.claims import claim

_LINK = re.compile(r'<([^<>]*)>((?:\s*;(?:[^,;<"]|"[^"]*")*)*)')
_IS_LICENCE = re.compile(r"rel\s*=\s*(?:\"[^\"]*\blicense\b[^\"]*\"|license\b)", re.IGNORECASE)


def claims(headers: Mapping[str, str]) -> Iterator[Claim]:
    for target, parameters in _LINK.findall(headers.get("link", "")[:8000]):
        if _IS_LICENCE.search(parameters) and "rsl+xml" not in parameters:
            yield from claim(target, "http-header", "page", "header: Link", 0.9)
    yield from claim(headers.get("license", "")[:400], "http-header", "page", "header: License", 0.8)


def reserved(headers: Mapping[str, str]) -> Iterator[Reservation]:
    if value := headers.get("x-robots-tag", ""):
        for agent, tokens in _agents(value):
            yield from reservations.robots_tokens(tokens, "x-robots-tag", "header: X-Robots-Tag", agent)
    # a header that is sent twice is a list
    if tdm := {t.strip() for t in headers.get("tdm-reservation", "").split(",")} & {"0", "1"}:
        policy = headers.get("tdm-policy", "").strip()[:200]
        value = "deny" if "1" in tdm else "allow"
        yield Reservation("tdmrep", value, "*", "header: TDM-Reservation", f"{max(tdm)} {policy}".strip())
    yield from reservations.usage(headers.get("content-usage", ""), "aipref", "header: Content-Usage")
    yield from reservations.usage(headers.get("content-signal", ""), "content-signal", "header: Content-Signal")
    for target, parameters in _LINK.findall(headers.get("link", "")[:8000]):
        if "rsl+xml" in parameters:
            yield Reservation("rsl", "unknown", "*", "header: Link", target[:200])


def _agents(value: str) -> Iterator[tuple[str, str]]:
    """``noindex, gptbot: noai, nosnippet``: an agent's name holds for what follows it."""
    agent = "*"
    tokens: list[str] = []
    for piece in value[:4000].split(","):
        name, colon, rest = piece.partition(":")
        if colon and re.fullmatch(r"\s*[A-Za-z][\w-]{1,40}\s*", name) and name.strip().lower() not in _WITH_VALUES:
            if tokens:
                yield agent, ",".join(tokens)
            agent, tokens = name.strip().lower(), [rest]
        else:
            tokens.append(piece)
    yield agent, ",".join(tokens)


_WITH_VALUES = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
