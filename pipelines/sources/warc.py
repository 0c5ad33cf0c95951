"""Crawls: WARC, WET and ARC files, plain or gzip. One document a page, its evidence recorded with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO

from manifests import storage
from manifests.documents import Document, HostFile, Reject
from pipelines.charset import decode
from pipelines.extract import ExtractionError, Limits, extract_text
from pipelines.recipe import Source
from pipelines.sources import SourceError, SourceFile, feed, host_files, http, pdf
from pipelines.sources.archive import Damage, NotAnArchive, Record, records
from pipelines.sources.compressed import GZIP, ZSTD

#: response headers kept with a document: what it is, and what its publisher says of its use
KEPT_HEADERS = (
    "content-type",
    "content-language",
    "content-signal",
    "content-usage",
    "license",
    "link",
    "tdm-policy",
    "tdm-reservation",
    "x-robots-tag",
)
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXT = frozenset({"text/plain", "text/markdown"})
_FEED = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/xml", "text/xml"})
_PDF = frozenset({"application/pdf", "application/x-pdf"})
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/unknown", "no-type", "unk"})
#: kinds of records that make documents; that of a broken record may not be known
_PAGES = frozenset({"", "response", "resource", "conversion"})
_PAGE_URL = re.compile(r"(?:https?|ftp|file):", re.IGNORECASE)


def ranges(file: SourceFile) -> list[tuple[int, int]]:
    """The whole file: where its records start is known only by reading it."""
    return [(0, file.size)]


def read(
    file: SourceFile, start: int, end: int, source: Source, counts: dict[str, int]
) -> Iterator[Document | Reject | HostFile]:
    """Pages as documents; broken records as rejects; other records counted by their type, or by their media type."""
    with storage.open_input(file.uri) as opened:
        try:
            yield from read_open(opened, file.name, source, counts)
        except NotAnArchive as error:
            raise SourceError(f"{file.uri}: {error}; check the source's `kind`") from None


def read_open(
    file: BinaryIO, name: str, source: Source, counts: dict[str, int], base: int = 0
) -> Iterator[Document | Reject | HostFile]:
    """As ``read``, of an open archive, or of a piece cut out at records; of file ``name``, which has it at ``base``."""
    for number, record in enumerate(records(file, limit=pdf.SIZE_FACTOR * source.max_record_bytes)):
        kind = record.kind or "unknown"
        counts[f"records:{kind}"] = counts.get(f"records:{kind}", 0) + 1
        item = _item(record, source, counts)
        offset = base + record.offset
        if isinstance(item, HostFile):
            yield replace(item, file=name, offset=offset, length=record.length)
        elif item is not None:
            locator = record.id or f"{name}:{offset}" + (f"+{number}" if record.length < 0 else "")
            yield replace(item, file=name, offset=offset, length=record.length, locator=locator)


def read_record(
    uri: str, offset: int, record_id: str = "", *, limit: int = 100_000_000
) -> tuple[dict[str, str], dict[str, str], bytes]:
    """The record at an offset: WARC headers, HTTP headers (none where it is no response), and the payload, decoded.

    ``record_id`` picks among records that share one gzip member. ValueError when there is no such record.
    """
    with storage.open_input(uri) as opened:
        for record in records(opened, limit=limit, start=offset):
            if isinstance(record, Damage):
                raise ValueError(f"{uri}: record at {offset}: {record.reason}: {record.detail}")
            if record.offset != offset and record.length >= 0:
                break
            if record_id and record.id != record_id.strip("<>"):
                continue
            if record.kind == "response" and record.block[:5].upper() == b"HTTP/":
                response = http.parse(record.block, limit=limit)
                return record.headers, dict(response.headers), response.body
            return record.headers, {}, record.block
    raise ValueError(f"{uri}: no record {record_id} at {offset}")


def _item(record: Record | Damage, source: Source, counts: dict[str, int]) -> Document | Reject | HostFile | None:
    """What a record gives; None for what is neither document nor reject, and counted instead."""
    if isinstance(record, Damage):
        # a broken record of another type would not have made a document either
        return Reject(record.reason, record.detail) if record.kind in _PAGES else None
    if record.kind == "conversion":
        return _with_record(_plain(record.block, "utf-8", {}, record.url, source), record, {})
    if record.kind == "resource" and _PAGE_URL.match(record.url):
        headers = {"content-type": record.headers.get("content-type", "")}
        response = http.Response(200, headers, record.block)
    elif record.kind == "response" and _PAGE_URL.match(record.url):
        try:
            response = http.parse(record.block, limit=pdf.SIZE_FACTOR * source.max_record_bytes)
        except http.BadResponse as error:
            return Reject(error.reason, str(error))
    else:
        if record.kind in _PAGES:
            _skip("not_a_page_url", counts)  # such as a name looked up, by dns:
        return None
    if (kind := host_files.kind_of(record.url, response.media_type)) is not None:
        return host_files.read(kind, record.url, response, record.date)
    if response.status not in (200, 203):
        _skip(f"http_{response.status}", counts)
        return None
    return _page(record, response, source, counts)


def _page(record: Record, response: http.Response, source: Source, counts: dict[str, int]) -> Document | Reject | None:
    """A page by what it is: as declared, else as the crawler identified it, else by its first bytes."""
    body, url = response.body, record.url
    media_type = response.media_type
    if media_type in _UNTOLD:
        media_type = record.headers.get("warc-identified-payload-type", "").lower() or _sniffed(body)
    if body[:1024].lstrip().startswith(b"%PDF-"):
        media_type = "application/pdf"
    if not body:
        return Reject("no_text", "the response has no body")
    if body.startswith((GZIP, ZSTD)) and media_type in _HTML | _TEXT | _FEED:
        return Reject("not_text", f"declared as {media_type}, holds compressed data")
    if media_type in _HTML:
        item = _html(body, response, url, source)
    elif media_type in _FEED and feed.is_feed(body):
        item = _feed(body, response, url, source)
    elif media_type in _TEXT:
        item = _plain(body, response.charset, response.headers, url, source)
    elif media_type in _PDF:
        item = pdf.from_bytes(body, source, counts)
        if isinstance(item, Document):
            item = _with_evidence(item, b"", response.headers, url)
    else:
        known = re.fullmatch(r"[a-z0-9]+/[a-z0-9.+-]{1,60}", media_type)
        _skip(media_type if known else "other", counts)
        return None
    return _with_record(item, record, response.headers)


def _html(body: bytes, response: http.Response, url: str, source: Source) -> Document | Reject:
    try:
        found = extract_text(body, url=url, charset=response.charset, limits=Limits(bytes=source.max_record_bytes))
    except ExtractionError as error:
        return Reject(error.reason, str(error))
    if not found.text:
        return Reject("no_text", f"no main text in a page of {len(body):,} bytes")
    document = Document("", found.text, title=found.title, media_type="text/html")
    return _with_evidence(document, body, response.headers, url)


def _feed(body: bytes, response: http.Response, url: str, source: Source) -> Document | Reject:
    try:
        title, text = feed.read(body, response.charset, limits=Limits(bytes=source.max_record_bytes))
    except ExtractionError as error:
        return Reject(error.reason, str(error))
    if not text:
        return Reject("no_text", f"no entries with text in a feed of {len(body):,} bytes")
    return _with_evidence(Document("", text, title=title, media_type="application/xml"), b"", response.headers, url)


def _plain(body: bytes, charset: str | None, headers: Mapping[str, str], url: str, source: Source) -> Document | Reject:
    if len(body) > source.max_record_bytes:
        detail = f"text of {len(body):,} bytes, limit {source.max_record_bytes:,} (max_record_bytes)"
        return Reject("record_too_large", detail)
    text, _ = decode(body, charset)
    if "\0" in text:
        return Reject("not_text", "declared as text, holds NUL characters")
    if not text.strip():
        return Reject("no_text", "the record holds no text")
    document = Document("", text.replace("\r\n", "\n"), media_type="text/plain")
    return _with_evidence(document, b"", headers, url)


def _with_evidence(document: Document, html: bytes, headers: Mapping[str, str], url: str) -> Document:
    from pipelines.evidence import from_html

    claims, reservations = from_html(html, headers=headers, url=url)
    return replace(document, claims=claims, reservations=reservations)


def _with_record(item: Document | Reject, record: Record, headers: Mapping[str, str]) -> Document | Reject:
    if isinstance(item, Reject):
        return item
    kept = tuple((name, headers[name]) for name in KEPT_HEADERS if name in headers)
    if truncated := record.headers.get("warc-truncated"):  # why the crawler stopped: length, time, disconnect
        kept += (("warc-truncated", truncated),)
    return replace(item, url=record.url, fetched_at=record.date, headers=kept)


def _sniffed(body: bytes) -> str:
    start = body[:512].lstrip().lower()
    return "text/html" if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) else "unknown"


def _skip(name: str, counts: dict[str, int]) -> None:
    counts[f"skipped:{name}"] = counts.get(f"skipped:{name}", 0) + 1
