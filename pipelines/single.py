"""One input at a time, for ``cuvee extract`` and ``cuvee ocr``: the same functions as a run's, without a run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pipelines.errors import CuveeError

_ARCHIVE = re.compile(r"\.(warc|wet|wat|arc)(\.gz)?$", re.IGNORECASE)


def extracted(path: Path, *, markdown: bool = False, comments: bool = False, fields: bool = False) -> Iterator[str]:
    """Main text of a page, or of the pages of a WARC, each after a line with its URL.

    Of a page alone: as Markdown, with its readers' comments, or with all ``fields`` of its Extraction as JSON.
    """
    from manifests import storage
    from manifests.documents import Document, Reject
    from pipelines.extract import ExtractionError, extract_text
    from pipelines.recipe import Source
    from pipelines.sources import SourceError, SourceFile, reader

    if _ARCHIVE.search(path.name):
        if markdown or comments or fields:
            raise CuveeError(f"{path}: --markdown, --comments and --json are for one page, this is an archive")
        file = SourceFile(uri=str(path), name=path.name, size=path.stat().st_size, checksum=storage.digest(str(path)))
        source = Source(name="input", kind="warc", paths=[str(path)])
        read = reader("warc")
        try:
            for item in read.read(file, 0, file.size, source, {}):
                if isinstance(item, Document):
                    yield f"=== {item.url}\n{item.text}\n\n"
                elif isinstance(item, Reject):
                    yield f"=== {item.locator or item.offset}: {item.reason}: {item.detail}\n\n"
        except SourceError as error:
            raise CuveeError(str(error)) from None
        return
    try:
        found = extract_text(_page(path), output="markdown" if markdown else "text", comments=comments)
    except ExtractionError as error:
        raise CuveeError(f"{path}: {error}") from None
    yield json.dumps(asdict(found), ensure_ascii=False, indent=1) + "\n" if fields else found.text + "\n"


def _page(path: Path) -> bytes:
    """A file's bytes, decompressed; of one that is over the limit no more than shows that it is."""
    from pipelines.extract import Limits
    from pipelines.sources.compressed import Broken, pieces

    data = bytearray()
    try:
        with path.open("rb") as file:
            for piece in pieces(file):
                data += piece
                if len(data) > Limits.bytes:
                    break
    except Broken as error:
        raise CuveeError(f"{path}: {error}") from None
    if data.startswith(b"%PDF-"):
        raise CuveeError(f"{path} is a PDF: cuvee ocr reads it")
    return bytes(data)


def read_pdf(path: Path) -> tuple[str, list[str]]:
    """Text of a PDF, and a line on every page that did not come from its text layer, and on those that are missing."""
    import ocr

    result = ocr.read_pdf(path.read_bytes(), engine=ocr.available_engine())
    if not result.text:
        raise CuveeError(f"{path}: {result.status}: {result.detail}")
    notes = [f"page {p.number}: {p.route}: {p.reason}" for p in result.pages if p.method != "text_layer"]
    return result.text + "\n", notes + ([result.detail] if result.detail else [])
