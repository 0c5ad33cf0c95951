"""Files of a web server, by ranges: what is at their ends, and what changes while it is read."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from manifests import storage


class Served(BaseHTTPRequestHandler):
    """One file, whatever the path; the first ``cut`` bodies end midway."""

    protocol_version = "HTTP/1.1"
    body, version, cut = b"", '"1"', 0

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, part: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("ETag", self.version)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if self.command == "GET" and type(self).cut and part:
            type(self).cut -= 1
            self.wfile.write(part[: len(part) // 2])
            self.close_connection = True
        elif self.command == "GET":
            self.wfile.write(part)

    def do_GET(self) -> None:
        if self.headers.get("If-Match", self.version) != self.version:
            self._answer(412)
        elif asked := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            part = self.body[int(asked[1]) : int(asked[2]) + 1]
            self._answer(206 if part else 416, part)
        else:
            self._answer(200, self.body)

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def served() -> Iterator[tuple[str, type[Served]]]:
    handler = type("Handler", (Served,), {"body": np.random.default_rng(1).bytes(6 << 20)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/corpus.bin", handler
    server.shutdown()
    server.server_close()


def test_a_range_ends_with_the_file(served: tuple[str, type[Served]]) -> None:
    uri, handler = served
    data = handler.body
    assert [storage.read_range(uri, len(data) - 3, n) for n in (2, 9)] == [data[-3:-1], data[-3:]]
    assert storage.read_range(uri, len(data), 5) == b""
    handler.body = b""
    assert storage.read_bytes(uri) == storage.read_range(uri, 0, 5) == b""


def test_bodies_cut_short_are_fetched_again(served: tuple[str, type[Served]]) -> None:
    uri, handler = served
    handler.cut = 3
    assert storage.read_bytes(uri) == handler.body
    assert handler.cut == 0


def test_a_file_that_changes_while_it_is_read_is_noticed(served: tuple[str, type[Served]]) -> None:
    uri, handler = served
    with storage.open_input(uri) as f:
        assert f.read(5) == handler.body[:5]
        handler.body, handler.version = bytes(6 << 20), '"2"'
        with pytest.raises(storage.Contested, match="changed while it was read"):
            f.read()
