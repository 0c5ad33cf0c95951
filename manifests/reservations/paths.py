"""Addresses, and the patterns of paths that robots.txt has (RFC 9309, 2.2.2 and 2.2.3) and TDMRep and RSL took over."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes, urlsplit

from manifests.public_suffixes import registrable

_SPECIAL = re.compile(r"%(2a|24)", re.IGNORECASE)


def host_of(url: str) -> str:
    """Host and port in lower case; empty for what is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port
        return f"{parts.hostname or ''}{f':{port}' if port and port not in (80, 443) else ''}"
    except ValueError:
        return ""


def site_of(url: str) -> str:
    """The registrable domain of an address; empty where it has no host."""
    host = host_of(url)
    return registrable(host) if host else ""


def path_of(url: str) -> str:
    """Path and query of an address. ValueError for what is none."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@lru_cache(16_384)
def pattern(text: str) -> str:
    """A pattern with its percent-encodings made alike: ``%2A`` and ``%24`` are a star and a dollar that mean only
    themselves, and so is a dollar that is not at the end.
    """
    alike = _alike(text)
    return alike[:-1].replace("$", "%24") + alike[-1:]


def pattern_at(address: str) -> tuple[str, str] | None:
    """The site and the pattern of a whole address, where a path alone has no site; None for what is neither."""
    if address.startswith("/"):
        return "", pattern(address)
    try:
        return site_of(address), pattern(path_of(address))
    except ValueError:
        return None


@lru_cache(16_384)
def _alike(text: str) -> str:
    kept = _SPECIAL.sub(lambda m: f"%25{m[1].upper()}", text)
    return quote(unquote_to_bytes(kept.encode("utf-8", "replace")), safe="/?&=*$:@!',;()+~%#[]")


@lru_cache(16_384)
def literal(path: str) -> str:
    """A path with its percent-encodings made alike, as ``matches`` takes it."""
    return _alike(path.replace("*", "%2A").replace("$", "%24"))


@lru_cache(4096)
def matches(rule: str, path: str) -> bool:
    """Whether a ``pattern`` matches a ``literal`` path: ``*`` is any sequence, a final ``$`` the end; else a prefix.
    Without backtracking.
    """
    anchored = rule.endswith("$")
    pieces = (rule[:-1] if anchored else rule).split("*")
    if not path.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    for number, piece in enumerate(pieces[1:], 2):
        if anchored and number == len(pieces):
            return len(path) - len(piece) >= at and path.endswith(piece)
        at = path.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return not anchored or at == len(path)
