"""Whose a host is, by the public suffix list that comes with tldextract: nothing is fetched, nothing cached."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any


@cache
def extractor(*, private: bool = False) -> Any:
    """``private``: below suffixes that companies give to others, as ``github.io``, everybody is a site of their own."""
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=private)


@lru_cache(1 << 16)
def registrable(host: str, *, private: bool = False) -> str:
    """``example.co.uk`` of ``www.example.co.uk``; the host itself, without a port, where it has no public suffix."""
    bare = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return str(extractor(private=private).extract_str(bare).top_domain_under_public_suffix) or bare


def is_suffix(host: str) -> bool:
    """Whether everybody's sites lie below it, as below ``com`` and ``co.uk``."""
    found = extractor().extract_str(host)
    return bool(found.suffix) and not found.domain
