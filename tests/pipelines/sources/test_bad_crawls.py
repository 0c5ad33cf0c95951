"""Crawls as they come: what is good is kept, what is bad is named, and each document can be read again by its place."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from manifests import storage
from manifests.documents import Document, Reject
from pipelines.recipe import Source
from pipelines.sources import SourceError, SourceFile, warc

_ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("CUVEE_TEST_DATA", _ROOT.parent / "shared" / "data")) / "warc"
WORDS = "The quick brown fox jumps over the lazy dog, and then it rests in the shade of an old tree. " * 4


def page(text: str = WORDS, head: str = "") -> bytes:
    return f"<html><head><title>Fox</title>{head}</head><body><article><p>{text}</p></article></body></html>".encode()


def http(body: bytes, content_type: str = "text/html", *more: str, length: int | None = None) -> bytes:
    lines = ("HTTP/1.1 200 OK", f"Content-Type: {content_type}", *more, f"Content-Length: {length or len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def record(number: int, block: bytes, kind: str = "response", content: str = "", length: int | None = None) -> bytes:
    head = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number:032d}>\r\n"
        f"WARC-Date: 2026-01-02T03:04:05Z\r\nWARC-Target-URI: http://example.org/{number}\r\n"
        f"Content-Type: {content or 'application/http; msgtype=response'}\r\n"
        f"Content-Length: {len(block) if length is None else length}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def stored(path: Path, data: bytes) -> SourceFile:
    path.write_bytes(data)
    return SourceFile(str(path), path.name, len(data), storage.digest(str(path)))


def read(file: SourceFile, **options: Any) -> tuple[list[Document], list[Reject], dict[str, int]]:
    source = Source.model_validate({"name": "s", "kind": "warc", "paths": ["x"], "ocr": "off", **options})
    counts: dict[str, int] = {}
    items = [i for start, end in warc.ranges(file) for i in warc.read(file, start, end, source, counts)]
    return [i for i in items if isinstance(i, Document)], [i for i in items if isinstance(i, Reject)], counts


def members(*records: bytes) -> bytes:
    return b"".join(gzip.compress(r, mtime=0) for r in records)


@pytest.mark.parametrize("zipped", [True, False])
def test_each_document_is_found_again_by_its_offset(tmp_path: Path, zipped: bool) -> None:
    records = [record(i, http(page(f"Number {i}. {WORDS}"))) for i in range(5)]
    records.insert(2, record(90, b"GET / HTTP/1.1\r\n\r\n", "request"))
    file = stored(tmp_path / "x.warc.gz", members(*records) if zipped else b"".join(records))
    documents, rejects, counts = read(file)
    assert not rejects
    assert len(documents) == 5
    assert counts["records:request"] == 1
    for number, document in enumerate(documents):
        assert document.locator == f"urn:uuid:{number:032d}"
        assert document.url == f"http://example.org/{number}"
        assert f"Number {number}." in document.text
        assert str(document.fetched_at) == "2026-01-02 03:04:05+00:00"
        headers, response, payload = warc.read_record(file.uri, document.offset)
        assert (headers["warc-target-uri"], response["content-type"]) == (document.url, "text/html")
        assert f"Number {number}.".encode() in payload
    data = Path(file.uri).read_bytes()
    piece = data[documents[3].offset :][: documents[3].length]
    assert (gzip.decompress(piece) if zipped else piece).startswith(b"WARC/1.1")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_cut_file_keeps_its_good_records(tmp_path: Path, zipped: bool) -> None:
    records = [record(i, http(page(f"{i} {WORDS}"))) for i in range(3)]
    data = members(*records) if zipped else b"".join(records)
    documents, rejects, _ = read(stored(tmp_path / "x.warc.gz", data[:-150]))
    assert [d.url[-1] for d in documents] == ["0", "1"]
    assert [r.reason for r in rejects] == ["truncated"]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("lie", [-50, 60, 100_000, 10**17])
def test_a_length_that_lies_costs_one_record(tmp_path: Path, zipped: bool, lie: int) -> None:
    blocks = [http(page(f"{i} {WORDS}")) for i in range(4)]
    records = [record(i, b, length=len(b) + lie if i == 1 else None) for i, b in enumerate(blocks)]
    documents, rejects, _ = read(stored(tmp_path / "x.warc.gz", members(*records) if zipped else b"".join(records)))
    assert [d.url[-1] for d in documents] == ["0", "2", "3"]
    assert len(rejects) == 1


def test_a_damaged_member_costs_one_record(tmp_path: Path) -> None:
    one, two, three = (members(record(i, http(page(f"{i} {WORDS}")))) for i in range(3))
    broken = bytearray(two)
    broken[len(broken) // 2] ^= 0xFF
    documents, rejects, _ = read(stored(tmp_path / "x.warc.gz", one + bytes(broken) + three))
    assert [d.url[-1] for d in documents] == ["0", "2"]
    assert len(rejects) == 1


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_bombs_stop_at_the_limit(tmp_path: Path, coding: str) -> None:
    if coding == "br":
        brotli = pytest.importorskip("brotli")
        body = brotli.compress(b"\0" * 200_000_000, quality=1)
    else:
        body = gzip.compress(b"\0" * 200_000_000, 6) if coding == "gzip" else zlib.compress(b"\0" * 200_000_000)
    bomb = record(0, http(body, "text/html", f"Content-Encoding: {coding}"))
    file = stored(tmp_path / "x.warc.gz", members(bomb, record(1, http(page()))))
    documents, rejects, _ = read(file, max_record_bytes=100_000)
    assert [d.url[-1] for d in documents] == ["1"]
    assert [r.reason for r in rejects] == ["record_too_large"]


def test_codings_are_undone_and_lying_ones_tolerated(tmp_path: Path) -> None:
    body = page()
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:200], body[200:])) + b"0\r\n\r\n"
    blocks = [
        http(gzip.compress(body), "text/html", "Content-Encoding: gzip"),
        http(zlib.compress(body), "text/html", "Content-Encoding: deflate"),
        http(zlib.compress(body)[2:-4], "text/html", "Content-Encoding: deflate"),
        http(chunked, "text/html", "Transfer-Encoding: chunked"),
        http(gzip.compress(body)[:-12], "text/html", "Content-Encoding: gzip"),
        http(body, "text/html", "Content-Encoding: gzip"),
        http(body, "text/html", "Transfer-Encoding: chunked"),
        http(gzip.compress(body), "text/html", "Content-Encoding: deflate"),
        http(gzip.compress(body), "text/html", "Transfer-Encoding: gzip"),
        http(body, "text/html", length=9_999_999),
    ]
    documents, rejects, _ = read(stored(tmp_path / "x.warc.gz", members(*(record(i, b) for i, b in enumerate(blocks)))))
    assert not rejects
    assert len(documents) == len(blocks)
    plain = WORDS.strip()
    assert [d.text for d in documents[:4] + documents[5:]] == [plain] * (len(blocks) - 1)
    assert plain.startswith(documents[4].text[:50])  # what there was of a body cut short


def test_damaged_or_hidden_compression_is_never_text(tmp_path: Path) -> None:
    text = "".join(f"<p>{i}: {WORDS[i % 40 :]}{i * i}</p>" for i in range(500))
    zipped, bare = bytearray(gzip.compress(page(text))), bytearray(zlib.compress(page(text)))
    checksum = zipped.copy()
    checksum[-6] ^= 0xFF
    for packed in (zipped, bare):
        packed[len(packed) // 2 : len(packed) // 2 + 40] = bytes(40)
    blocks = [
        http(bytes(zipped), "text/html", "Content-Encoding: gzip"),
        http(bytes(bare), "text/html", "Content-Encoding: deflate"),
        http(bytes(checksum), "text/html", "Content-Encoding: gzip"),
        http(bytes(checksum), "text/html"),
    ]
    documents, rejects, _ = read(stored(tmp_path / "x.warc", b"".join(record(i, b) for i, b in enumerate(blocks))))
    assert not documents
    assert [r.reason for r in rejects] == ["bad_http", "bad_http", "bad_http", "not_text"]


@pytest.mark.parametrize("zipped", [True, False])
def test_numbers_out_of_bounds_cost_one_record_at_most(tmp_path: Path, zipped: bool) -> None:
    whole = [record(i, http(page())) for i in range(5)]
    long = whole[1].replace(b"\r\nContent-Length: ", b"\r\nContent-Length: " + b"9" * 5000, 1)
    early, late = (
        whole[i].replace(b"2026-01-02T03:04:05Z", date)
        for i, date in ((2, b"0001-01-01T00:00:00+23:00"), (3, b"9999-12-31T23:59:59-23:00"))
    )
    records = [whole[0], long, early, late, whole[4]]
    documents, rejects, _ = read(
        stored(tmp_path / "x.warc.gz", members(*records) if zipped else b"".join(records)),
    )
    assert [d.url[-1] for d in documents] == ["0", "2", "3", "4"]
    assert [d.fetched_at is None for d in documents] == [False, True, True, False]
    assert [r.reason for r in rejects] == ["bad_length"]


def test_every_record_that_could_be_a_page_is_told(tmp_path: Path) -> None:
    cut = gzip.compress(record(0, page(), "resource", "text/html"))[:-40]
    lookup = record(1, b"20260102030405\nexample.org", content="text/dns").replace(b"http://", b"dns:")
    documents, rejects, counts = read(stored(tmp_path / "x.warc.gz", members(lookup) + cut))
    assert not documents
    assert [r.reason for r in rejects] == ["truncated"]
    assert counts["skipped:not_a_page_url"] == 1


@pytest.mark.parametrize(
    ("charset", "declared", "text"),
    [
        ("iso-8859-1", "iso-8859-1", "Grüße aus Köln, wo die Straße breit ist und die Menschen fröhlich sind. "),
        ("windows-1251", "windows-1251", "Съешь же ещё этих мягких французских булок, да выпей чаю. "),
        ("shift_jis", "Shift_JIS", "いろはにほへとちりぬるをわかよたれそつねならむ。"),
        ("utf-8", "iso-8859-1", "Grüße aus Köln, wo die Straße breit ist und die Menschen fröhlich sind. "),
        ("gbk", "gb2312", "床前明月光，疑是地上霜。举头望明月，低头思故乡。"),
    ],
)
@pytest.mark.parametrize("by", ["header", "meta"])
def test_charsets(tmp_path: Path, charset: str, declared: str, text: str, by: str) -> None:
    head = f'<meta charset="{declared}">' if by == "meta" else ""
    body = page(text * 6, head).decode().encode(charset)
    kind = f"text/html; charset={declared}" if by == "header" else "text/html"
    documents, _, _ = read(stored(tmp_path / "x.warc", record(0, http(body, kind))))
    assert text.strip() in documents[0].text


def test_hostile_pages_end_as_rejects(tmp_path: Path) -> None:
    blocks = [
        http(b"<div>" * 100_000 + WORDS.encode()),
        http(page("x" * 50_000_000)),
        http(b"<p" + b" a" * 1_000_000 + b">" + WORDS.encode()),
        http(b"<html><body></body></html>"),
        http(b""),
        b"not HTTP at all",
        http(b"a\0b" * 50, "text/plain"),
        http(page()),
    ]
    file = stored(tmp_path / "x.warc", b"".join(record(i, b) for i, b in enumerate(blocks)))
    documents, rejects, _ = read(file)
    assert [d.url[-1] for d in documents] == ["7"]
    assert [r.reason for r in rejects][3:] == ["no_text", "no_text", "bad_http", "not_text"]
    assert {r.reason for r in rejects[:3]} <= {"too_deep", "too_complex", "record_too_large"}


def test_what_is_no_page_is_counted(tmp_path: Path) -> None:
    records = [
        record(0, http(b"\x89PNG", "image/png")),
        record(1, http(page()).replace(b"200 OK", b"404 Not Found")),
        record(2, WORDS.encode(), "conversion", "text/plain"),
        record(3, http(WORDS.encode(), "text/plain; charset=utf-8")),
        record(4, b"x", "revisit"),
    ]
    documents, rejects, counts = read(stored(tmp_path / "x.warc", b"".join(records)))
    assert [(d.url[-1], d.media_type) for d in documents] == [("2", "text/plain"), ("3", "text/plain")]
    assert not rejects
    assert (counts["skipped:image/png"], counts["skipped:http_404"], counts["records:revisit"]) == (1, 1, 1)


def test_evidence_and_headers_come_with_the_page(tmp_path: Path) -> None:
    head = '<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">'
    block = http(page(head=head), "text/html", "X-Robots-Tag: noai", "Set-Cookie: secret", "TDM-Reservation: 1")
    (document,), _, _ = read(stored(tmp_path / "x.warc", record(0, block)))
    assert [c.expression for c in document.claims] == ["CC-BY-4.0"]
    assert {r.protocol for r in document.reservations} == {"x-robots-tag", "tdmrep"}
    assert dict(document.headers).keys() == {"content-type", "x-robots-tag", "tdm-reservation"}


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        read(stored(tmp_path / "x.warc", b"PAR1 this is no crawl"))
    assert read(stored(tmp_path / "empty.warc", b""))[:2] == ([], [])


@pytest.mark.skipif(not DATA.is_dir(), reason="needs CUVEE_TEST_DATA")
def test_real_files_all_end_and_their_documents_are_found_again() -> None:
    found = 0
    for path in sorted(DATA.iterdir()):
        file = SourceFile(str(path), path.name, path.stat().st_size, "")
        for document in read(file)[0]:
            headers, _, payload = warc.read_record(
                file.uri, document.offset, document.locator if document.length < 0 else ""
            )
            assert headers["warc-target-uri"].strip("<> ") == document.url, path
            assert payload
            found += 1
    assert found >= 20
