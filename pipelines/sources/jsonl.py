"""JSON lines: one document a line. Uncompressed files are read in ranges of bytes, compressed ones whole."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import BinaryIO

from manifests import storage
from manifests.documents import Document, Reject
from pipelines.recipe import Source
from pipelines.sources import SourceFile
from pipelines.sources.compressed import GZIP, ZSTD, Broken, pieces
from pipelines.sources.rows import Columns

_RANGE = 256 << 20
_BLOCK = 1 << 20
#: a wrong column name is noticed after so many records, not at the end of a large file
_TELLING = 1000


def ranges(file: SourceFile) -> list[tuple[int, int]]:
    """Byte ranges of an uncompressed file; a line belongs to the range it starts in. Else the whole file."""
    with storage.open_input(file.uri) as raw:
        if file.size <= _RANGE or _is_compressed(raw):
            return [(0, file.size)]
    return [(start, min(start + _RANGE, file.size)) for start in range(0, file.size, _RANGE)]


def read(file: SourceFile, start: int, end: int, source: Source, counts: dict[str, int]) -> Iterator[Document | Reject]:
    """The documents of the lines that start in ``[start, end)``.

    A line that is no document becomes a reject: ``bad_json``, ``bad_utf8``, ``line_too_long``, ``no_text`` …
    SourceError when no line has a column the recipe names.
    """
    columns = Columns(file, source)
    seen: set[str] = set()
    number = 0
    for item in records(file, start, end, source.max_record_bytes):
        counts["lines"] = counts.get("lines", 0) + 1
        if isinstance(item, Reject):
            yield item
            continue
        row, offset, length, where = item
        number += 1
        seen |= row.keys()
        if number == _TELLING:
            columns.check(seen)
        yield columns.document(row, f"{file.name}:{offset}", where, offset=offset, length=length)
    if number:
        columns.check(seen)


def records(
    file: SourceFile, start: int, end: int, limit: int
) -> Iterator[tuple[dict[str, object], int, int, str] | Reject]:
    """Each line's object, byte offset and length in the decompressed file, and a name for people; or why it is none."""
    with storage.open_input(file.uri) as raw:
        whole = _is_compressed(raw)
        if start:
            raw.seek(start - 1)  # the line that begins before the range is passed, with its end
        offset = max(0, start - 1)
        number = -1 if start else 0
        try:
            for line, length in _lines(pieces(raw) if whole else _blocks(raw), limit):
                if number >= 0 and not whole and offset >= end:
                    return
                number += 1
                where = f"line {number:,}" + (f" after byte {start:,}" if start else "")
                if number == 0:
                    pass
                elif line is None:
                    why = f"{where}: {length:,} bytes, limit {limit:,} (max_record_bytes)"
                    yield Reject("line_too_long", why, file.name, offset, length)
                elif line.strip() and line != codecs.BOM_UTF8:
                    row = _parse(line)
                    if isinstance(row, dict):
                        yield row, offset, length, where
                    else:
                        yield Reject(row[0], f"{where}: {row[1]}"[:300], file.name, offset, length)
                offset += length
        except Broken as error:
            yield Reject(error.reason, f"after line {number:,}: {error}"[:300], file.name)


def _is_compressed(raw: BinaryIO) -> bool:
    head = raw.read(4)
    raw.seek(0)
    return bytes(head).startswith((GZIP, ZSTD))


def _blocks(raw: BinaryIO) -> Iterator[bytes]:
    while block := raw.read(_BLOCK):
        yield bytes(block)


def _lines(blocks: Iterator[bytes], limit: int) -> Iterator[tuple[bytes | None, int]]:
    """Each line without its newline, None when it is over the limit, and its length with it.

    A long line is counted, not held. When the blocks break off, the line that was cut is not given.
    """
    held: list[bytes] = []
    size = 0
    for block in blocks:
        at = 0
        while (newline := block.find(b"\n", at)) >= 0:
            size += newline - at
            held.append(block[at:newline])
            yield (b"".join(held) if size <= limit else None), size + 1
            held, size, at = [], 0, newline + 1
        size += len(block) - at
        held = [*held, block[at:]] if size <= limit else []
    if size:
        yield (b"".join(held) if size <= limit else None), size


def _parse(line: bytes) -> dict[str, object] | tuple[str, str]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return "bad_utf8", str(error)
    except (ValueError, RecursionError) as error:
        return "bad_json", str(error)
    return row if isinstance(row, dict) else ("bad_json", f"a {type(row).__name__}, not an object")
