"""Rows of tables as documents: which columns hold what, and what a row needs to become a document."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from manifests.documents import Claim, Document, Reject
from pipelines.evidence.records import FIELDS, from_field
from pipelines.recipe import Source
from pipelines.sources import SourceError, SourceFile

_FIELDS = ("text", "id", "url", "title", "license")


class Columns:
    """Where a source keeps each field: columns the recipe names must be there, the usual names are used if present."""

    def __init__(self, file: SourceFile, source: Source) -> None:
        self.file = file
        self.limit = source.max_record_bytes
        self.names: dict[str, str] = {f: source.columns.get(f, f) for f in _FIELDS}  # type: ignore[call-overload]
        #: the column the recipe names, else every usual one that is there
        self.licences = (self.names["license"],) if "license" in source.columns else tuple(FIELDS)
        self._required = {"text", *source.columns}

    def check(self, present: Collection[str]) -> None:
        """SourceError when a column the recipe names, or the text, is not among ``present``."""
        for field in _FIELDS:
            if field in self._required and self.names[field] not in present:
                raise SourceError(
                    f"{self.file.name}: no column {self.names[field]!r} for the {field}; it has: "
                    f"{', '.join(sorted(present)[:30]) or 'none'}. Name the right one in the source's `columns`"
                )

    def document(
        self, row: Mapping[str, Any], locator: str, detail: str, *, offset: int = -1, length: int = -1
    ) -> Document | Reject:
        """``locator`` and ``detail`` say which row it is, where the row has no id of its own."""
        given = {field: row.get(name) for field, name in self.names.items()}
        locator = _string(given["id"]) or locator

        def reject(reason: str, why: str) -> Reject:
            return Reject(reason, f"{detail}: {why}"[:300], self.file.name, offset, length, _valid(locator)[:200])

        text = given["text"]
        try:
            if isinstance(text, bytes):
                text = text.decode()
            if not isinstance(text, str) or not text.strip():
                what = "is empty" if text is None or isinstance(text, str) else f"holds a {type(text).__name__}"
                return reject("no_text", f"{self.names['text']!r} {what}")
            size = len(text.encode())
            locator.encode()
        except UnicodeError as error:
            return reject("bad_utf8", str(error).replace("\n", " ")[:120])
        if size > self.limit:
            return reject("record_too_large", f"text of {size:,} bytes, limit {self.limit:,} (max_record_bytes)")
        return Document(
            locator=locator,
            text=text,
            url=_valid(_string(given["url"]))[:4000],
            title=_valid(_string(given["title"]))[:1000],
            media_type="text/plain",
            file=self.file.name,
            offset=offset,
            length=length,
            claims=tuple(self._claims(row)),
        )

    def _claims(self, row: Mapping[str, Any]) -> Iterator[Claim]:
        """Of the licence columns, and of those in a nested ``metadata``, where Dolma's files have them."""
        nested = row.get("metadata")
        for fields in (row, nested if isinstance(nested, Mapping) else {}):
            for name in self.licences:
                yield from from_field(fields.get(name), name)


def _string(value: Any) -> str:
    """A value as text: bytes that are no UTF-8, such as a UUID's, in hexadecimal."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _valid(text: str) -> str:
    """Without lone surrogates, which JSON can spell and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
