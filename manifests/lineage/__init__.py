"""Lineage: from a token to its document, its licence evidence and its crawl record, and from an address to its tokens.

``follow`` reads the run's own columns. ``index`` is a table of all documents of one version, sorted by address with its
host reversed, and of all spans of its shards: any question about an address, a site or a token is a bisection.
"""

from __future__ import annotations

from manifests.lineage import tables
from manifests.lineage.addresses import host_name, hosts_of, prefix_of, surt
from manifests.lineage.build import build
from manifests.lineage.follow import (
    Decode,
    Trace,
    document,
    find,
    find_all,
    record_uri,
    row_of,
    rows_of,
    tokens_of,
    trace,
)
from manifests.lineage.index import Entry, Index, Place

__all__ = [
    "Decode",
    "Entry",
    "Index",
    "Place",
    "Trace",
    "build",
    "document",
    "find",
    "find_all",
    "host_name",
    "hosts_of",
    "prefix_of",
    "record_uri",
    "row_of",
    "rows_of",
    "surt",
    "tables",
    "tokens_of",
    "trace",
]
