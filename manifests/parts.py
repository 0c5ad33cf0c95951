"""Column parts: Parquet files row-aligned with a document part, and the check that they are.

Every part's footer holds its schema's name and version, its row count, and the digest of the document part's id column.
"""

from __future__ import annotations

import hashlib

import polars as pl
import pyarrow as pa

from manifests import schemas, storage
from manifests.receipts import Output, digest_of, output

DOCUMENTS = "documents"
EVIDENCE = "annotations/evidence"


class MisalignedPart(ValueError):
    """A column part that does not belong to its document part."""


def name(source: str, file: str, size: int, checksum: str, start: int, end: int) -> str:
    """A part's name: the digest of the input range it holds, so that adding files renames nothing."""
    return f"part-{digest_of(source, file, size, checksum, start, end)[:16]}"


def task_name(part: str) -> str:
    """The name of a task over one part: of receipts and files, so without slashes."""
    return part.replace("/", ".")


def path(column: str, part: str) -> str:
    """Where the part of a column lies in a run; ``part`` is SOURCE/part-…"""
    return f"{column}/{part}.parquet"


def part_of(path: str) -> str:
    """SOURCE/part-… of a path below ``documents/`` or any column folder."""
    return "/".join(path.removesuffix(".parquet").rsplit("/", 2)[-2:])


def ids_digest(ids: pa.ChunkedArray) -> str:
    """blake2b-128 of ids, a line each, hex; however they are chunked."""
    h = hashlib.blake2b(digest_size=16)
    for chunk in ids.chunks:
        h.update("".join(f"{i}\n" for i in chunk.to_pylist()).encode())
    return h.hexdigest()


def ids_of(run: str, part: str) -> str:
    """The ids digest of a document part."""
    return storage.read_metadata(storage.join(run, path(DOCUMENTS, part)))["cuvee.ids"]


def write(run: str, column: str, part: str, table: pa.Table, *, schema: str, ids: str) -> Output:
    """Writes a column part. ``ids`` is the ids digest of the document part it is aligned with."""
    metadata = {
        "cuvee.schema": f"{schema}/{schemas.VERSIONS[schema]}",
        "cuvee.rows": str(table.num_rows),
        "cuvee.ids": ids,
    }
    relative = path(column, part)
    storage.write_table(storage.join(run, relative), table, metadata)
    return output(run, relative, table.num_rows)


def read(run: str, column: str, part: str, columns: list[str] | None = None, *, ids: str | None = None) -> pa.Table:
    """Reads a part; with ``ids``, MisalignedPart when it is aligned with another document part."""
    uri = storage.join(run, path(column, part))
    table = storage.read_table(uri, columns)
    found = (table.schema.metadata or {}).get(b"cuvee.ids", b"").decode()
    if ids is not None and found != ids:
        raise MisalignedPart(f"{uri} is aligned with ids {found}, not {ids}: delete it and run again")
    return table


def aligned(run: str, part: str, columns: dict[str, list[str] | None]) -> pl.DataFrame:
    """Several column parts of one document part side by side, each checked against the document part's ids."""
    ids = ids_of(run, part)
    frames = []
    for column, names in columns.items():
        frame = pl.DataFrame(pl.from_arrow(read(run, column, part, names, ids=ids)))
        frames.append(frame)
    heights = {f.height for f in frames}
    if len(heights) > 1:
        raise MisalignedPart(f"{part}: column parts of {sorted(heights)} rows: delete them and run again")
    return pl.concat(frames, how="horizontal")
