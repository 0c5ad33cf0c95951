"""The static report's own pages, under a bar that leads to what is live.

They hold strangers' texts and may hold scripts of their own: a sandbox keeps these from this server's forms.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from starlette.responses import Response

from manifests import report, storage
from pipelines.serving.site import Site

FOLDER = "report"
_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]*")
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
#: its pages say more strictly what may run in them
_POLICY = (
    "sandbox allow-scripts allow-popups allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_BAR = (
    '<nav style="display:flex;gap:1.2em;padding:.5em 1em;font:14px system-ui,sans-serif;flex-wrap:wrap">'
    '<b>live</b><a href="/lookup">Look-up</a><a href="/review">Review</a><a href="/tables">Tables</a>'
    '<a href="/exports">Exports</a></nav>'
)


def page(site: Site, name: str) -> Response | None:
    """A file of the report; None when there is none. The first page is written when the run has none."""
    name = name or "index.html"
    if not _NAME.fullmatch(name):
        return None
    uri = storage.join(site.run, FOLDER, name)
    if storage.is_file(uri) and not site.redact:  # what was written may quote
        data = storage.read_bytes(uri)
    elif name == "index.html":
        data = _written(site)
    else:
        return None
    kind = name.rsplit(".", 1)[-1].lower()
    if kind == "html":
        data = re.sub(rb"<body\b[^>]*>", lambda m: m[0] + _BAR.encode(), data, count=1)
    return Response(data, media_type=_TYPES.get(kind), headers={"Content-Security-Policy": _POLICY})


def _written(site: Site) -> bytes:
    """Made once, for a run whose report is not there or must not quote; the run folder stays as it is."""
    if not site.report:
        with site.costly(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "index.html")
            report.write(site.run, str(path), redact=site.redact)
            site.report = path.read_bytes()
    return site.report
