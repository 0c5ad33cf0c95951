"""Shards as OLMo reads them."""

from __future__ import annotations

import gzip

import polars as pl

from manifests import storage
from mixing.planner import Ints
from mixing.pools import PoolSet
from mixing.shards.shard import Shard, finish, gather


def write_olmo(folder: str, index: int, pools: PoolSet, file: Ints, span: Ints) -> Shard:
    """One shard as OLMo reads it and dolma writes it (allenai/dolma, ``docs/tokenize.md``).

    ``part-00000.npy`` holds little-endian uint16 or uint32 tokens and, despite its name, no header;
    ``part-00000.csv.gz`` a line ``start,end,id,src,loc`` per document, where ``src`` and ``loc`` are its document part
    and row. ``file`` and ``span`` say which documents of ``pools``, in order.
    """
    tokens, spans = gather(pools, file, span)
    name = f"part-{index:05d}"
    storage.write_bytes(storage.join(folder, f"{name}.npy"), tokens.tobytes())
    source = pl.Series(spans.parts, dtype=pl.String).gather(spans.part)
    stem = source.str.split("/").list.last().str.strip_suffix(".parquet")
    lines = pl.DataFrame({"start": spans.start, "end": spans.end, "stem": stem, "src": source, "loc": spans.row})
    lines = lines.with_columns(stem=pl.format("{}:{}", "stem", "loc"))
    with (
        storage.open_output(storage.join(folder, f"{name}.csv.gz")) as out,
        gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed,
    ):
        packed.write(lines.write_csv(include_header=False).encode())
    return finish("olmo", folder, index, (f"{name}.npy", f"{name}.csv.gz"), spans)
