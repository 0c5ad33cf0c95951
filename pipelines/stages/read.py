"""Reading splits of input files into document parts, their evidence and their rejects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from manifests import parts, storage, takedown
from manifests.acquisition import Acquisition
from manifests.documents import (
    Claim,
    Document,
    HostFile,
    Reject,
    document_id,
    documents_table,
    evidence_table,
    hosts_table,
    rejects_table,
)
from manifests.licences import conclude
from manifests.receipts import Output, digest_of
from manifests.takedown import DenyList
from pipelines.recipe import Source
from pipelines.sources import SourceFile, reader
from pipelines.task import Made, Task

VERSION = 9
HOSTS = "hosts"
#: a part holds at most this much text, so that any later stage fits in memory
PART_BYTES = 128 << 20
PART_ROWS = 200_000


@dataclass(frozen=True)
class Split:
    """A range of an input file; ``part`` names what is made of it."""

    source: Source
    file: SourceFile
    start: int
    end: int
    part: str
    deny: tuple[str, ...] = ()  #: files of deny lists, besides the run's own


def splits(source: Source, files: Sequence[SourceFile], deny: tuple[str, ...] = ()) -> Iterator[Split]:
    read = reader(source.kind)
    for file in files:
        for start, end in read.ranges(file):
            part = parts.name(source.name, file.name, file.size, file.checksum, start, end)
            yield Split(source, file, start, end, part, deny)


def task(split: Split) -> Task:
    section = split.source.model_dump(mode="json", exclude={"paths"})
    key = digest_of("ingest", VERSION, section, split.part, _engine_of(split.source), *map(storage.digest, split.deny))
    return Task("ingest", f"{split.source.name}.{split.part}", key, ingest_split, split)


def ingest_split(run: str, split: Split) -> Made:
    """Reads one split and writes its documents, evidence and rejects."""
    read = reader(split.source.kind)
    writer = PartWriter(run, split.source.name, split.part, split.source.space, split.source.acquired, split.deny)
    declared = _declared(split.source)
    for item in read.read(split.file, split.start, split.end, split.source, writer.counts):
        writer.add(_as_declared(item, split.source, declared) if isinstance(item, Document) else item)
    return writer.finish()


class PartWriter:
    """Collects documents and rejects and writes them as parts of bounded size."""

    def __init__(
        self, run: str, source: str, part: str, space: str, acquired: Acquisition, deny: Sequence[str] = ()
    ) -> None:
        self.deny = DenyList.read(storage.join(run, takedown.DENY), *deny)
        self.run, self.source, self.part, self.space, self.acquired = run, source, part, space, acquired
        self.counts: dict[str, int] = {}
        self._documents: list[Document] = []
        self._rejects: list[Reject] = []
        self._hosts: list[HostFile] = []
        self._locators: set[str] = set()
        self._bytes = 0
        self._written = 0
        self._outputs: list[Output] = []

    def add(self, item: Document | Reject | HostFile) -> None:
        if isinstance(item, HostFile):
            self._hosts.append(item)
            return
        if isinstance(item, Document) and item.locator in self._locators:
            item = Reject("duplicate_id", "an earlier record has this id", item.file, item.offset, -1, item.locator)
        if isinstance(item, Reject):
            self._rejects.append(item)
            return
        self._locators.add(item.locator)
        self._documents.append(item)
        self._bytes += len(item.text) if item.text.isascii() else len(item.text.encode())
        if self._bytes >= PART_BYTES or len(self._documents) >= PART_ROWS:
            self._flush()

    def finish(self) -> Made:
        self._flush()
        if self._rejects:
            part = f"{self.source}/{self.part}"
            table = rejects_table(self._rejects)
            self._outputs.append(parts.write(self.run, "rejects", part, table, schema="rejects", ids=""))
        if self._hosts:
            part = f"{self.source}/{self.part}"
            table = hosts_table(self._hosts)
            self._outputs.append(parts.write(self.run, HOSTS, part, table, schema="hosts", ids=""))
        counts = {**self.counts, "documents": self._written, "rejects": len(self._rejects)}
        return Made(self._outputs, counts)

    def _flush(self) -> None:
        if not self._documents:
            return
        number = sum(o.path.startswith(f"{parts.DOCUMENTS}/") for o in self._outputs)
        part = f"{self.source}/{self.part}" + (f"-{number}" if number else "")
        hashes = self._without_denied()
        if not self._documents:
            return
        table = documents_table(self._documents, namespace=self.space, acquisition=self.acquired.route, hashes=hashes)
        ids = parts.ids_digest(table["id"])
        evidence = evidence_table(self._documents, self.acquired)
        self._outputs += [
            parts.write(self.run, parts.DOCUMENTS, part, table, schema="documents", ids=ids),
            parts.write(self.run, parts.EVIDENCE, part, evidence, schema="evidence", ids=ids),
        ]
        self._written += len(self._documents)
        self._documents, self._bytes = [], 0

    def _without_denied(self) -> pa.Array:
        """Makes rejects of documents that a deny list keeps out; the content hashes of the others."""
        from manifests.text import content_hash

        hashes = content_hash(pa.array([d.text for d in self._documents], pa.large_string()))
        if not len(self.deny):
            return hashes
        kept = []
        for i, (d, found) in enumerate(zip(self._documents, hashes.to_pylist(), strict=True)):
            identifier = document_id(self.space, d.locator)
            licence = conclude(d.claims)[0] if self.deny.licences else ""
            entry = self.deny.denies(
                url=d.url, identifier=identifier, content_hash=found, text=len(d.text), licence=licence
            )
            if entry is None:
                kept.append(i)
            else:
                why = f"by {entry.kind} {entry.value}, takedown {entry.takedown}"
                self._rejects.append(Reject("denied", why[:300], d.file, d.offset, d.length, d.locator[:200]))
        self._documents = [self._documents[i] for i in kept]
        if not kept:
            self._bytes = 0
        return hashes.take(pa.array(kept, pa.int64()))


def _as_declared(document: Document, source: Source, declared: tuple[Claim, ...]) -> Document:
    """With what the recipe says of the whole source; what the document says of itself stays beside it."""
    document = replace(document, claims=document.claims + declared) if declared else document
    if document.origin == "human" and source.origin != "human":
        return replace(document, origin=source.origin, generator=source.generator, verifier=source.verifier)
    return document


def _declared(source: Source) -> tuple[Claim, ...]:
    """The licence the recipe declares for the whole source."""
    from manifests.licences import normalise

    if not source.licence:
        return ()
    return (
        Claim(
            expression=normalise(source.licence),
            kind="declared",
            scope="dataset",
            locator=f"recipe: sources.{source.name}.licence",
            raw=source.licence,
            asserter="curator",
            confidence=0.9,
        ),
    )


def _engine_of(source: Source) -> str:
    """OCR results depend on the engine at hand: installing one later must redo what was rejected for want of it."""
    if source.kind not in ("pdf", "warc") or source.ocr == "off":
        return ""
    from ocr import available_engine

    return available_engine() or "none"
