"""What flows: documents with their evidence, and rejects. Readers make them, ingest writes columns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from manifests import schemas
from manifests.acquisition import UNDECLARED, Acquisition


@dataclass(frozen=True)
class Claim:
    """One statement about a licence, as found. Nothing is decided here."""

    expression: str  #: SPDX expression, or LicenseRef-… where SPDX has none
    kind: str  #: see manifests.licences.KINDS, strongest first
    scope: str = "page"  #: page, text, file, dataset, span; media and other do not speak of the text
    locator: str = ""  #: where: an element, a header, a file, an API field
    raw: str = ""  #: the statement itself, at most 200 characters
    asserter: str = ""  #: who says so: publisher, platform, aggregator, curator …
    confidence: float = 0.5
    observed: datetime | None = None  #: default: when its document was fetched
    start: int = -1  #: of a span, in UTF-8 bytes of the text
    end: int = -1

    @property
    def version_known(self) -> bool:
        """Whether the statement names the licence's version, or the licence has none."""
        return "unversioned" not in self.expression


@dataclass(frozen=True)
class Reservation:
    """One statement that restricts use, as found (robots, TDMRep, AIPREF, X-Robots-Tag, meta noai …)."""

    protocol: str
    value: str  #: deny, allow, unknown
    agent: str = "*"
    locator: str = ""
    raw: str = ""
    observed: datetime | None = None  #: default: when its document was fetched


@dataclass(frozen=True)
class Parent:
    """What a derived document came from: ``[start, end)`` in UTF-8 bytes of the parent's text."""

    id: str
    content_hash: str
    start: int
    end: int
    relation: str


@dataclass(frozen=True)
class Document:
    """One document as a reader hands it over. ``locator`` names the record within its namespace and makes the id."""

    locator: str
    text: str
    url: str = ""
    title: str = ""
    media_type: str = ""
    file: str = ""  #: the input file, relative to its source's base
    offset: int = -1  #: where the record starts in the file as stored (compressed bytes); -1 where that means nothing
    length: int = -1
    fetched_at: datetime | None = None
    headers: tuple[tuple[str, str], ...] = ()
    origin: str = "human"
    generator: str = ""
    verifier: str = ""  #: who or what checked a synthetic text
    style: str = ""
    parents: tuple[Parent, ...] = ()
    claims: tuple[Claim, ...] = ()
    reservations: tuple[Reservation, ...] = ()


@dataclass(frozen=True)
class HostFile:
    """What a host says of its whole site, as it came with a crawl: robots.txt, tdmrep.json, an RSL file."""

    host: str
    kind: str  #: robots, tdmrep, rsl
    status: int  #: of the HTTP response
    body: str
    file: str = ""
    offset: int = -1
    length: int = -1
    fetched_at: datetime | None = None


@dataclass(frozen=True)
class Reject:
    """A record that could not become a document, and why: a short code, and one line for a person."""

    reason: str
    detail: str = ""
    file: str = ""
    offset: int = -1
    length: int = -1
    locator: str = ""


def document_id(namespace: str, locator: str) -> str:
    """blake2b-128 over namespace and locator, hex. Names the record, whatever its text."""
    h = hashlib.blake2b(digest_size=16)
    h.update(namespace.encode())
    h.update(b"\0")
    h.update(locator.encode("utf-8", "surrogatepass"))
    return h.hexdigest()


def documents_table(documents: Sequence[Document], *, namespace: str, acquisition: str, hashes: pa.Array) -> pa.Table:
    """Rows of ``schemas.DOCUMENTS``; ``hashes`` is the content hash of each text."""
    d = documents
    columns: dict[str, object] = {
        "id": [document_id(namespace, x.locator) for x in d],
        "text": [x.text for x in d],
        "content_hash": hashes,
        "url": [x.url for x in d],
        "title": [x.title for x in d],
        "media_type": [x.media_type for x in d],
        "record": [{"file": x.file, "offset": x.offset, "length": x.length} for x in d],
        "fetched_at": [x.fetched_at for x in d],
        "headers": [list(x.headers) for x in d],
        "origin": [x.origin for x in d],
        "generator": [x.generator for x in d],
        "style": [x.style for x in d],
        "acquisition": [acquisition] * len(d),
        "parents": [[vars(p) for p in x.parents] for x in d],
    }
    return pa.table(columns, schema=schemas.DOCUMENTS)


def evidence_table(documents: Sequence[Document], acquisition: Acquisition = UNDECLARED) -> pa.Table:
    """Rows of ``schemas.EVIDENCE``, aligned with the documents; all were come by in the same way."""

    def dated(item: Claim | Reservation, document: Document) -> dict[str, object]:
        return {**vars(item), "observed": item.observed or document.fetched_at}

    return pa.table(
        {
            "claims": [[{**dated(c, x), "version_known": c.version_known} for c in x.claims] for x in documents],
            "reservations": [[dated(r, x) for r in x.reservations] for x in documents],
            "acquisition": [acquisition.as_dict()] * len(documents),
            "origin": [{"kind": x.origin, "generator": x.generator, "verifier": x.verifier} for x in documents],
        },
        schema=schemas.EVIDENCE,
    )


def hosts_table(files: Sequence[HostFile]) -> pa.Table:
    """Rows of ``schemas.HOSTS``."""
    rows = [{**vars(f), "record": {"file": f.file, "offset": f.offset, "length": f.length}} for f in files]
    return pa.Table.from_pylist(rows, schema=schemas.HOSTS)


def rejects_table(rejects: Sequence[Reject]) -> pa.Table:
    """Rows of ``schemas.REJECTS``."""
    return pa.Table.from_pylist([vars(r) for r in rejects], schema=schemas.REJECTS)


@dataclass
class Counts:
    """What a reader saw besides documents and rejects, by name: request records, non-document records …"""

    seen: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, n: int = 1) -> None:
        self.seen[name] = self.seen.get(name, 0) + n
