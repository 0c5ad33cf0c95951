"""The bytes of an archive file as segments that fail apart: each gzip member is one, a plain file is one.

Damage in one segment (a broken member, a length that lies) leaves the next ones readable: after a damaged member the
file is searched for the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipelines.sources.compressed import InflateError, inflater

_BLOCK = 1 << 18
#: read of a gzip member at once: most are smaller, and what belongs to the next one is read again
_PACKED_BLOCK = 1 << 16
_MAGIC = b"\x1f\x8b\x08"
#: content read in vain, without a record in it, before the rest of a member is given up: 1 MB of gzip can hold 1 GB
VAIN_BYTES = 1 << 30
#: what a WARC record, or an ARC record, starts with
_RECORD = re.compile(rb"[\r\n]*(?:WARC/\d|[a-z]+://[^\n]* \d{14} \S+ -?\d+\r?\n)")


class Segment:
    """A run of content bytes, read forwards. ``offset`` is where it starts in the file as stored."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.joins = True  #: within a record: the next gzip member may carry it on
        self.problem = ""  #: what broke it, when it ended early: truncated, corrupt, record_too_large
        self._held = bytearray()
        self._dropped = 0

    def _more(self) -> bytes:
        raise NotImplementedError

    @property
    def position(self) -> int:
        """Content bytes read so far."""
        return self._dropped

    def hold(self, n: int) -> bool:
        """Tries to hold the next ``n`` bytes; False when the segment ends before."""
        while len(self._held) < n:
            data = self._more()
            if not data:
                return False
            self._held += data
        return True

    def peek(self, n: int) -> bytes:
        self.hold(n)
        return bytes(self._held[:n])

    def read(self, n: int) -> bytes:
        """The next ``n`` bytes, fewer at the end."""
        data = self.peek(n)
        self._drop(len(data))
        return data

    def rewind(self, position: int) -> None:
        """Back to an earlier position, where the segment can be read again; else nothing happens."""

    def mark(self) -> None:
        """A record was found here."""

    def back(self, data: bytes) -> None:
        """Puts bytes back that were just read."""
        self._held[:0] = data
        self._dropped -= len(data)

    def skip(self, n: int) -> int:
        """Leaves out ``n`` bytes; the number there were."""
        left = n
        while left and (self._held or self.hold(1)):
            step = min(left, len(self._held))
            self._drop(step)
            left -= step
        return n - left

    def skip_blank(self) -> bool:
        """Leaves out line ends; False at the end of the segment."""
        while self.hold(1):
            data = self._held.lstrip(b"\r\n")
            self._drop(len(self._held) - len(data))
            if data:
                return True
        return False

    def find(self, pattern: bytes, limit: int) -> int:
        """Where the pattern starts within the next ``limit`` bytes; -1 when it does not."""
        at = 0
        while True:
            if (found := self._held.find(pattern, at)) >= 0:
                return found
            at = max(0, len(self._held) - len(pattern) + 1)
            if len(self._held) >= limit or not self.hold(len(self._held) + 1):
                return -1

    def skip_to(self, pattern: bytes) -> bool:
        """Leaves out everything before the pattern; False, and all left out, when it does not come."""
        while (found := self.find(pattern, _BLOCK)) < 0:
            if len(self._held) < len(pattern):
                self._drop(len(self._held))
                return False
            self._drop(max(1, len(self._held) - len(pattern) + 1))
        self._drop(found)
        return True

    def _drop(self, n: int) -> None:
        del self._held[:n]
        self._dropped += n


class _Plain(Segment):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file.tell())
        self._file = file

    def rewind(self, position: int) -> None:
        self._file.seek(self.offset + position)
        self._held.clear()
        self._dropped = position

    def _more(self) -> bytes:
        return bytes(self._file.read(_BLOCK))


class Member(Segment):
    """A gzip member, with the members after it that start no record: some writers cut records into several.

    ``end`` is where it ends in the file, None while that is not known.
    """

    def __init__(self, file: BinaryIO, offset: int) -> None:
        super().__init__(offset)
        self.end: int | None = None
        self._file = file
        self._vain = 0
        self._open(offset)

    def mark(self) -> None:
        self._vain = 0

    def _open(self, offset: int) -> None:
        self._file.seek(offset)
        self._inflate = inflater(wbits=31)

    def _more(self) -> bytes:
        while not self.problem and self.end is None:
            if self._inflate.eof:
                end = self._file.tell() - len(self._inflate.unused_data)
                if not self.joins or _starts(self._file, end) is not False:
                    self.end = end
                    break
                self._open(end)
            fed = self._inflate.unconsumed_tail or self._file.read(_PACKED_BLOCK)
            if not fed:
                self.problem = "truncated"
                break
            try:
                out: bytes = self._inflate.decompress(fed, _BLOCK)
            except InflateError:
                self.problem = "corrupt"
                break
            self._vain += len(out)
            if self._vain > VAIN_BYTES:
                self.problem = "record_too_large"
            elif out:
                return out
        return b""


def segments(file: BinaryIO, start: int = 0) -> Iterator[Segment]:
    """The segments of a file, in order. What the caller leaves of one is read past before the next one is given."""
    file.seek(start)
    if file.read(2) != _MAGIC[:2]:
        file.seek(start)
        yield _Plain(file)
        return
    at: int | None = start
    while at is not None:
        member = Member(file, at)
        yield member
        while member.skip(1 << 62):
            pass
        at = _next_member(file, at + 1) if member.end is None else _used(file, member.end)


def _used(file: BinaryIO, at: int) -> int | None:
    """``at``, unless nothing but zero padding follows."""
    file.seek(at)
    size = len(_MAGIC)
    while block := file.read(size):
        if block.strip(b"\0"):
            return at
        size = _BLOCK
    return None


def _next_member(file: BinaryIO, at: int) -> int | None:
    """Where the next gzip member that starts a record starts, at or after ``at``; None when there is none."""
    overlap = b""
    file.seek(at)
    while block := file.read(_BLOCK):
        data = overlap + bytes(block)
        base = at - len(overlap)
        found = -1
        while (found := data.find(_MAGIC, found + 1)) >= 0:
            if _starts(file, base + found):
                return base + found
        at += len(block)
        overlap = data[-2:]
        file.seek(at)
    return None


def _starts(file: BinaryIO, at: int) -> bool | None:
    """Whether the gzip member at ``at`` starts a record; None when no gzip member is there."""
    file.seek(at)
    inflate = inflater(wbits=31)
    try:
        head = inflate.decompress(file.read(8192), 8192)
    except InflateError:
        return None
    if not head or (b"\n" not in head and not inflate.eof):  # a stub: the file is cut here
        return None
    return _RECORD.match(head) is not None
