"""One input at a time, for ``cuvee extract`` and ``cuvee ocr``: the same functions as a run's, without a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import CuveeError

_ARCHIVE = re.compile(r"\.(warc|wet|wat|arc)(\.gz)?$", re.IGNORECASE)


def extracted(path: Path) -> Iterator[str]:
    """Main text of a page, or of the pages of a WARC, each after a line with its URL."""
    from manifests import storage
    from manifests.documents import Document, Reject
    from pipelines.extract import ExtractionError, extract_text
    from pipelines.recipe import Source
    from pipelines.sources import SourceError, SourceFile, reader

    if _ARCHIVE.search(path.name):
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
        yield extract_text(path.read_bytes()).text + "\n"
    except ExtractionError as error:
        raise CuveeError(f"{path}: {error}") from None


def read_pdf(path: Path) -> tuple[str, list[str]]:
    """Text of a PDF, and a line on every page that did not come from its text layer."""
    import ocr

    result = ocr.read_pdf(path.read_bytes(), engine=ocr.available_engine())
    if not result.text:
        raise CuveeError(f"{path}: {result.status}: {result.detail}")
    notes = [f"page {p.number}: {p.route}: {p.reason}" for p in result.pages if p.method != "text_layer"]
    return result.text + "\n", notes
