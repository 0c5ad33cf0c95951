"""What every request must pass, and what every answer says of itself.

A page elsewhere cannot ask in a reader's name: the Host header must be an address of this server (DNS rebinding), a
write must come from a page of this server and carry its token, and no answer may be framed or read across origins.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_URL = 4096  #: bytes of path and query
#: nothing runs, nothing is fetched but from here, forms go nowhere else
POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?")


class Guard:
    """ASGI middleware. ``exposed``: addresses and the machine's own name are accepted, not loopback alone."""

    def __init__(self, app: ASGIApp, *, exposed: bool = False) -> None:
        self.app = app
        self.exposed = exposed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if refusal := self._refusal(scope):
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, answered)
        else:
            await self.app(scope, receive, answered)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.knows(hosts[0]):
            return 421, "this server does not go by that name"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "GET, HEAD and POST only"
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MOST_URL:
            return 414, f"an address of more than {MOST_URL} bytes"
        if scope["method"] == "POST" and not _own(hosts[0], headers.getlist("origin"), headers.get("sec-fetch-site")):
            return 403, "a decision must come from a page of this server"
        return None

    def knows(self, host: str) -> bool:
        """Whether a Host header names this server. An address cannot be rebound; a name that is not ours could."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].strip("[]").lower().rstrip(".")
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name == "localhost" or (self.exposed and name == socket.gethostname().lower())
        return address.is_loopback or self.exposed


def _own(host: str, origins: Sequence[str], site: str | None) -> bool:
    """Whether a browser says that the request came from a page of this server."""
    if len(origins) != 1 or site not in (None, "same-origin"):
        return False
    return urlsplit(origins[0]).netloc.lower() == host.lower() and origins[0].startswith(("http://", "https://"))
