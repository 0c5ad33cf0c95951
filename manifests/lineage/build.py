"""The lineage index made from a run's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from manifests import parts, storage
from manifests.lineage import addresses, relations
from manifests.lineage.tables import FILES, by_address, write
from manifests.token_files import spans_path, tokens_in


def build(run: str, shards: Sequence[str] = ()) -> list[str]:
    """Makes the index from the run's columns; ``shards`` are token files, with spans beside them. Returns its files.

    Sorted in memory: about 300 bytes a document.
    """
    names: dict[str, dict[str, int]] = {n: {} for n in ("part", "file", "domain", "shard", "signature")}
    evidence: dict[str, str] = {}
    documents, rank, first, edges = _documents(run, names, evidence)
    sizes: dict[str, int] = {}
    spans = [_shard(run, shard, names["shard"], first, sizes) for shard in sorted(shards)]
    empty = pl.DataFrame(schema={"shard": pl.Int32, "start": pl.Int64, "document": pl.Int64})
    listed = {kind: list(codes) for kind, codes in names.items() if kind != "signature"}
    table = pl.DataFrame(
        {"signature": list(names["signature"]), "evidence": [evidence[n] for n in names["signature"]]},
        schema={"signature": pl.String, "evidence": pl.String},
    )
    write(run, documents, rank, pl.concat(spans) if spans else empty, listed, sizes, table, edges)
    return list(FILES)


def _documents(
    run: str, names: dict[str, dict[str, int]], evidence: dict[str, str]
) -> tuple[pl.DataFrame, npt.NDArray[np.int32], dict[str, int], pl.DataFrame]:
    """The documents by address, the places of rows there, the first row of each part, and the edges between rows."""
    frames, related, first, total = [], [], {}, 0
    tokens = _tokens(run)
    for path in storage.list_files(storage.join(run, parts.DOCUMENTS), "part-*.parquet", recursive=True):
        part = parts.part_of(path)
        frame = _part(run, part, tokens.pop(part, None), names, evidence)
        related.append(_related(run, part, total))
        first[part], total = total, total + frame.height
        frames.append(frame)
    whole = pl.concat(frames)
    return *by_address(whole), first, relations.edges(whole["key"], related)


def _code(codes: dict[str, int], column: pl.Series) -> pl.Series:
    distinct = {v: codes.setdefault(v, len(codes)) for v in column.unique(maintain_order=True).to_list()}
    return column.replace_strict(distinct, return_dtype=pl.Int32)


def _part(
    run: str, part: str, tokens: pl.DataFrame | None, names: dict[str, dict[str, int]], evidence: dict[str, str]
) -> pl.DataFrame:
    columns: dict[str, list[str] | None] = {parts.DOCUMENTS: ["id", "url", "record"]}
    judged = {"verdicts": ["keep", "domain"], "annotations/united": ["signature"]}
    columns |= {c: n for c, n in judged.items() if storage.is_file(storage.join(run, parts.path(c, part)))}
    frame = parts.aligned(run, part, columns)
    interned = parts.path("signatures-united", part)
    if storage.is_file(storage.join(run, interned)):
        evidence.update(zip(*storage.read_table(storage.join(run, interned)).to_pydict().values(), strict=True))
    for name, default in (("keep", False), ("domain", ""), ("signature", "")):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(default).alias(name))
    evidence.setdefault("", "{}")
    record = frame["record"].struct
    made = pl.DataFrame(
        {
            "surt": addresses.column(frame["url"].fill_null("")),
            "key": frame.select(_key(pl.col("id")))[:, 0],
            "part": pl.Series([names["part"].setdefault(part, len(names["part"]))] * frame.height, dtype=pl.Int32),
            "row": pl.Series(range(frame.height), dtype=pl.Int32),
            "file": _code(names["file"], record.field("file").fill_null("")),
            "offset": record.field("offset"),
            "length": record.field("length"),
            "signature": _code(names["signature"], frame["signature"]),
            "domain": _code(names["domain"], frame["domain"].fill_null("")),
            "kept": frame["keep"],
        }
    )
    if tokens is None:
        return made.with_columns(tokens=pl.lit(0, pl.Int32))
    return made.join(tokens, on="row", how="left", maintain_order="left").with_columns(pl.col("tokens").fill_null(0))


def _related(run: str, part: str, first: int) -> pl.DataFrame:
    """Of the documents of a part that have any: their survivors, clusters and parents, by keys."""
    columns: dict[str, list[str] | None] = {parts.DOCUMENTS: ["parents"]}
    if storage.is_file(storage.join(run, parts.path("duplicates", part))):
        columns["duplicates"] = ["survivor", "cluster"]
    frame = parts.aligned(run, part, columns)
    missing = [n for n in ("survivor", "cluster") if n not in frame.columns]
    frame = frame.with_columns(*(pl.lit(None, pl.String).alias(n) for n in missing))
    parents = pl.col("parents").list.eval(_key(pl.element().struct.field("id")))
    return (
        frame.select(_key(pl.col("survivor")), _key(pl.col("cluster")), parents=parents)
        .with_row_index("row", first)
        .filter(pl.any_horizontal(pl.col("survivor", "cluster").is_not_null(), pl.col("parents").list.len() > 0))
        .with_columns(pl.col("row").cast(pl.Int64))
    )


def _key(identifier: pl.Expr) -> pl.Expr:
    """The first 64 bits of an id."""
    return identifier.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)


def _tokens(run: str) -> dict[str, pl.DataFrame]:
    """Rows and tokens of each part's documents, from the spans of the pools."""
    found: dict[str, list[pl.DataFrame]] = {}
    for path in storage.list_files(storage.join(run, "pools"), "*.spans.parquet", recursive=True):
        spans = pl.DataFrame(pl.from_arrow(storage.read_table(path))).with_columns(pl.col("part").cast(pl.String))
        for (part,), group in spans.group_by("part"):
            sizes = group.select("row", tokens=(pl.col("end") - pl.col("start")).cast(pl.Int32))
            found.setdefault(parts.part_of(str(part)), []).append(sizes)
    return {part: pl.concat(frames).unique("row") for part, frames in found.items()}


def _shard(
    run: str, shard: str, codes: dict[str, int], first: Mapping[str, int], sizes: dict[str, int]
) -> pl.DataFrame:
    path = storage.join(run, spans_path(shard))
    spans = pl.DataFrame(pl.from_arrow(storage.read_table(path))).with_columns(pl.col("part").cast(pl.String))
    base = {p: first[parts.part_of(p)] for p in spans["part"].unique().to_list()}
    number = spans["part"].replace_strict(base, return_dtype=pl.Int64) + spans["row"]
    code = codes.setdefault(shard, len(codes))
    sizes[shard] = tokens_in(storage.join(run, shard))
    # tokens that are no document's, as after a takedown from the index alone, are a span of their own
    ends = pl.concat([pl.Series([0]), spans["end"]])
    beyond = pl.concat([spans["start"], pl.Series([sizes[shard]])])
    empty = pl.DataFrame({"start": ends.filter(beyond > ends)}).with_columns(document=pl.lit(-1, pl.Int64))
    found = pl.concat([pl.DataFrame({"start": spans["start"], "document": number}), empty]).sort("start")
    return found.with_columns(shard=pl.lit(code, pl.Int32)).select("shard", "start", "document")
