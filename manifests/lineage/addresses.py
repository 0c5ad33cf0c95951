"""Addresses with the host reversed (SURT, as web archives sort them): a site, a domain or a path is then a prefix.

``https://News.example.org:8080/a/b?c`` is ``org,example,news:8080)/a/b?c``. The scheme is left out, so that http and
https are one; the path keeps its case. Hosts are in ASCII (IDNA, RFC 5891), percent-encodings alike (RFC 3986, 6.2.2).
"""

from __future__ import annotations

import re
from contextlib import suppress
from string import ascii_letters, digits
from urllib.parse import quote, urlsplit

import idna
import polars as pl

_PATTERN = r"^(?i:[a-z][a-z0-9+.-]*:)//(?:[^/?#@]*@)?([^/?#:]*|\[[^\]]*\])(?::(\d+))?([^#]*)"
#: the host of a key; what is no address has none, whatever it holds
HOST = r"^([^~)][^)]*)\)"
_DEFAULT_PORTS = ("80", "443", "")
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(ascii_letters + digits + "-._~")
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


def surt(url: str) -> str:
    """Of one address; what is no address stays as it is, after everything that is."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return f"~{url}"
    host = (parts.hostname or "").rstrip(".")
    if not host or not parts.scheme:
        return f"~{url}" if url else "~"
    rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"{_label(host, port)}){_alike(rest)}"


def _label(host: str, port: int | None) -> str:
    """A host reversed, with its port where that is not a default."""
    if not host.isascii():
        with suppress(idna.IDNAError):
            host = idna.encode(host, uts46=True).decode()
    label = ",".join(reversed(host.split("."))) if not _is_number(host) else host
    return f"{label}:{port}" if port and str(port) not in _DEFAULT_PORTS else label


def _is_number(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _alike(rest: str) -> str:
    """A path with its query: what need not be percent-encoded is not, and what must be is, in capitals."""
    plain = _ENCODED.sub(lambda m: c if (c := chr(int(m[1], 16))) in _UNRESERVED else m[0].upper(), rest)
    return quote(plain, safe=_VISIBLE, errors="replace")


def column(urls: pl.Series) -> pl.Series:
    """Of many: each distinct host is reversed once."""
    distinct = urls.unique()
    parts = distinct.str.extract_groups(_PATTERN).struct.unnest()
    frame = pl.DataFrame({"url": distinct, "host": parts["1"], "port": parts["2"], "rest": parts["3"]})
    plain = frame["host"].str.contains(r"^[A-Za-z0-9._-]+$").fill_null(False) & ~frame["host"].str.contains(
        r"^[0-9.]*$"
    ).fill_null(True)
    ports = frame["port"].fill_null("").is_in(list(_DEFAULT_PORTS))
    queries = ~frame["rest"].str.contains(r"\?$|^\?|[^!-$&-~]").fill_null(True)
    simple = plain & ports & queries & ~frame["url"].str.contains(r"^\s|\s$").fill_null(True)
    host = frame["host"].str.to_lowercase().str.strip_chars_end(".")
    reversed_host = host.str.split(".").list.reverse().list.join(",")
    rest = frame["rest"].fill_null("").replace("", "/")
    fast = reversed_host + ")" + rest
    slow = {u: surt(u) for u in frame.filter(~simple)["url"].to_list()}
    values = frame["url"].replace_strict(slow, default=None, return_dtype=pl.String) if slow else None
    made = pl.select(pl.when(simple).then(fast).otherwise(values if values is not None else fast))[:, 0]
    return urls.to_frame("url").join(
        pl.DataFrame({"url": frame["url"], "surt": made}), on="url", how="left", maintain_order="left", nulls_equal=True
    )["surt"]


def hosts_of(urls: pl.Series) -> pl.Series:
    """The reversed hosts of many addresses, ``org,example:8080``; ``~`` of what is no address."""
    return column(urls).str.extract(HOST, 1).fill_null("~")


def host_name(reversed_host: str) -> str:
    """``example.org:8080`` of ``org,example:8080``."""
    label, colon, port = reversed_host.partition(":") if reversed_host.count(":") == 1 else (reversed_host, "", "")
    return ".".join(reversed(label.split(","))) + colon + port


def prefix_of(text: str) -> list[tuple[str, str]]:
    """The ranges ``[low, high)`` of keys below a site or path.

    ``example.org`` is that host, its ports and its subdomains; ``example.org/blog`` that path and those below it, not
    ``/blogger``. ValueError for what names no host.
    """
    address = text if "//" in text else f"//{text}"
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise ValueError(f"{text!r} is no address") from None
    if not host or any(c.isspace() for c in host):
        raise ValueError(f"{text!r} names no host: write it as example.org or example.org/path")
    label, path = _label(host, port), _alike(parts.path + (f"?{parts.query}" if parts.query else ""))
    if path in ("", "/"):
        return [(f"{label})", f"{label}-"), (f"{label}:", f"{label};")]  # ) and , come before -, the port after
    low = f"{label}){path}"
    if path.endswith("/"):
        return [(low, _after(low))]
    return [(low, f"{low}\0"), *((f"{low}{mark}", _after(f"{low}{mark}")) for mark in "/?")]


def _after(prefix: str) -> str:
    """The least string above all that start with ``prefix``."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
