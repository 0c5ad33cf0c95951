"""Plain text: one document a file, UTF-8 or with a byte order mark that says otherwise; it may be compressed."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import lru_cache

from manifests import storage
from manifests.documents import Claim, Document, Reject
from pipelines.recipe import Source
from pipelines.sources import SourceFile
from pipelines.sources.compressed import Broken, pieces

_MOST_LICENCE_BYTES = 1 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def ranges(file: SourceFile) -> list[tuple[int, int]]:
    """The whole file."""
    return [(0, file.size)]


def read(file: SourceFile, start: int, end: int, source: Source, counts: dict[str, int]) -> Iterator[Document | Reject]:
    """The file's one document, or the reject for it: ``no_text``, ``bad_utf8``, ``record_too_large``, ``truncated``.

    The licence that an ``SPDX-License-Identifier`` line at its head names becomes a claim; so do the licence files and
    package descriptions of its folder, or else of the nearest folder above it within the source.
    """
    from manifests.licences import spdx_header

    def reject(reason: str, detail: str) -> Reject:
        return Reject(reason, detail[:300], file.name, 0, file.size, file.name)

    counts["files"] = counts.get("files", 0) + 1
    limit = source.max_record_bytes
    data = b""
    with storage.open_input(file.uri) as raw:
        try:
            for piece in pieces(raw):
                data += piece
                if len(data) > limit:
                    break
        except Broken as error:
            yield reject(error.reason, str(error))
            return
    if len(data) > limit:
        yield reject("record_too_large", f"more than {limit:,} bytes (max_record_bytes)")
        return
    mark, encoding = next(((m, e) for m, e in _MARKS if data.startswith(m)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        yield reject("bad_utf8", str(error))
        return
    if "\0" in text:
        yield reject("binary", f"a NUL character at {text.index(chr(0)):,}: not a text file")
    elif not text.strip():
        yield reject("no_text", "the file is empty")
    else:
        yield Document(
            locator=file.name,
            text=text,
            title=file.name.rsplit("/", 1)[-1],
            media_type="text/plain",
            file=file.name,
            offset=0,
            length=file.size,
            claims=(*spdx_header(text), *_of_folders(file)),
        )


def _of_folders(file: SourceFile) -> tuple[Claim, ...]:
    """The licences of the nearest folder, its own first, that states any."""
    base, levels = file.uri, file.name.count("/")
    for _ in range(levels + 1):
        base = base.rsplit("/", 1)[0]
        if found := _of_folder(base):
            return found
    return ()


@lru_cache(1024)
def _of_folder(folder: str) -> tuple[Claim, ...]:
    from pipelines.evidence.records import LICENCE_FILE, PACKAGE_FILES, from_folder

    if not storage.is_local(folder) and not storage.is_store(folder):
        return ()  # a web server lists no folders
    files = {}
    for uri in storage.list_files(folder):
        name = uri.rsplit("/", 1)[-1]
        if (name in PACKAGE_FILES or LICENCE_FILE.match(name)) and storage.size(uri) < _MOST_LICENCE_BYTES:
            files[name] = storage.read_bytes(uri).decode("utf-8", "replace")
    return from_folder(files)
