"""``cuvee trace`` and ``cuvee inspect``: lineage in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from manifests import edits, lineage, parts, reviews, storage
from pipelines import chain, original, questions, reviewing
from pipelines.errors import CuveeError

_TEXT = 2000
#: annotations that the licence lines already tell of
_DESCRIBED = ("evidence", "licence", "united")
#: documents, and stretches of tokens of each, that are shown
_DOCUMENTS = 20
_PLACES = 20


def show_trace(run: str, shard: str, offset: int, console: Console) -> None:
    """Prints the way from a token back to its record."""
    from mixing.tokenizer import Tokenizer

    model = storage.join(run, "models/tokenizer.json")
    if not storage.is_file(model):
        raise CuveeError(f"{run} has no shards, as it has no tokenizer")
    tokenizer = Tokenizer.load(model)
    try:
        found = lineage.trace(run, shard, offset, tokenizer.decode)
    except ValueError as error:
        raise CuveeError(str(error)) from None
    table = _table()
    table.add_row("token", f"{found.shard}:{found.offset}  (document's tokens {found.start} to {found.end - 1})")
    _describe(table, found.document, found.licence, found.claims, found.record, found.part, found.row)
    table.add_row("text", f"{escape(found.before)}[reverse]▸[/]{escape(found.after)}")
    tokens = lineage.tokens_of(run, shard, found.start, found.end)
    place = original.of_token(run, parts.part_of(found.part), found.row, tokens, offset - found.start)
    if place is not None:
        told = f"bytes {place.start} to {place.end} of its text: {place.text!r}"
        table.add_row("original", escape(told + (f", tokenized as {place.shown!r}" if place.edited else "")))
    console.print(table)


def show_found(run: str, numbers: Sequence[int], console: Console, *, asked: str) -> None:
    """Prints documents by their numbers in the lineage index, each with all its stretches of the shards."""
    if not len(numbers):
        raise CuveeError(f"{asked}: no document of {run}")
    chosen = np.array(sorted(numbers)[:_DOCUMENTS], np.int64)
    try:
        found = chain.follow(_index(run), chosen, reviewing.policy_of(run), reviews.of_run(run))
    except ValueError as error:
        raise CuveeError(str(error)) from None
    for one in found:
        table = _table()
        where = f"documents/{one.entry.part}"
        _describe(table, one.document, one.licence, one.claims, one.record, where, one.entry.row)
        for review in one.reviews:
            said = f"{review.action} {review.licence}".strip()
            table.add_row(
                "review", escape(f"{said} {review.scope} {review.value}, by {review.reviewer}: {review.reason}")
            )
        told = f"{one.decision.action}: {'; '.join(one.decision.reasons)}"
        table.add_row("policy", escape(told))
        kept = one.verdict.get("keep", False)
        table.add_row("verdict", "kept" if kept else escape(f"dropped: {one.verdict.get('reason')}"))
        for place in one.places[:_PLACES]:
            table.add_row("tokens", f"{escape(place.shard)}:{place.start} to {place.end - 1}")
        if len(one.places) > _PLACES:
            table.add_row("tokens", f"and {len(one.places) - _PLACES} stretches more")
        if not one.places:
            table.add_row("tokens", f"{one.entry.tokens} in the pools, none in the shards")
        console.print(table)
        console.print()
    if len(numbers) > _DOCUMENTS:
        console.print(f"and {len(numbers) - _DOCUMENTS:,} documents more")


def numbers_of(run: str, *, url: str = "", identifier: str = "", text: str = "") -> list[int]:
    """Documents of an address, an id, or whose text holds these words."""
    index = _index(run)
    try:
        if url:
            found = index.by_url(url)
        else:
            found = questions.by_id(index, identifier) if identifier else questions.by_text(index, text)
    except ValueError as error:
        raise CuveeError(f"trace: {error}") from None
    return [int(n) for n in found]


def show_step(run: str, step: int, batch: int, length: int, form: str, console: Console) -> None:
    """Prints the documents of a training step that reads the shards of a format in their order."""
    index = _index(run)
    first = step * batch * length
    try:
        found = index.stretch(first, first + batch * length, format=form)
    except ValueError as error:
        raise CuveeError(f"step {step} of {batch} sequences of {length} tokens: {error}") from None
    table = Table(box=None)
    for name in ("tokens", "document", "address", "licence"):
        table.add_column(name, overflow="fold")
    for entry, place in found:
        licence = lineage.row_of(run, "annotations/united", entry.part, entry.row)["licence"]
        row = lineage.row_of(run, parts.DOCUMENTS, entry.part, entry.row, ["id", "url"])
        where = f"{escape(place.shard)}:{place.start} to {place.end - 1}"
        table.add_row(where, row["id"], escape(row["url"] or entry.file), escape(licence))
    console.print(table)


def _index(run: str) -> lineage.Index:
    try:
        return lineage.Index(run)
    except ValueError as error:
        raise CuveeError(str(error)) from None


def show_document(run: str, identifier: str, console: Console) -> None:
    """Prints a document: text, every annotation, verdict, duplicates, claims."""
    place = lineage.find(run, identifier)
    if place is None:
        raise CuveeError(f"{identifier}: no document with this id in {run}")
    part, row = place
    found = lineage.document(run, part, row)
    table = _table()
    _describe(table, found["document"], found["licence"], found["claims"], found["record"], f"documents/{part}", row)
    made = [n for n in storage.list_folders(storage.join(run, "annotations")) if n not in _DESCRIBED]
    for column in (*(f"annotations/{name}" for name in made), "duplicates", "verdicts"):
        if storage.is_file(storage.join(run, parts.path(column, part))):
            values = parts.read(run, column, part).slice(row, 1).to_pylist()[0]
            table.add_row(column.rsplit("/", 1)[-1], escape(", ".join(f"{k} {_short(v)}" for k, v in values.items())))
    for folder in storage.list_folders(storage.join(run, edits.FOLDER)):
        if storage.is_file(storage.join(run, parts.path(edits.column(folder), part))):
            for edit in lineage.row_of(run, edits.column(folder), part, row)["edits"] or []:
                put = f"replaced by {edit['replacement']!r}" if edit["replacement"] else "removed"
                table.add_row("edit", escape(f"bytes {edit['start']} to {edit['end']} {put}, by {edit['by']}"))
    text = found["document"]["text"]
    table.add_row("text", escape(text[:_TEXT] + (" …" if len(text) > _TEXT else "")))
    console.print(table)


def _table() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _describe(
    table: Table,
    document: Mapping[str, Any],
    licence: Mapping[str, Any],
    claims: Sequence[Mapping[str, Any]],
    record: str,
    part: str,
    row: int,
) -> None:
    table.add_row("document", f"{document['id']}  ({escape(part)}, row {row})")
    table.add_row("source", escape(part.split("/")[-2]))
    table.add_row("url", escape(document["url"] or "–"))
    table.add_row("title", escape(document["title"] or "–"))
    table.add_row(
        "licence", escape(f"{licence['licence']} ({licence['licence_class']}), by {licence['licence_kind'] or '–'}")
    )
    for claim in claims:
        said = (
            f"{claim['expression']}: {claim['kind']}, {claim['scope']}, at {claim['locator']}, by {claim['asserter']}"
        )
        table.add_row("evidence", escape(f"{said}: “{claim['raw']}”"))
    place = document["record"]
    table.add_row("record", escape((record or place["file"] or "–") + _position(place["offset"], place["length"])))
    table.add_row("origin", escape(f"{document['origin']}, {document['acquisition']} {document['generator']}".strip()))
    for parent in document["parents"] or []:
        table.add_row(
            "parent", f"{parent['id']} {escape(parent['relation'])} bytes {parent['start']} to {parent['end']}"
        )


def _position(offset: int, length: int) -> str:
    """Bytes as stored; of a Parquet file, whose rows lie in no one place, the row."""
    if offset < 0:
        return ""
    return f", bytes {offset} to {offset + length}" if length >= 0 else f", row {offset}"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
