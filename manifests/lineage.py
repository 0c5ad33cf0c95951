"""Lineage: from a token of a shard to its document, its licence evidence and the record it was read from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from manifests import parts, storage

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
    spans_uri = storage.join(run, str(path.with_suffix(".spans.parquet")))
    if not storage.is_file(uri) or not storage.is_file(spans_uri):
        raise ValueError(f"{shard}: no such shard in {run}")
    spans = storage.read_table(spans_uri)
    total = int(spans["end"][-1].as_py()) if spans.num_rows else 0
    if not 0 <= offset < total:
        raise ValueError(f"{shard} holds tokens 0 to {total - 1}; there is no token {offset}")
    # starts are sorted: the span is found by bisection
    index = int(np.searchsorted(spans["start"].to_numpy(), offset, side="right")) - 1
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
        **_context(uri, storage.size(uri) // total, offset, span["start"], span["end"], decode),
    )


def document(run: str, part: str, row: int) -> dict[str, Any]:
    """A document with its licence, its claims and the place of its record: the fields of ``Trace`` of these names."""
    found = _row(run, parts.DOCUMENTS, part, row)
    return {
        "document": found,
        "licence": _row(run, "annotations/licence", part, row),
        "claims": _row(run, parts.EVIDENCE, part, row)["claims"] or [],
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
    import pyarrow.compute as pc

    for path in storage.list_files(storage.join(run, parts.DOCUMENTS), "part-*.parquet", recursive=True):
        position = pc.index(storage.read_table(path, ["id"])["id"], identifier).as_py()
        if position >= 0:
            return parts.part_of(path), int(position)
    return None


def _row(run: str, column: str, part: str, row: int) -> dict[str, Any]:
    rows = parts.read(run, column, part).slice(row, 1).to_pylist()
    if not rows:
        raise ValueError(f"{column}/{part} has no row {row}: the run folder is damaged")
    return dict(rows[0])


def _context(uri: str, width: int, offset: int, start: int, end: int, decode: Decode) -> dict[str, str]:
    first, last = max(start, offset - _AROUND), min(end, offset + _AROUND)
    with storage.open_input(uri) as f:
        f.seek(first * width)
        tokens = np.frombuffer(f.read((last - first) * width), f"<u{width}")
    cut = offset - first
    return {"before": decode(tokens[:cut]), "after": decode(tokens[cut:])}
