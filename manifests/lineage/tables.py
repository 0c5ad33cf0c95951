"""The tables of the lineage index, and how they are packed.

``documents.parquet``  every document, in the order of its address with the host reversed; its rank is its number
``spans.parquet``      every span of every shard, by shard and offset, with its document's number; -1: no document's
``places.parquet``     the same spans by document, so that where a document lies is one stretch of rows
``hosts.parquet``      the first document, the documents and the tokens of every host
``names.parquet``      what the small numbers in the tables stand for: parts, files, domains, shards
``signatures.parquet`` each distinct licence evidence
``relations.arrow``    near-duplicates and derivatives: see ``relations``
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import storage
from manifests.lineage import addresses, relations
from manifests.lineage.numbers import Ints

FOLDER = "lineage"
RELATIONS = f"{FOLDER}/relations.arrow"
_PACKED = ("documents", "spans", "hosts", "names", "signatures", "places")
FILES = (*(f"{FOLDER}/{n}.parquet" for n in _PACKED), RELATIONS)
GROUP = 8192
_AT_ONCE = 16  #: row groups
SPAN_GROUP = 131_072
_DOCUMENTS = pa.schema(
    [
        ("surt", pa.string()),
        ("key", pa.uint64()),  # the first 64 bits of the id
        ("part", pa.int32()),
        ("row", pa.int32()),
        ("file", pa.int32()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("signature", pa.int32()),
        ("domain", pa.int32()),
        ("kept", pa.bool_()),
        ("tokens", pa.int32()),
        ("place", pa.int64()),  # its first row in places.parquet
    ]
)
#: ``more`` is what a stretch is longer than its document: zero where it is whole
_PLACES = pa.schema([("shard", pa.int32()), ("start", pa.int64()), ("more", pa.int32())])
_SPANS = pa.schema([("start", pa.int64()), ("document", pa.int32())])
#: long numbers by byte, so that their leading zeros compress; short ones by the bits they need
_ENCODINGS = {
    "surt": "DELTA_BYTE_ARRAY",
    "key": "PLAIN",
    "offset": "BYTE_STREAM_SPLIT",
    "length": "BYTE_STREAM_SPLIT",
    "row": "BYTE_STREAM_SPLIT",
    "tokens": "BYTE_STREAM_SPLIT",
    "part": "PLAIN",
    "file": "PLAIN",
    "signature": "BYTE_STREAM_SPLIT",
    "domain": "PLAIN",
    "place": "DELTA_BINARY_PACKED",
}


def by_address(documents: pl.DataFrame) -> tuple[pl.DataFrame, npt.NDArray[np.int32]]:
    """The rows in the order of their addresses, and the place of each row of ``documents`` among them."""
    order = documents.select("surt").with_row_index("at").sort("surt", maintain_order=True)["at"]
    rank = np.empty(documents.height, np.int32)
    rank[order.to_numpy()] = np.arange(documents.height, dtype=np.int32)
    return documents[order], rank


def write(
    run: str,
    documents: pl.DataFrame,
    rank: npt.NDArray[np.int32],
    spans: pl.DataFrame,
    names: Mapping[str, Sequence[str]],
    sizes: Mapping[str, int],
    signatures: pl.DataFrame,
    related: pl.DataFrame | None = None,
) -> None:
    """Writes the index. ``documents`` and ``rank`` are of ``by_address``, ``spans`` have the columns of their table,
    where ``shard`` and ``start`` ascend. ``sizes`` are tokens of shards, ``related`` the edges of ``relations.edges``.
    Spans and edges name documents by the rows there were before they were sorted.
    """
    number = spans["document"].to_numpy()
    number = np.where(number >= 0, np.append(rank, -1)[number], -1).astype(np.int32)
    counts = np.bincount(number[number >= 0], minlength=documents.height)
    _documents(run, documents, counts)
    _table(run, "hosts", _hosts(documents).to_arrow(), GROUP, {})
    _spans(run, spans, number, max(sizes.values(), default=0))
    in_shard = dict(spans["shard"].value_counts().iter_rows())
    listed = [
        {"kind": kind, "name": n, "size": sizes.get(n, 0), "spans": in_shard.get(i, 0) if kind == "shard" else 0}
        for kind, values in names.items() for i, n in enumerate(values)
    ]  # fmt: skip
    schema = pa.schema([("kind", pa.string()), ("name", pa.string()), ("size", pa.int64()), ("spans", pa.int64())])
    _table(run, "names", pa.Table.from_pylist(listed, schema=schema), GROUP, {})
    _table(run, "signatures", signatures.to_arrow(), GROUP, {})
    places = _places(run, spans, number, documents["tokens"].to_numpy(), [sizes[n] for n in names["shard"]])
    _relations(run, related, rank, counts, places)


def _documents(run: str, documents: pl.DataFrame, counts: Ints) -> None:
    placed = documents.with_columns(place=pl.Series(np.cumsum(counts) - counts, dtype=pl.Int64))
    with _writer(run, "documents", _DOCUMENTS, documents.height, _ENCODINGS) as writer:
        for some in placed.select(_DOCUMENTS.names).iter_slices(_AT_ONCE * GROUP):
            writer.write_table(some.to_arrow().cast(_DOCUMENTS), row_group_size=GROUP)


def _spans(run: str, spans: pl.DataFrame, number: npt.NDArray[np.int32], longest: int) -> None:
    table = spans.with_columns(document=number).select(_SPANS.names).to_arrow().cast(_SPANS)
    if longest < 1 << 31:
        table = table.set_column(0, "start", table["start"].cast(pa.int32()))
    _table(run, "spans", table, SPAN_GROUP, dict.fromkeys(_SPANS.names, "DELTA_BINARY_PACKED"))


def _table(run: str, name: str, table: pa.Table, group: int, encodings: Mapping[str, str]) -> None:
    with _writer(run, name, table.schema, table.num_rows, encodings) as writer:
        writer.write_table(table, row_group_size=group)


@contextmanager
def _writer(
    run: str, name: str, schema: pa.Schema, rows: int, encodings: Mapping[str, str]
) -> Iterator[pq.ParquetWriter]:
    told = schema.with_metadata({"cuvee.schema": f"lineage-{name}/1", "cuvee.rows": str(rows)})
    with storage.open_output(storage.join(run, FOLDER, f"{name}.parquet")) as out, pq.ParquetWriter(
        out, told, compression="zstd", compression_level=3, write_page_index=False,
        use_dictionary=[] if encodings else True, column_encoding=dict(encodings) or None,
        write_statistics=["surt"] if encodings else True,
    ) as writer:  # fmt: skip
        yield writer


def _places(run: str, spans: pl.DataFrame, number: Ints, tokens: Ints, sizes: Sequence[int]) -> dict[str, Ints]:
    """Writes the stretches by document; returns their shards, starts and tokens, in that order."""
    shard, start = spans["shard"].to_numpy(), spans["start"].to_numpy()
    end = np.append(start[1:], 0)
    last = np.append(shard[1:] != shard[:-1], True)[: len(shard)]
    end = np.where(last, np.array([*sizes, 0], np.int64)[shard], end[: len(shard)])
    order = np.argsort(number, kind="stable")[np.count_nonzero(number < 0) :]
    more = (end - start)[order] - np.append(tokens, 0)[number[order]]
    table = pa.table({"shard": shard[order], "start": start[order], "more": more}).cast(_PLACES)
    packed = dict.fromkeys(_PLACES.names, "BYTE_STREAM_SPLIT")
    _table(run, "places", table, GROUP, packed)
    return {"shard": shard[order], "start": start[order], "tokens": (end - start)[order]}


def _relations(
    run: str, related: pl.DataFrame | None, rank: npt.NDArray[np.int32], counts: Ints, places: Mapping[str, Ints]
) -> None:
    edges = (
        related
        if related is not None
        else pl.DataFrame(schema=dict.fromkeys(("document", "follower", "kind"), pl.Int64))
    )
    numbered = edges.with_columns(
        document=pl.Series(rank[edges["document"].to_numpy()]), follower=pl.Series(rank[edges["follower"].to_numpy()])
    ).sort("document", "follower")
    follower = numbered["follower"].to_numpy()
    first = np.append(np.cumsum(counts) - counts, 0)[follower]
    stretches = np.append(counts, 0)[follower]
    found = {n: np.where(stretches > 0, np.append(c, 0)[np.minimum(first, len(c))], 0) for n, c in places.items()}
    table = numbered.with_columns(stretches=pl.Series(stretches), **{n: pl.Series(c) for n, c in found.items()})
    relations.write(storage.join(run, RELATIONS), table.select(relations.SCHEMA.names).to_arrow())


def _hosts(documents: pl.DataFrame) -> pl.DataFrame:
    host = pl.col("surt").str.extract(addresses.HOST, 1).fill_null("~")
    frame = documents.select(host.alias("host"), "kept", "tokens").with_row_index("first")
    return frame.group_by("host", maintain_order=True).agg(
        pl.col("first").first().cast(pl.Int32),
        documents=pl.len().cast(pl.Int32),
        kept=pl.col("kept").sum().cast(pl.Int32),
        tokens=pl.col("tokens").cast(pl.Int64).sum(),
    )
