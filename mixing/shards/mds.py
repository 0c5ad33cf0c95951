"""Shards as MosaicML's streaming reads them (MDS)."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from manifests import storage
from manifests.token_files import shape_width
from mixing.planner import Ints
from mixing.pools import PoolSet
from mixing.shards.shard import Shard, finish, gather

INDEX = "index.json"
COLUMN = "tokens"
_HASH = "sha256"
_MOST_BYTES = np.iinfo(np.uint32).max
#: the width of the number, and how a sample's second byte says it: one dimension, of this kind
_SHAPES = ((1, "<u1", 1 << 2 | 0), (2, "<u2", 1 << 2 | 1), (4, "<u4", 1 << 2 | 2))


def write_mds(folder: str, index: int, pools: PoolSet, file: Ints, span: Ints) -> Shard:
    """One shard in version 2 of the format (mosaicml/streaming, ``streaming/base/format/mds``).

    ``part-00000.mds`` holds a sample a document, whose column ``tokens`` is an array of uint16 or uint32;
    ``part-00000.mds.json`` is what the index of all shards says of it (see ``write_index``). ValueError for a document
    without tokens, and for a shard of 4 GiB or more: offsets have 32 bits.
    """
    tokens, spans = gather(pools, file, span)
    name = f"part-{index:05d}.mds"
    data = _encoded(tokens, spans.start, spans.lengths)
    storage.write_bytes(storage.join(folder, name), data)
    entry = _entry(name, data, len(spans.start), _config(tokens.dtype))
    storage.write_bytes(storage.join(folder, f"{name}.json"), _json(entry))
    return finish("mds", folder, index, (name, f"{name}.json"), spans)


def write_index(folder: str, shards: Sequence[str]) -> str:
    """Writes ``index.json`` over these shards (``part-00000.mds`` …), without the empty ones; returns its name."""
    entries = [json.loads(storage.read_bytes(storage.join(folder, f"{name}.json"))) for name in shards]
    index = {"version": 2, "shards": [e for e in entries if e["samples"]]}
    storage.write_bytes(storage.join(folder, INDEX), _json(index))
    return INDEX


def describe_again(uri: str) -> None:
    """Of a shard whose tokens were overwritten: what the index says of it has the new hash."""
    entry = json.loads(storage.read_bytes(f"{uri}.json"))
    data = storage.read_bytes(uri)
    entry["raw_data"] = _raw(entry["raw_data"]["basename"], data)
    storage.write_bytes(f"{uri}.json", _json(entry))


def _encoded(tokens: npt.NDArray[Any], start: Ints, lengths: Ints) -> bytes:
    n, width = len(lengths), tokens.dtype.itemsize
    if n and int(lengths.min()) < 1:
        raise ValueError("a document without tokens: MDS has no empty arrays")
    shapes = shape_width(lengths)
    config = _json(_config(tokens.dtype))
    sizes = 5 + shapes + lengths * width
    offsets = 4 * (n + 2) + len(config) + np.append(0, np.cumsum(sizes))
    if int(offsets[-1]) > _MOST_BYTES:
        raise ValueError(f"a shard of {int(offsets[-1]):,} bytes: MDS has 32-bit offsets; lower the tokens per shard")
    out = np.empty(int(offsets[-1]), np.uint8)
    head = struct.pack("<I", n) + offsets.astype("<u4").tobytes() + config
    out[: len(head)] = np.frombuffer(head, np.uint8)
    for shape, kind, code in _SHAPES:
        mine = np.flatnonzero(shapes == shape)
        written = np.empty(len(mine), np.dtype([("size", "<u4"), ("code", "u1"), ("length", kind)]))
        written["size"], written["code"], written["length"] = sizes[mine] - 4, code, lengths[mine]
        raw = written.view(np.uint8).reshape(len(mine), 5 + shape)
        out[offsets[mine, None] + np.arange(5 + shape)] = raw
    body = np.frombuffer(tokens.tobytes(), np.uint8)
    columns = (offsets[1:] - lengths * width, offsets[1:], start * width, (start + lengths) * width)
    for to, until, a, b in zip(*(c.tolist() for c in columns), strict=True):
        out[to:until] = body[a:b]
    return out.tobytes()


def _config(dtype: np.dtype[Any]) -> dict[str, Any]:
    """What every shard says of itself, in its header and in the index."""
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": [_HASH],
        "size_limit": None,
        "column_names": [COLUMN],
        "column_encodings": [f"ndarray:{dtype.name}"],
        "column_sizes": [None],
    }


def _entry(name: str, data: bytes, samples: int, config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "samples": samples, "raw_data": _raw(name, data), "zip_data": None}


def _raw(name: str, data: bytes) -> dict[str, Any]:
    return {"basename": name, "bytes": len(data), "hashes": {_HASH: hashlib.new(_HASH, data).hexdigest()}}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
