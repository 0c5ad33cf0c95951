"""The whole chain behind a document: tokens, address, evidence, record, verdicts, and what people decided of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from manifests import lineage, parts, storage
from manifests.lineage import Entry, Index, Place
from manifests.policy import Decision, Policy
from manifests.reviews import Book, Review
from manifests.signatures import Signature, with_claims
from pipelines.questions import by_id


@dataclass(frozen=True)
class Chain:
    """``places`` are all its stretches of the shards; ``signature`` names its evidence as found, without reviews."""

    entry: Entry
    document: Mapping[str, Any]  #: a row of ``schemas.DOCUMENTS``
    licence: Mapping[str, Any]  #: a row of ``schemas.LICENCE``: with the claims of the duplicates it stands for
    claims: Sequence[Mapping[str, Any]]
    reservations: Sequence[Mapping[str, Any]]
    acquisition: Mapping[str, Any]
    record: str  #: where its record lies now
    verdict: Mapping[str, Any]
    duplicate: Mapping[str, Any]
    places: Sequence[Place]
    signature: str
    reviews: Sequence[Review]  #: all that meet it, the one that counts last
    decision: Decision  #: of the policy, with them

    @property
    def source(self) -> str:
        return self.entry.part.split("/")[0]

    @property
    def host(self) -> str:
        """As people write it; empty where the document has none."""
        return lineage.host_name(label) if (label := host_of(self.entry)) else ""


def host_of(entry: Entry) -> str:
    """Reversed; empty where the document has no address."""
    label, mark, _ = entry.surt.partition(")")
    return label if mark and not label.startswith("~") else ""


@dataclass(frozen=True)
class Head:
    """A document in a list: what the index knows, its id, address and title, and what is decided of it."""

    entry: Entry
    id: str
    url: str
    title: str
    decision: Decision


def heads(index: Index, numbers: np.ndarray, policy: Policy, book: Book) -> list[Head]:
    """Of documents by their numbers in the index, in this order; their texts are not read."""
    entries = index.entries(numbers) if len(numbers) else []
    by_part: dict[str, list[int]] = {}
    for entry in entries:
        by_part.setdefault(entry.part, []).append(entry.row)
    columns = ["id", "url", "title", "parents"]
    read = {
        (part, row): found
        for part, rows in by_part.items()
        for row, found in zip(
            rows, lineage.rows_of(index.run, parts.DOCUMENTS, part, rows, columns), strict=True
        )
    }  # fmt: skip
    found = []
    for entry in entries:
        row = read[entry.part, entry.row]
        signature, _ = _reviewed(index, entry, row, book)
        found.append(Head(entry, row["id"], row["url"] or "", row["title"] or "", policy.decide(signature)))
    return found


def follow(index: Index, numbers: np.ndarray, policy: Policy, book: Book) -> list[Chain]:
    """The chains of documents by their numbers in the index, in this order."""
    places = index.places(numbers)
    return [_of(index, e, places, policy, book) for e in index.entries(numbers)] if len(numbers) else []


def _of(index: Index, entry: Entry, places: Any, policy: Policy, book: Book) -> Chain:
    run, part, row = index.run, entry.part, entry.row
    found = lineage.document(run, part, row)
    evidence = _row(run, parts.EVIDENCE, part, row)
    signature, reviews = _reviewed(index, entry, found["document"], book)
    mine = places.filter(places["document"] == entry.number)
    return Chain(
        entry=entry,
        document=found["document"],
        licence=_row(run, "annotations/united", part, row) or found["licence"],
        claims=found["claims"],
        reservations=evidence.get("reservations") or [],
        acquisition=evidence.get("acquisition") or {},
        record=found["record"],
        verdict=_row(run, "verdicts", part, row),
        duplicate=_row(run, "duplicates", part, row),
        places=[Place(*p) for p in mine.select("shard", "start", "end").iter_rows()],
        signature=signature.found.name,
        reviews=reviews,
        decision=policy.decide(signature),
    )


def _reviewed(
    index: Index, entry: Entry, document: Mapping[str, Any], book: Book
) -> tuple[Signature, Sequence[Review]]:
    """A document's evidence with what people decided, and all of that: its parents' first, what counts last."""
    own = Signature.from_json(entry.evidence)
    met = book.met(document=document["id"], host=host_of(entry), signature=own.found.name)
    inherited: list[Review] = []
    for parent in (document["parents"] or []) if book.current else []:
        for of_parent in index.entries(by_id(index, parent["id"])):
            name = Signature.from_json(of_parent.evidence).found.name
            inherited += book.met(document=parent["id"], host=host_of(of_parent), signature=name)[-1:]
    if not met and not inherited:
        return own, ()
    claims = (r.claim() for r in [*met[-1:], *inherited])
    return with_claims(own.found, [c for c in claims if c is not None]), [*inherited, *met]


def _row(run: str, column: str, part: str, row: int) -> dict[str, Any]:
    """One row of a column; nothing where its stage did not run."""
    if not storage.is_file(storage.join(run, parts.path(column, part))):
        return {}
    return lineage.row_of(run, column, part, row)
