"""Files that speak for a whole host: told from pages by where they lie."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from manifests.documents import HostFile
from manifests.reservations import host_of
from pipelines.charset import decode
from pipelines.sources.http import Response

_MOST_BYTES = 1 << 20
_PATHS = {"/robots.txt": "robots", "/.well-known/tdmrep.json": "tdmrep"}


def kind_of(url: str, media_type: str) -> str | None:
    """robots, tdmrep or rsl; None for a page."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    if path in _PATHS:
        return _PATHS[path]
    return "rsl" if media_type == "application/rsl+xml" else None


def read(kind: str, url: str, response: Response, fetched_at: datetime | None) -> HostFile:
    body = "" if response.status >= 300 else decode(response.body[:_MOST_BYTES], response.charset)[0].replace("\0", "")
    return HostFile(host_of(url), kind, response.status, body, fetched_at=fetched_at)
