"""Tables that users bring, such as labels and benchmarks: columns of a Parquet or JSONL file, in batches.

Unlike the documents of a source they must be right: what cannot be read is an error with file and place, not a reject.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from manifests import storage
from manifests.documents import Reject
from pipelines.errors import CuveeError
from pipelines.sources import SourceFile
from pipelines.sources.jsonl import records

_ROWS = 4096
_LINE_BYTES = 64 << 20
_PARQUET = b"PAR1"


def batches(path: str, columns: Sequence[str], *, optional: Sequence[str] = ()) -> Iterator[dict[str, list[Any]]]:
    """Plain values of ``columns`` and of those of ``optional`` that the file has; None where a JSON line lacks one.

    CuveeError when the file or a column is not there, or a line is no JSON object.
    """
    if not storage.is_file(path):
        raise CuveeError(f"{path}: no such file")
    with storage.open_input(path) as file:
        parquet = bytes(file.read(4)) == _PARQUET
    yield from (_parquet if parquet else _jsonl)(path, columns, optional)


def _parquet(path: str, columns: Sequence[str], optional: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with storage.open_input(path) as file:
            table = pq.ParquetFile(file)
            names = table.schema_arrow.names
            _check(path, columns, names)
            wanted = [*columns, *(c for c in optional if c in names)]
            for batch in table.iter_batches(_ROWS, columns=wanted):
                yield {name: batch.column(name).to_pylist() for name in wanted}
    except pa.ArrowInvalid as error:
        raise CuveeError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from None


def _jsonl(path: str, columns: Sequence[str], optional: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    size = storage.size(path)
    rows: list[dict[str, object]] = []
    seen: set[str] = set()

    def batch() -> dict[str, list[Any]]:
        _check(path, columns, seen)
        return {name: [row.get(name) for row in rows] for name in [*columns, *(c for c in optional if c in seen)]}

    for item in records(SourceFile(path, path, size, ""), 0, size, _LINE_BYTES):
        if isinstance(item, Reject):
            raise CuveeError(f"{path}: {item.reason}: {item.detail}")
        rows.append(item[0])
        seen |= item[0].keys()
        if len(rows) == _ROWS:
            yield batch()
            rows = []
    if rows:
        yield batch()


def _check(path: str, columns: Sequence[str], present: Any) -> None:
    for column in columns:
        if column not in present:
            raise CuveeError(f"{path}: no column {column!r}; it has: {', '.join(sorted(present)[:30]) or 'none'}")
