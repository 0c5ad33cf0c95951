"""Addresses that lead to the same page, by syntax alone (RFC 3986, section 6, and parameters that only track)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import numpy as np

from dedup.keys import Records
from dedup.sketches import WORDS

VERSION = 2  #: raised when the same address gets another name
#: not ``sid``, which names a session here and a story there
_TRACKING = re.compile(
    r"utm_\w+|gclid|dclid|fbclid|msclkid|yclid|twclid|igshid|mc_[ce]id|_ga|_gl|ref_src|phpsessid|jsessionid", re.I
)
_PORTS = {"http": 80, "https": 443}


def normalised(url: str) -> str:
    """The address without what does not name the page; empty when it is none (no host).

    Scheme (http and https are one), host in lower case without a leading ``www.``, path with its percent-encoding in
    one form (but %2F, which is no slash) and without a last slash, the query's parameters by name, without those that
    track; no fragment, but one that begins with an exclamation mark, which names a page of a script's.
    """
    try:
        split = urlsplit(url.strip())
        host, port = (split.hostname or "").rstrip("."), split.port
    except ValueError:
        return ""
    if not host:
        return ""
    host = host.removeprefix("www.")
    at = f":{port}" if port and port != _PORTS.get(split.scheme.lower()) else ""
    path = "%2F".join(_in_one_form(p) for p in re.split("%2F", split.path, flags=re.I))
    path = re.sub(r";jsessionid=[^/]*", "", path, flags=re.I).rstrip("/")
    said = parse_qsl(split.query, keep_blank_values=True, errors="surrogateescape", max_num_fields=None)
    kept = sorted(((k, v) for k, v in said if not _TRACKING.fullmatch(k)), key=lambda pair: pair[0])
    query = urlencode(kept, errors="surrogateescape")
    page = f"#{split.fragment}" if split.fragment.startswith("!") else ""
    return f"//{host}{at}{path}{'?' + query if query else ''}{page}"


def _in_one_form(path: str) -> str:
    return quote(unquote(path, errors="surrogateescape"), safe="/:@!$&'()*+,;=~-._", errors="surrogateescape")


def records(urls: Sequence[str | None]) -> Records:
    """A key for each address there is, its place in the list, and a sketch like all others."""
    found = [(i, name) for i, url in enumerate(urls) if url and (name := normalised(url))]
    encoded = (name.encode("utf-8", "surrogateescape") for _, name in found)
    keys = np.frombuffer(b"".join(blake2b(e, digest_size=8, person=b"url").digest() for e in encoded), "<u8")
    return keys, np.array([i for i, _ in found], np.int64), np.zeros((len(found), WORDS), np.uint64)
