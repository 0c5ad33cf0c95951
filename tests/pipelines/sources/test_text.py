"""Text files: from a folder with its licence, and from a web server, which has no folders."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from manifests.documents import Document
from pipelines.recipe import Source
from pipelines.sources import SourceFile, text


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("grapes and must")
    (tmp_path / "package.json").write_text('{"license": "MIT"}')
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


def read(base: str) -> Document:
    file = SourceFile(f"{base}/a.txt", "a.txt", 15, "")
    (found,) = text.read(file, 0, 15, Source(name="notes", kind="text", paths=[file.uri]), {})
    assert isinstance(found, Document)
    return found


def test_a_folder_licenses_its_files(folder: Path) -> None:
    assert [c.expression for c in read(str(folder)).claims] == ["MIT"]


def test_a_file_of_a_web_server_is_read_without_its_folder(server: str) -> None:
    found = read(server)
    assert (found.text, found.claims) == ("grapes and must", ())
