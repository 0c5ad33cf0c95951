"""The records of WARC (ISO 28500) and ARC files, each apart from the others' errors.

A length that lies, a member that is cut or damaged and a record larger than the limit are told as Damage; reading goes
on at the next record that can be recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import BinaryIO

from pipelines.sources.segments import Member, Segment, segments

#: line ends after a record that are given back when no record follows them
_BLANKS = 64
_HEAD_BYTES = 64 << 10
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_NEXT = re.compile(rb"\r?\n\r?\n(?=WARC/\d)")
_NEXT_BYTES = 10  # most that it looks at


@dataclass(frozen=True)
class Record:
    """One record. ``offset`` and ``length`` are its gzip member's, or those of its bytes in a plain file.

    ``length`` is -1 for a record that shares its member. ``headers`` have lower-case names; ``block`` is the content.
    """

    offset: int
    length: int
    headers: dict[str, str] = field(default_factory=dict)
    block: bytes = b""

    @property
    def kind(self) -> str:
        return self.headers.get("warc-type", "").lower()

    @property
    def id(self) -> str:
        return self.headers.get("warc-record-id", "").strip("<>")

    @property
    def url(self) -> str:
        """The target URI; some crawlers wrote it in angle brackets."""
        text = self.headers.get("warc-target-uri", "").strip()
        return text[1:-1].strip() if text.startswith("<") and text.endswith(">") else text

    @property
    def date(self) -> datetime | None:
        """When it was captured, to the second, UTC."""
        text = self.headers.get("warc-date", "")
        try:
            found = datetime.fromisoformat(text)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
        except (ValueError, OverflowError):  # no date; or one that UTC moves out of the years there are
            return None


@dataclass(frozen=True)
class Damage:
    """A record that could not be read whole: truncated, corrupt, bad_length, record_too_large, bad_record."""

    reason: str
    detail: str
    offset: int
    length: int = -1
    id: str = ""
    kind: str = ""


class NotAnArchive(ValueError):
    """The file does not start like a WARC or an ARC file."""


def records(file: BinaryIO, *, limit: int, start: int = 0) -> Iterator[Record | Damage]:
    """The records from a record's offset on; blocks of more than ``limit`` bytes are told as Damage, unread."""
    file.seek(start)
    first = True
    for segment in segments(file, start):
        if first and not _is_archive(segment):
            head = segment.peek(8)
            raise NotAnArchive(f"does not start like a WARC or ARC file but with {head!r}")
        first = False
        yield from _of_segment(segment, limit)


def _is_archive(segment: Segment) -> bool:
    return not segment.skip_blank() or segment.peek(5) == b"WARC/" or b"://" in segment.peek(4096).split(b"\n")[0]


def _of_segment(segment: Segment, limit: int) -> Iterator[Record | Damage]:
    """The records of one segment. Each is given once it is known what follows it: only then is its length proven."""
    alone = True
    while segment.skip_blank():
        start = segment.position
        item = _warc(segment, limit) if segment.peek(5) == b"WARC/" else _arc(segment, limit)
        if isinstance(segment, Member):
            segment.joins = False
            more = segment.skip_blank()
            segment.joins = True
            segment.mark()
            alone = alone and not more
            length = segment.end - segment.offset if alone and segment.end is not None else -1
            yield replace(item, offset=segment.offset, length=length)
            alone = False
        else:
            yield replace(item, offset=segment.offset + start, length=segment.position - start)
    if segment.problem and alone:  # not even a head could be read
        yield Damage(segment.problem, f"a gzip member is {segment.problem}", segment.offset)


def _warc(segment: Segment, limit: int) -> Record | Damage:
    at = segment.find(b"\r\n\r\n", _HEAD_BYTES)
    if at < 0 and (at := segment.find(b"\n\n", _HEAD_BYTES)) < 0:
        reason = segment.problem or ("bad_record" if segment.hold(_HEAD_BYTES) else "truncated")
        _resume(segment)
        return Damage(reason, f"a record's head does not end within {_HEAD_BYTES:,} bytes", 0)
    headers = _headers(segment.read(at))
    segment.read(4 if segment.peek(4) == b"\r\n\r\n" else 2)
    record = Record(0, 0, headers)
    stated = headers.get("content-length", "")
    if not _LENGTH.fullmatch(stated):
        _resume(segment)
        return Damage("bad_length", f"Content-Length is {stated[:40]!r}", 0, id=record.id, kind=record.kind)
    return _block(segment, record, int(stated), limit)


