"""A real crawl without a network: Python's own documentation server on loopback, archived as WARC.

The server is ``python -m pydoc`` of the running interpreter, in a child process that sees the standard library alone.
The crawler starts at the index of modules and follows links breadth first, as a polite crawler of one site does: one
request at a time, a limit on time and on bytes, nothing fetched twice.
"""

from __future__ import annotations

import hashlib
import html
import http.client
import io
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple
from urllib.parse import urldefrag

from fastwarc.stream_io import GzipWriter
from fastwarc.warc import WarcRecord, WarcRecordType

from manifests import storage

HOST = "docs.python.localhost"  # the archived name; the server's port is another one in each run
_AGENT = "cuvee-demo/1"
_PAGE_SECONDS = 20.0

# pydoc imports what it describes: modules that open windows or browsers, print, or run when imported stay out.
_AVOIDED = {"antigravity", "this", "idlelib", "lib2to3", "pydoc_data", "test", "tkinter", "turtle", "turtledemo"}
_HREF = re.compile(rb'href="([^"]+)"')
_PAGE = re.compile(r"^([A-Za-z_][\w.]*\.html|topic\?key=[^&#]+)$")
_ERROR = b"<title>Pydoc: Error"  # pydoc's server says 200 even then


class CrawlError(RuntimeError):
    """The documentation server did not start, or the crawl found nothing."""


class _Fetched(NamedTuple):
    request: bytes  # as sent, without a body
    headers: bytes  # status line and headers, with the blank line
    body: bytes
    status: int
    truncated: bool


def crawl_pydoc(folder: Path, *, pages: int = 400, max_page_bytes: int = 2_000_000) -> list[Path]:
    """Writes ``web.warc.gz``: at most ``pages`` pages (count) of at most ``max_page_bytes`` bytes each.

    Every page is a request, a response and a metadata record (ISO 28500:2017), each its own gzip member; larger
    pages and pages that fail are left out and counted in the closing metadata record. CrawlError when the server
    does not start or serves no page.
    """
    if pages < 1 or max_page_bytes < 1:
        raise ValueError(f"pages is {pages} and max_page_bytes is {max_page_bytes}: both must be at least 1")
    target = folder / "web.warc.gz"
    counts: Counter[str] = Counter()
    with storage.open_output(str(target)) as out, _Server() as server:
        software = f"software: {_AGENT}\r\nformat: WARC File Format 1.1\r\nrobots: none on this server\r\n"
        info = _Record(WarcRecordType.warcinfo, "application/warc-fields", software.encode())
        info.header("WARC-Filename", target.name)
        out.write(info.compressed())
        frontier = deque([("index.html", "", 0)])
        seen = {"index.html"}
        while frontier and counts["fetched"] < pages:
            name, via, hops = frontier.popleft()
            page = server.fetch(name, max_page_bytes)
            outcome = _judge(page)
            counts[outcome] += 1
            if page is None or outcome != "fetched":
                continue
            for record in _records(name, page, info.identity, f"via: {_uri(via)}\r\nhopsFromSeed: {'L' * hops}\r\n"):
                out.write(record)
            for link in _links(page.body):
                if link not in seen:
                    seen.add(link)
                    frontier.append((link, name, hops + 1))
        if not counts["fetched"]:
            raise CrawlError("Python's documentation server served no page: try python -m pydoc -p 0")
        summary = "".join(f"{outcome}: {count}\r\n" for outcome, count in sorted(counts.items()))
        closing = _Record(WarcRecordType.metadata, "application/warc-fields", summary.encode())
        closing.header("WARC-Warcinfo-ID", info.identity)
        out.write(closing.compressed())
    return [target]


def _judge(page: _Fetched | None) -> str:
    if page is None:
        return "failed"
    if page.truncated:
        return "too_large"
    if page.status != 200 or _ERROR in page.body[:1000]:
        return "error_page"
    return "fetched"


def _links(body: bytes) -> Iterator[str]:
    """The site's own pages a page links to, in order, without those that must not be imported."""
    for raw in _HREF.findall(body):
        link = urldefrag(html.unescape(raw.decode("utf-8", "replace"))).url
        if _PAGE.match(link) and link.split(".")[0] not in _AVOIDED and not link.endswith(".__main__.html"):
            yield link


