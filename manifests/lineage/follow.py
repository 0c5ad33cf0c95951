"""Lineage: from a token of a shard to its document, its licence evidence and the record it was read from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests import parts, storage
from manifests.token_files import Layout, layout, spans_path, tokens_in

Decode = Callable[[npt.NDArray[Any]], str]
#: tokens shown on either side of the one asked for
_AROUND = 40


@dataclass(frozen=True)
class Trace:
    """What is known of one token. ``start`` and ``end`` are its document's tokens in the shard."""

    shard: str
    offset: int
    start: int
    end: int
    part: str
    row: int
    document: Mapping[str, Any]  #: a row of ``schemas.DOCUMENTS``
    licence: Mapping[str, Any]  #: a row of ``schemas.LICENCE``
    claims: list[Mapping[str, Any]]
    record: str  #: where the record lies now
    before: str  #: decoded text up to the token
    after: str  #: and from it on

    @property
    def source(self) -> str:
        return self.part.split("/")[-2]


def trace(run: str, shard: str, offset: int, decode: Decode) -> Trace:
    """Follows the token at ``offset`` of ``shard`` (relative to the run). ValueError when there is no such token."""
    path = PurePosixPath(shard)
    if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] != "shards":
        raise ValueError(f"{shard!r}: shards are named relative to the run, for example shards/olmo/part-00000.npy")
    uri = storage.join(run, shard)
    spans_uri = spans_path(uri)
    if not storage.is_file(uri) or not storage.is_file(spans_uri):
        raise ValueError(f"{shard}: no such shard in {run}")
    spans = storage.read_table(spans_uri)
    total = tokens_in(uri)
    if not 0 <= offset < total:
        raise ValueError(f"{shard} holds tokens 0 to {total - 1}; there is no token {offset}")
    # starts are sorted: the span is found by bisection
    index = int(np.searchsorted(spans["start"].to_numpy(), offset, side="right")) - 1
    if index < 0 or offset >= spans["end"][index].as_py():
        raise ValueError(f"{shard}: token {offset} is no document's: taken from the index")
    span = {name: spans[name][index].as_py() for name in ("start", "end", "part", "row")}
    part = parts.part_of(span["part"])
    return Trace(
        shard=shard,
        offset=offset,
        start=span["start"],
        end=span["end"],
        part=span["part"],
        row=span["row"],
        **document(run, part, span["row"]),
        **_context(uri, layout(uri, total), offset, span["start"], span["end"], decode),
    )


def document(run: str, part: str, row: int) -> dict[str, Any]:
    """A document with its licence, its claims and the place of its record: the fields of ``Trace`` of these names."""
    found = row_of(run, parts.DOCUMENTS, part, row)
    return {
        "document": found,
        "licence": row_of(run, "annotations/licence", part, row),
        "claims": row_of(run, parts.EVIDENCE, part, row)["claims"] or [],
        "record": record_uri(run, part.split("/")[0], found["record"]["file"]),
    }


def record_uri(run: str, source: str, file: str) -> str:
    """Where an input file lies, by the run's record; empty when the run did not read it from a file."""
    described = json.loads(storage.read_bytes(storage.join(run, "run.json")))["inputs"].get(source)
    if described is None or not file:
        return ""
    return storage.join(str(described["base"]).replace("{run}", run.rstrip("/"), 1), file)


def find(run: str, identifier: str) -> tuple[str, int] | None:
    """Part and row of the document with this id; None when the run has none."""
    return find_all(run, [identifier]).get(identifier)


def find_all(run: str, identifiers: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Part and row of each of these documents, by id, in one pass over the id columns; absent ids are left out."""
    wanted = pl.Series(sorted(set(identifiers)), dtype=pl.String).to_arrow().cast(pa.string())  # without pandas
    found: dict[str, tuple[str, int]] = {}
    for path in storage.list_files(storage.join(run, parts.DOCUMENTS), "part-*.parquet", recursive=True):
        if len(found) == len(wanted):
            break
        ids = storage.read_table(path, ["id"])["id"]
        for row in np.flatnonzero(pc.is_in(ids, wanted).to_numpy()).tolist():
            found.setdefault(ids[row].as_py(), (parts.part_of(path), row))
    return found


def row_of(run: str, column: str, part: str, row: int, columns: list[str] | None = None) -> dict[str, Any]:
    """One row of a column part; only the pages it lies in are read, or its row group on an object store.

    ValueError when there is no such row.
    """
    uri = storage.join(run, parts.path(column, part))
    if storage.is_local(uri):
        scan = pl.scan_parquet(storage.local_path(uri), glob=False)
        found = (scan.select(columns) if columns else scan).slice(row, 1).collect()
        if row >= 0 and found.height:
            return dict(found.row(0, named=True))
    else:
        with storage.open_input(uri) as f:
            file, first = pq.ParquetFile(f), 0
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if first <= row < first + rows:
                    return dict(file.read_row_group(group, columns).slice(row - first, 1).to_pylist()[0])
                first += rows
    raise ValueError(f"{column}/{part} has no row {row}: the run folder is damaged")


def rows_of(run: str, column: str, part: str, rows: Sequence[int], columns: list[str]) -> list[dict[str, Any]]:
    """Several rows of a column part, in the order given. ValueError as of ``row_of``."""
    if len(rows) == 1:
        return [row_of(run, column, part, rows[0], columns)]
    frame = pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(run, parts.path(column, part)), columns)))
    if outside := [r for r in rows if not 0 <= r < frame.height]:
        raise ValueError(f"{column}/{part} has no row {outside[0]}: the run folder is damaged")
    return frame[list(rows)].to_dicts()


def _context(uri: str, lies: Layout, offset: int, start: int, end: int, decode: Decode) -> dict[str, Any]:
    first, last = max(start, offset - _AROUND), min(end, offset + _AROUND)
    tokens = _read(uri, lies, first, last)
    cut = offset - first
    return {"before": decode(tokens[:cut]), "after": decode(tokens[cut:])}


def tokens_of(run: str, shard: str, start: int, end: int) -> npt.NDArray[Any]:
    """The tokens ``[start, end)`` of a document in a shard that has spans beside it."""
    uri = storage.join(run, shard)
    return _read(uri, layout(uri, tokens_in(uri)), start, end)


def _read(uri: str, lies: Layout, first: int, last: int) -> npt.NDArray[Any]:
    """Of one document, whose tokens lie together."""
    with storage.open_input(uri) as f:
        f.seek(lies.byte_of(first))
        return np.frombuffer(f.read((last - first) * lies.width), f"<u{lies.width}")
