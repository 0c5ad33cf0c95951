"""``cuvee trace`` and ``cuvee inspect``: lineage in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from manifests import edits, lineage, parts, storage
from pipelines.errors import CuveeError

_TEXT = 2000


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
    console.print(table)


def show_document(run: str, identifier: str, console: Console) -> None:
    """Prints a document: text, every annotation, verdict, duplicates, claims."""
    place = lineage.find(run, identifier)
    if place is None:
        raise CuveeError(f"{identifier}: no document with this id in {run}")
    part, row = place
    found = lineage.document(run, part, row)
    table = _table()
    _describe(table, found["document"], found["licence"], found["claims"], found["record"], f"documents/{part}", row)
    for column in ("annotations/language", "annotations/heuristics", "annotations/quality", "duplicates", "verdicts"):
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
    claims: list[Mapping[str, Any]],
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