def _block(segment: Segment, record: Record, size: int, limit: int) -> Record | Damage:
    """The record with its block, if the length it states is true: what follows is the next record or the end."""

    def damage(reason: str, detail: str) -> Damage:
        return Damage(reason, detail, 0, id=record.id, kind=record.kind)

    start = segment.position
    block = segment.read(min(size, limit))
    if size > limit and len(block) == limit:
        there = limit + segment.skip(size - limit)
        if there == size and _followed(segment):
            return damage("record_too_large", f"record of {size:,} bytes, limit {limit:,}")
        segment.rewind(start)  # a length that lies may have swallowed records
        reason = "bad_length" if _resume(segment) else "truncated"
        return damage(segment.problem or reason, f"Content-Length is {size:,}, and no record ends there")
    if len(block) < size:
        there = len(block)
        if isinstance(segment, Member):
            reason = segment.problem or "bad_length"
        else:
            # a length that lies has swallowed records; a file cut at the end has none to give back
            found = _NEXT.search(block)
            reason = "bad_length" if found else "truncated"
            if found:
                segment.back(block[found.end() :])
        return damage(reason, f"Content-Length is {size:,}, {there:,} bytes are left")
    if _followed(segment):
        return replace(record, block=block)
    # the length may end within the head of the record it has swallowed
    if found := _NEXT.search(block + segment.peek(_NEXT_BYTES)):
        segment.back(block[found.end() :])
        segment.skip(max(0, found.end() - len(block)))
    else:
        _resume(segment)
    if segment.problem:
        return damage(segment.problem, f"a gzip member is {segment.problem}")
    return damage("bad_length", f"Content-Length is {size:,}, and no record ends there")


def _followed(segment: Segment) -> bool:
    """Whether a record may end here: at the end, or after line ends and before the next. Else nothing is read."""
    segment.joins = False
    blank = bytearray()
    while len(blank) < _BLANKS and segment.peek(1) in (b"\r", b"\n"):
        blank += segment.read(1)
    more = segment.skip_blank() if len(blank) == _BLANKS else bool(segment.peek(1))
    followed = not more or (bool(blank) and b"WARC/".startswith(segment.peek(5)))
    segment.joins = True
    if not followed:
        segment.back(bytes(blank))
    return followed


def _resume(segment: Segment) -> bool:
    """To the next record of the segment; False where there is none, and its end is reached."""
    segment.skip(1)
    while segment.skip_to(b"\nWARC/"):
        segment.skip(1)
        if segment.peek(6)[5:].isdigit():
            return True
    return False


def _headers(head: bytes) -> dict[str, str]:
    """Header fields by lower-case name; continuation lines joined, the first of repeated fields kept."""
    found: dict[str, str] = {}
    lines = re.sub(rb"\r?\n[ \t]+", b" ", head).split(b"\n")
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            found.setdefault(name.strip().lower().decode("utf-8", "replace"), value.strip().decode("utf-8", "replace"))
    return found


def _arc(segment: Segment, limit: int) -> Record | Damage:
    """An ARC record (version 1: URL, address, date, type, length in one line), with the headers WARC has for it."""
    at = segment.find(b"\n", _HEAD_BYTES)
    if at < 0:
        reason = segment.problem or "truncated"
        segment.skip(1 << 62)
        return Damage(reason, "a record's first line does not end", 0)
    line = segment.read(at + 1).rstrip().decode("utf-8", "replace")
    fields = line.rsplit(" ", 4)  # a URL may hold blanks
    if len(fields) < 5 or not _LENGTH.fullmatch(fields[4]) or "://" not in fields[0]:
        segment.skip(1 << 62)
        return Damage("bad_record", f"not an ARC record: {line[:80]!r}", 0)
    url, _, date, media_type, stated = fields
    size = int(stated)
    kind = "warcinfo" if url.startswith("filedesc://") else "response" if _is_http(url) else "resource"
    day = f"{date[:4]}-{date[4:6]}-{date[6:8]}T{date[8:10]}:{date[10:12]}:{date[12:14]}Z"
    headers = {"warc-type": kind, "warc-target-uri": url, "warc-date": day, "content-type": media_type}
    if size > limit:
        skipped = segment.skip(size)
        reason = "record_too_large" if skipped == size else segment.problem or "truncated"
        return Damage(reason, f"record of {size:,} bytes, limit {limit:,}", 0, kind=kind)
    block = segment.read(size)
    if len(block) < size:
        reason = segment.problem or "truncated"
        return Damage(reason, f"length is {size:,}, {len(block):,} bytes are left", 0, kind=kind)
    return Record(0, 0, headers, block)


def _is_http(url: str) -> bool:
    return url.startswith(("http://", "https://"))
