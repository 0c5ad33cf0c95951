"""Conditions of a recipe: SQL expressions over a document's annotation columns, side by side in one frame."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl
import pyarrow as pa

from classifiers import heuristics
from manifests import parts, schemas

_DOCUMENT = ["id", "url", "title", "media_type", "origin", "acquisition"]
#: annotation folder → schema, in the order of their columns
ANNOTATIONS = {
    "annotations/identity": schemas.IDENTITY,
    "annotations/language": schemas.LANGUAGE,
    "annotations/heuristics": heuristics.SCHEMA,
    "annotations/licence": schemas.LICENCE,
}
#: by name, those that are made only where the recipe asks for them
OPTIONAL = {
    "quality": schemas.QUALITY,
    "quality_rank": schemas.QUALITY_RANK,
    "contamination": schemas.CONTAMINATION,
    "paragraphs": schemas.PARAGRAPHS,
    "pii": schemas.PII,
    "urls": schemas.URLS,
}
#: and those of which there are several, by how their names begin
_NAMED = {"block_": schemas.block, "classifier_": schemas.classifier}
QUALITY = "annotations/quality"


def columns(made: Collection[str]) -> dict[str, list[str] | None]:
    """Column folders and the names to read from each. ``made``: which of the optional annotations there are."""
    wanted: dict[str, list[str] | None] = {parts.DOCUMENTS: _DOCUMENT, **dict.fromkeys(ANNOTATIONS)}
    return wanted | dict.fromkeys(f"annotations/{name}" for name in optional(made))


def optional(made: Collection[str]) -> dict[str, pa.Schema]:
    """Those of the optional annotations that there are."""
    found = {name: schema for name, schema in OPTIONAL.items() if name in made}
    for kind, schema in _NAMED.items():
        found |= {name: schema(name.removeprefix(kind)) for name in sorted(made) if name.startswith(kind)}
    return found


def frame(run: str, part: str, made: Collection[str]) -> pl.DataFrame:
    """One row a document of the part: what a condition may speak of."""
    found = parts.aligned(run, part, columns(made))
    return found.with_columns(source=pl.lit(part.split("/")[0]))


def empty(made: Collection[str]) -> pl.DataFrame:
    """A frame of no rows, to check conditions against before any work."""
    fields = [schemas.DOCUMENTS.field(n) for n in _DOCUMENT]
    fields += [f for schema in ANNOTATIONS.values() for f in schema]
    fields += [f for schema in optional(made).values() for f in schema]
    table = pa.schema([*fields, ("source", pa.string())]).empty_table()
    return pl.DataFrame(pl.from_arrow(table))


def holds(documents: pl.DataFrame, condition: str) -> pl.Series:
    """Boolean, one per row; unknown (null) does not hold."""
    return documents.select(pl.sql_expr(condition).cast(pl.Boolean).fill_null(False).alias("holds"))["holds"]


def problem(condition: str, made: Collection[str]) -> str | None:
    """What is wrong with a condition, in one line; None when nothing."""
    documents = empty(made)
    try:
        unknown = [c for c in pl.sql_expr(condition).meta.root_names() if c not in documents.columns]
        if unknown:
            return f"unknown column {unknown[0]!r}; allowed: {', '.join(sorted(documents.columns))}"
        holds(documents, condition)
    except pl.exceptions.PolarsError as error:
        return str(error).splitlines()[0]
    return None
