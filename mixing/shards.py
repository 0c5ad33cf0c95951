"""Training shards in the formats that trainers map into memory, each with the spans that lead back to documents."""

from __future__ import annotations

import gzip
import struct
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from manifests import storage
from mixing.planner import Ints
from mixing.pools import PoolSet, Spans

_MEGATRON_MAGIC = b"MMIDIDX\x00\x00"
_MEGATRON_VERSION = 1
_MEGATRON_CODES = {"<u2": 8, "<i4": 4}


@dataclass(frozen=True)
class Shard:
    """One written shard; ``files`` are names in its folder, the tokens first and the spans last."""

    format: str
    index: int
    files: tuple[str, ...]
    tokens: int
    documents: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self) | {"files": list(self.files)}


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
    return _finish("olmo", folder, index, (f"{name}.npy", f"{name}.csv.gz"), spans)


def write_megatron(folder: str, index: int, pools: PoolSet, file: Ints, span: Ints) -> Shard:
    """One shard as a Megatron-LM indexed dataset, version 1 (``megatron/core/datasets/indexed_dataset.py``).

    ``part-00000.bin`` holds uint16 or int32 tokens; ``part-00000.idx`` the header, then int32 lengths, int64 byte
    offsets and int64 document borders. Each document is one sequence.
    """
    tokens, spans = gather(pools, file, span)
    if tokens.dtype.itemsize > 2:
        tokens = tokens.astype("<i4")
    if len(spans.start) and int(spans.lengths.max()) > np.iinfo(np.int32).max:
        raise ValueError(f"a document of {int(spans.lengths.max()):,} tokens: Megatron counts lengths in 32 bits")
    name, n = f"part-{index:05d}", len(spans.start)
    header = _MEGATRON_MAGIC + struct.pack("<QBQQ", _MEGATRON_VERSION, _MEGATRON_CODES[tokens.dtype.str], n, n + 1)
    body = (
        spans.lengths.astype("<i4"),
        (spans.start * tokens.dtype.itemsize).astype("<i8"),
        np.arange(n + 1, dtype="<i8"),
    )
    storage.write_bytes(storage.join(folder, f"{name}.bin"), tokens.tobytes())
    storage.write_bytes(storage.join(folder, f"{name}.idx"), header + b"".join(a.tobytes() for a in body))
    return _finish("megatron", folder, index, (f"{name}.bin", f"{name}.idx"), spans)


WRITERS = {"olmo": write_olmo, "megatron": write_megatron}


def gather(pools: PoolSet, file: Ints, span: Ints) -> tuple[npt.NDArray[Any], Spans]:
    """The tokens of documents in the given order, and spans over them."""
    start, length = np.empty(len(file), np.int64), np.empty(len(file), np.int64)
    part, row = np.empty(len(file), np.int32), np.empty(len(file), np.int32)
    parts: dict[str, int] = {}
    used = np.unique(file).tolist()
    for i in used:
        spans, here = pools.spans(i), np.flatnonzero(file == i)
        chosen = span[here]
        start[here], length[here], row[here] = spans.start[chosen], spans.lengths[chosen], spans.row[chosen]
        numbers = np.array([parts.setdefault(p, len(parts)) for p in spans.parts], np.int32)
        part[here] = numbers[spans.part[chosen]]
    end = np.cumsum(length)
    types = {pools.array(i).dtype.newbyteorder("<") for i in used} or {np.dtype("<u2")}
    if len(types) > 1:
        raise ValueError(f"pools of several token types ({', '.join(sorted(map(str, types)))}) cannot share a shard")
    tokens = np.empty(int(end[-1]) if len(end) else 0, types.pop())
    # In the order of the pools: each mapped page is touched once. A slice a document beats an index of every token.
    order = np.lexsort((start, file))
    sources = {i: pools.array(i) for i in used}
    columns = (file[order], start[order], (start + length)[order], (end - length)[order], end[order])
    for i, a, b, to, until in zip(*(c.tolist() for c in columns), strict=True):
        tokens[to:until] = sources[i][a:b]
    return tokens, Spans(start=end - length, end=end, part=part, row=row, parts=tuple(parts))


def _finish(kind: str, folder: str, index: int, files: tuple[str, ...], spans: Spans) -> Shard:
    name = f"part-{index:05d}.spans.parquet"
    spans.write(storage.join(folder, name))
    return Shard(kind, index, (*files, name), int(spans.lengths.sum()), len(spans.start))
