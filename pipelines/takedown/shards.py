"""Tokens out of the shards, in one of four ways; each may be done twice.

``erase``      tokens overwritten in place, with a loss mask beside them: batches keep their order, a job may go on
``tombstone``  data untouched; ``shards/tombstones.parquet`` lists what samplers pass over; the mix manifest names it
``index``      data untouched; the index that trainers read (Megatron's) no longer holds the sequences: other formats
               are read without one, or have it in their data
``rewrite``    shards written again, each gap filled by unused documents of the same stratum
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa

from manifests import storage
from manifests.mix import MixManifest
from manifests.takedown import Plan
from manifests.token_files import TOKENS, layout, spans_path, tokens_in
from mixing.pools import Spans
from mixing.shards import INDEXES, mds
from pipelines.takedown.in_place import in_place

MASK = ".mask.npy"
TOMBSTONES = "shards/tombstones.parquet"
INDEX = "shards/index.json"


def erase(run: str, plan: Plan, eos: int) -> list[str]:
    """Overwrites tokens and writes one byte a token beside them: 0 where no loss is to be taken.

    The mask is raw, as OLMo-core's ``label_mask_paths`` maps it.
    """
    changed = []
    for shard, stretches in plan.places.items():
        uri = storage.join(run, shard)
        total = tokens_in(uri)
        lies = layout(uri, total)
        mask_uri = storage.join(run, _stem(shard) + MASK)
        mask = np.ones(total, np.uint8)
        if storage.is_file(mask_uri):
            mask = np.frombuffer(storage.read_bytes(mask_uri), np.uint8).copy()
        with in_place(uri) as path:
            data = np.memmap(path, np.uint8, "r+")
            for start, end in stretches:
                first = lies.byte_of(start)
                data[first : first + (end - start) * lies.width].view(f"<u{lies.width}")[:] = eos
                mask[start:end] = 0
            data.flush()
        storage.write_bytes(mask_uri, mask.tobytes())
        changed += [shard, _stem(shard) + MASK]
        if shard.endswith(".mds"):
            mds.describe_again(uri)
            changed.append(f"{shard}.json")
    return changed + indexes(run, {s.split("/")[1] for s in plan.places})


def indexes(run: str, formats: Collection[str]) -> list[str]:
    """Makes the indexes of all shards of these formats again, where they have one that tells of the shards' bytes."""
    listed = index_record(run).get("formats", {})
    changed = []
    for form in sorted(INDEXES.keys() & formats & listed.keys()):
        folder = f"shards/{form}"
        changed.append(f"{folder}/{INDEXES[form](storage.join(run, folder), [s['files'][0] for s in listed[form]])}")
    return changed


def tombstone(run: str, plan: Plan, name: str) -> list[str]:
    rows = [
        {"shard": shard, "start": start, "end": end, "takedown": name}
        for shard, stretches in plan.places.items()
        for start, end in stretches
    ]
    uri = storage.join(run, TOMBSTONES)
    if storage.is_file(uri):
        rows += [r for r in storage.read_table(uri).to_pylist() if r["takedown"] != name]
    schema = pa.schema([("shard", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("takedown", pa.string())])
    rows.sort(key=lambda r: (r["shard"], r["start"]))
    storage.write_table(uri, pa.Table.from_pylist(rows, schema=schema))
    manifest = storage.join(run, "mix/mix.yaml")
    mix = MixManifest.read(manifest)
    mix.model_copy(update={"tombstones": storage.digest(uri)}).write(manifest)
    return [TOMBSTONES, "mix/mix.yaml"]


def index(run: str, plan: Plan) -> list[str]:
    """Writes each shard's spans and index without the sequences."""
    changed = []
    wanted = {(f"documents/{part}.parquet", row) for part, rows in plan.rows().items() for row in rows}
    for shard in plan.places:
        path, total = spans_path(shard), tokens_in(storage.join(run, shard))
        spans = Spans.read(storage.join(run, path))
        keep = np.array(
            [(spans.parts[p], r) not in wanted for p, r in zip(spans.part.tolist(), spans.row.tolist(), strict=True)],
            bool,
        )
        kept = Spans(spans.start[keep], spans.end[keep], spans.part[keep], spans.row[keep], spans.parts)
        # the index first: it is made of the spans, and a crash between the two leaves them to make it again
        if shard.endswith(".bin"):
            changed.append(_megatron(run, shard, kept))
        elif storage.is_file(storage.join(run, _stem(shard) + ".csv.gz")):
            changed.append(_olmo(run, shard, kept))
        kept.write(storage.join(run, path), **{TOKENS: str(total)})
        changed.append(path)
    return [*changed, *_listed(run, plan)]


def _listed(run: str, plan: Plan) -> list[str]:
    """The record of all shards says what is left in these, as their spans do."""
    record = index_record(run)
    for form, listed in record.get("formats", {}).items():
        for shard in listed:
            if (path := f"shards/{form}/{shard['files'][0]}") in plan.places:
                lengths = Spans.read(storage.join(run, spans_path(path))).lengths
                shard |= {"documents": len(lengths), "tokens": int(lengths.sum())}
    storage.write_bytes(storage.join(run, INDEX), json.dumps(record, indent=1, sort_keys=True).encode())
    return [INDEX]


def _megatron(run: str, shard: str, spans: Spans) -> str:
    path = _stem(shard) + ".idx"
    uri = storage.join(run, path)
    code = storage.read_bytes(uri)[17]
    width = {8: 2, 4: 4}[code]
    n = len(spans.start)
    header = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, code, n, n + 1)
    body = (spans.lengths.astype("<i4"), (spans.start * width).astype("<i8"), np.arange(n + 1, dtype="<i8"))
    storage.write_bytes(uri, header + b"".join(a.tobytes() for a in body))
    return path


def _olmo(run: str, shard: str, spans: Spans) -> str:
    path = _stem(shard) + ".csv.gz"
    uri = storage.join(run, path)
    with storage.open_input(uri) as f:
        lines = gzip.decompress(f.read()).decode().splitlines()
    starts = set(spans.start.tolist())
    kept = [line for line in lines if int(line.split(",", 1)[0]) in starts]
    with (
        storage.open_output(uri) as out,
        gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed,
    ):
        packed.write("".join(f"{line}\n" for line in kept).encode())
    return path


def index_record(run: str) -> dict[str, Any]:
    """``shards/index.json``; empty where there are no shards."""
    uri = storage.join(run, INDEX)
    return dict(json.loads(storage.read_bytes(uri))) if storage.is_file(uri) else {}


def _stem(shard: str) -> str:
    return shard.rsplit(".", 1)[0]