def _uri(name: str) -> str:
    return f"http://{HOST}/{name}" if name else ""


def _records(name: str, page: _Fetched, warcinfo: str, metadata: str) -> Iterator[bytes]:
    """The page's three records: the response first, the others concurrent to it."""
    response = _Record(WarcRecordType.response, "application/http; msgtype=response", page.headers + page.body)
    response.payload_digest = hashlib.sha1(page.body, usedforsecurity=False).digest()
    others = [
        _Record(WarcRecordType.request, "application/http; msgtype=request", page.request),
        _Record(WarcRecordType.metadata, "application/warc-fields", metadata.encode()),
    ]
    for record in (response, *others):
        record.header("WARC-Target-URI", _uri(name))
        record.header("WARC-Warcinfo-ID", warcinfo)
        if record is not response:
            record.header("WARC-Concurrent-To", response.identity)
        yield record.compressed()


class _Record:
    """One WARC record on its way to the file."""

    def __init__(self, kind: WarcRecordType, content_type: str, content: bytes) -> None:
        self.record = WarcRecord()
        self.record.init_headers(kind)
        self.payload_digest: bytes | None = None
        self.header("WARC-Date", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.header("Content-Type", content_type)
        self.record.set_bytes_content(content)

    def header(self, name: str, value: str) -> None:
        self.record.headers[name] = value

    @property
    def identity(self) -> str:
        return str(self.record.headers["WARC-Record-ID"])

    def compressed(self) -> bytes:
        """One gzip member, so that the record can be read again by its offset alone."""
        member = io.BytesIO()
        writer = GzipWriter(member)
        self.record.write(writer, checksum_data=True, payload_digest=self.payload_digest)
        writer.finish()
        return member.getvalue()


class _Server:
    """``python -m pydoc`` as a child process; started again when a page took it down or kept it busy."""

    def __enter__(self) -> _Server:
        self.folder = tempfile.TemporaryDirectory()  # empty: pydoc also lists what lies in the working folder
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self.folder.cleanup()

    def _start(self) -> None:
        # Isolated and without site-packages: the same pages wherever this Python is installed.
        command = [sys.executable, "-u", "-I", "-S", "-m", "pydoc", "-n", "127.0.0.1", "-p", "0"]
        pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
        # The page of `os` shows the environment: nothing of the user's may be in it.
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
        environment = {"LC_ALL": "C.UTF-8", **kept}
        self.process = subprocess.Popen(
            command, cwd=self.folder.name, env=environment, stdin=pipe, stdout=pipe, stderr=quiet
        )
        assert self.process.stdout is not None
        ready = re.search(rb"http://127\.0\.0\.1:(\d+)/", self.process.stdout.readline())
        if not ready:
            self._stop()
            raise CrawlError("Python's documentation server did not start: try python -m pydoc -p 0")
        self.port = int(ready[1])

    def _stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def fetch(self, name: str, limit: int) -> _Fetched | None:
        """The page as served, cut after ``limit`` bytes; None when it could not be had."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PAGE_SECONDS)
        try:
            sent = {"Host": HOST, "User-Agent": _AGENT, "Accept-Encoding": "identity"}
            connection.request("GET", f"/{name}", headers=sent)
            response = connection.getresponse()
            body = response.read(limit + 1)
        except (OSError, http.client.HTTPException):
            self._stop()
            self._start()
            return None
        finally:
            connection.close()
        request = "".join([f"GET /{name} HTTP/1.1\r\n", *(f"{k}: {v}\r\n" for k, v in sent.items()), "\r\n"])
        version = "HTTP/1.1" if response.version == 11 else "HTTP/1.0"
        lines = [f"{version} {response.status} {response.reason}", *(f"{k}: {v}" for k, v in response.getheaders())]
        headers = "".join(f"{line}\r\n" for line in lines) + "\r\n"
        return _Fetched(request.encode(), headers.encode("latin-1"), body, response.status, len(body) > limit)
