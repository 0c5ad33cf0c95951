"""PDF files: one document a file, by the text layer and, where a page needs it and an engine is there, by OCR."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from manifests import storage
from manifests.documents import Document, Reject
from pipelines.recipe import Source
from pipelines.sources import SourceError, SourceFile

#: a PDF holds pictures and fonts, so it may be this many times as large as ``max_record_bytes`` allows text to be
SIZE_FACTOR = 10
#: statuses of ocr.read_pdf that are not ``ok``, as reasons of rejects
_REASONS = {
    "encrypted": "pdf_encrypted",
    "corrupt": "pdf_corrupt",
    "crashed": "pdf_crashed",
    "over_limit": "record_too_large",
    "empty": "no_text",
}


def ranges(file: SourceFile) -> list[tuple[int, int]]:
    return [(0, file.size)]


def read(file: SourceFile, start: int, end: int, source: Source, counts: dict[str, int]) -> Iterator[Document | Reject]:
    """The file as one document, named by the checksum of its bytes."""
    limit = SIZE_FACTOR * source.max_record_bytes
    if file.size > limit:
        detail = f"{file.size:,} bytes, limit {limit:,} ({SIZE_FACTOR} × max_record_bytes)"
        yield Reject("record_too_large", detail, file.name, 0, file.size, file.name)
        return
    counts["files"] = counts.get("files", 0) + 1
    data = storage.read_bytes(file.uri)
    locator = f"sha256:{hashlib.sha256(data).hexdigest()}"
    item = from_bytes(data, source, counts)
    if isinstance(item, Document) and not item.title:
        item = replace(item, title=file.name.rsplit("/", 1)[-1])
    yield replace(item, file=file.name, offset=0, length=len(data), locator=locator)


def from_bytes(data: bytes, source: Source, counts: dict[str, int]) -> Document | Reject:
    """A PDF's text and title, or why it gives none; neither says yet where the PDF is from.

    Pages are counted by their route, and by their status where that is not ok. SourceError when the recipe asks for an
    OCR engine that is not installed.
    """
    import ocr

    engine = None if source.ocr == "off" else ocr.available_engine()
    if source.ocr not in ("off", "auto") and not (engine or "").startswith(source.ocr):
        raise SourceError(f"source {source.name!r} wants ocr: {source.ocr}, not installed: pip install 'cuvee[ocr]'")
    result = ocr.read_pdf(data, engine=engine)
    for page in result.pages:
        for name in dict.fromkeys((page.route, page.route if page.status == "ok" else page.status)):
            counts[f"pages:{name}"] = counts.get(f"pages:{name}", 0) + 1
    text = result.text.replace("\0", "").strip()
    if not text:
        status = "empty" if result.status == "ok" else result.status
        return Reject(_REASONS.get(status, status), result.detail[:300])
    return Document("", text, title=" ".join(result.title.split())[:1000], media_type="application/pdf")
