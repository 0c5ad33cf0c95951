"""The demonstration crawl is a real WARC: whole records, one member each, nothing of this machine's port."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from fastwarc.stream_io import GzipReader
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from pipelines.demo import crawl


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (path,) = crawl.crawl_pydoc(tmp_path_factory.mktemp("run") / "inputs" / "web", pages=40)
    return path


def records(path: Path) -> list[tuple[WarcRecord, bytes]]:
    return [(r, r.reader.read()) for r in ArchiveIterator(str(path), parse_http=False)]


def test_every_page_is_a_response_a_request_and_metadata(archive: Path) -> None:
    assert archive.name == "web.warc.gz"
    found = records(archive)
    kinds = [r.record_type for r, _ in found]
    page = [WarcRecordType.response, WarcRecordType.request, WarcRecordType.metadata]
    assert kinds == [WarcRecordType.warcinfo, *page * 40, WarcRecordType.metadata]
    for i in range(1, 121, 3):
        response, request, metadata = (r.headers for r, _ in found[i : i + 3])
        assert response["WARC-Target-URI"] == request["WARC-Target-URI"] == metadata["WARC-Target-URI"]
        assert request["WARC-Concurrent-To"] == metadata["WARC-Concurrent-To"] == response["WARC-Record-ID"]
        assert response["WARC-Target-URI"].startswith("http://docs.python.localhost/")
    assert b"fetched: 40\r\n" in found[-1][1]
    assert len({r.headers["WARC-Target-URI"] for r, _ in found[1:-1]}) == 40, "no page twice"


def test_digests_hold_and_each_record_is_a_gzip_member(archive: Path) -> None:
    data = archive.read_bytes()
    for record in ArchiveIterator(str(archive), parse_http=False):
        assert record.verify_block_digest()
        assert data[record.stream_pos : record.stream_pos + 3] == b"\x1f\x8b\x08"
        if record.record_type == WarcRecordType.response:
            record.parse_http()
            assert record.http_headers.status_code == 200
            assert record.http_charset == "utf-8"
            assert record.verify_payload_digest()
            last = record.stream_pos, record.headers["WARC-Record-ID"]
    with open(archive, "rb") as file:
        file.seek(last[0])
        assert next(iter(ArchiveIterator(GzipReader(file)))).headers["WARC-Record-ID"] == last[1]


def test_the_port_does_not_leak_and_pages_are_real(archive: Path) -> None:
    everything = gzip.decompress(archive.read_bytes())
    assert not re.search(rb"127\.0\.0\.1:\d+|localhost:\d{4,5}/", everything)
    assert b"<title>Pydoc: Index of Modules</title>" in everything
    assert b"GET /topics.html HTTP/1.1\r\nHost: docs.python.localhost\r\n" in everything


def test_links_leave_out_other_sites_files_and_dangerous_modules() -> None:
    body = (
        b'<a href="json.html#x"><a href="antigravity.html"><a href="idlelib.run.html"><a href="https://x.org/a.html">'
        b'<a href="file:/etc/passwd"><a href="get?key=os"><a href="topic?key=a&amp;b"><a href="topic?key=FOR">'
        b'<a href="../x.html"><a href="unittest.__main__.html">'
    )
    assert list(crawl._links(body)) == ["json.html", "topic?key=FOR"]


def test_large_pages_are_left_out_and_counted(tmp_path: Path) -> None:
    (path,) = crawl.crawl_pydoc(tmp_path, pages=80, max_page_bytes=45_000)
    found = records(path)
    assert b"too_large: " in found[-1][1]
    assert b"fetched: 80" in found[-1][1]
    assert all(len(body) < 46_000 for _, body in found)


def test_a_crawl_that_finds_nothing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(crawl.CrawlError, match="no page"):
        crawl.crawl_pydoc(tmp_path, max_page_bytes=1)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="pages is 0"):
        crawl.crawl_pydoc(tmp_path, pages=0)


def test_no_page_shows_the_users_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUVEE_TEST_PASSWORD", "open-sesame")
    with crawl._Server() as server:
        page = server.fetch("os.html", 1 << 22)
    assert page is not None
    assert b"environ" in page.body
    assert b"open-sesame" not in page.body
