"""A document's address against lists: registered domains and hosts, whole addresses, words, and parts of words.

The kinds of lists, and the order in which they are consulted, are those of datatrove's URLFilter (Apache-2.0) and of
RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, G.1). The lists themselves are the user's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa

from manifests import schemas
from manifests.public_suffixes import extractor

_MARKS = re.compile(r"[^a-zA-Z0-9]+")


def read_list(files: Iterable[str], *, normalise: bool) -> frozenset[str]:
    """Entries of files, one a line; ``#`` begins a comment. ValueError for a file that is no list of text.

    ``normalise`` leaves letters and digits of ASCII, in lower case; an entry without any is none.
    """
    entries = set()
    for file in files:
        try:
            lines = Path(file).read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"list {file}: cannot be read: {error}") from None
        entries |= {line.strip() for line in lines if not line.lstrip().startswith("#")}
    return frozenset(filter(None, (_MARKS.sub("", e).lower() if normalise else e for e in entries)))


def canonical(host: str) -> str:
    """A host's name in lower case (RFC 3986, 3.2.2), other letters than ASCII's as DNS spells them."""
    host = host.lower()
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:  # no name that DNS could have
        return host


@dataclass(frozen=True)
class Lists:
    """What an address is held against. ``domains`` are ``canonical``; ``parts`` may not occur anywhere in the address,
    its marks left out."""

    domains: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    soft_words: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    soft_limit: int = 2

    def reason(self, url: str, domain: str, host: str) -> str | None:
        """The first list that an address is on."""
        if domain in self.domains:
            return "domain"
        if host in self.domains:
            return "host"
        if url in self.addresses:
            return "address"
        words = set(_MARKS.split(url.lower()))
        if words & self.words:
            return "word"
        if len(words & self.soft_words) >= self.soft_limit:
            return "soft_words"
        joined = _MARKS.sub("", url).lower()
        return "part" if self.parts and (found := _any_of(self.parts)) and found.search(joined) else None


@cache
def _any_of(parts: frozenset[str]) -> re.Pattern[str] | None:
    shown = sorted(filter(None, parts), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, shown))) if shown else None


def find(urls: pa.Array | Sequence[str | None], lists: Lists) -> pa.RecordBatch:
    """One row an address, columns of ``schemas.URLS``: the list it is on, null for none, and its registered domain."""
    extract = extractor()
    listed: list[str | None] = []
    domains: list[str | None] = []
    for url in urls.to_pylist() if isinstance(urls, pa.Array | pa.ChunkedArray) else urls:
        if not url:
            listed.append(None)
            domains.append(None)
            continue
        parts = extract(url.strip())
        domain = f"{parts.domain}.{parts.suffix}" if parts.domain and parts.suffix else parts.domain
        host = ".".join(p for p in (parts.subdomain, parts.domain, parts.suffix) if p)
        domain = canonical(domain)
        listed.append(lists.reason(url, domain, canonical(host)))
        domains.append(domain or None)
    return pa.record_batch([pa.array(listed, pa.string()), pa.array(domains, pa.string())], schema=schemas.URLS)
