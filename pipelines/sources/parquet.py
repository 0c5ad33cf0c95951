"""Parquet: one document a row, one unit of work a row group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests import storage
from manifests.documents import Document, Reject
from pipelines.recipe import Source
from pipelines.sources import SourceError, SourceFile
from pipelines.sources.rows import Columns

_BATCH = 512


def ranges(file: SourceFile) -> list[tuple[int, int]]:
    """One range of row groups for each row group; a file that cannot be opened is one range, whose reading says why."""
    try:
        with storage.open_input(file.uri) as f:
            groups = pq.read_metadata(f).num_row_groups
    except (pa.ArrowException, OSError):
        return [(0, 1)]
    return [(i, i + 1) for i in range(groups)]


def read(file: SourceFile, start: int, end: int, source: Source, counts: dict[str, int]) -> Iterator[Document | Reject]:
    """The documents of row groups ``[start, end)``. A row's offset is its number in the file.

    Rejects: ``corrupt`` for a row group that cannot be read, ``no_text``, ``bad_utf8``, ``record_too_large``.
    SourceError when the file is no Parquet, a column is there twice, one that the recipe names is absent, or the text
    column does not hold text.
    """
    columns = Columns(file, source)
    with storage.open_input(file.uri) as f:
        try:
            table = pq.ParquetFile(f)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{file.name} cannot be read as Parquet: {_line(error)}") from None
        schema = table.schema_arrow
        columns.check(schema.names)
        wanted = sorted({name for name in (*columns.names.values(), *columns.licences) if name in schema.names})
        if twice := [name for name in wanted if schema.names.count(name) > 1]:
            raise SourceError(f"{file.name} has more than one column {twice[0]!r}")
        _check_text(file, schema.field(columns.names["text"]))
        for group in range(start, end):
            first = sum(table.metadata.row_group(g).num_rows for g in range(group))
            row = first
            try:
                for batch in table.iter_batches(_BATCH, row_groups=[group], columns=wanted, use_threads=False):
                    data = {name: _values(batch.column(name)) for name in wanted}
                    for i in range(batch.num_rows):
                        counts["rows"] = counts.get("rows", 0) + 1
                        record = {name: values[i] for name, values in data.items()}
                        yield columns.document(record, f"{file.name}:{row}", f"row {row:,}", offset=row)
                        row += 1
            except (pa.ArrowException, OSError) as error:
                lost = table.metadata.row_group(group).num_rows - (row - first)
                yield Reject("corrupt", f"row group {group}, {lost:,} rows lost: {_line(error)}", file.name, row, lost)


def _check_text(file: SourceFile, field: pa.Field) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if not (_is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_null(kind)):
        raise SourceError(f"{file.name}: column {field.name!r} holds {field.type}, not text")


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _values(column: pa.Array) -> list[Any]:
    """As Python values; strings as bytes, because a file may hold strings that are not UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_string(column.type):
        column = column.cast(pa.large_string() if pa.types.is_string_view(column.type) else column.type)
        column = column.view(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary())
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # no UTF-8 in a list of licences; a date that Python does not have
        return [None] * len(column)


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:240]
