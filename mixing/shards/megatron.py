"""Shards as Megatron-LM reads them."""

from __future__ import annotations

import struct

import numpy as np

from manifests import storage
from mixing.planner import Ints
from mixing.pools import PoolSet
from mixing.shards.shard import Shard, finish, gather

_MAGIC = b"MMIDIDX\x00\x00"
_VERSION = 1
_CODES = {"<u2": 8, "<i4": 4}


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
    header = _MAGIC + struct.pack("<QBQQ", _VERSION, _CODES[tokens.dtype.str], n, n + 1)
    body = (
        spans.lengths.astype("<i4"),
        (spans.start * tokens.dtype.itemsize).astype("<i8"),
        np.arange(n + 1, dtype="<i8"),
    )
    storage.write_bytes(storage.join(folder, f"{name}.bin"), tokens.tobytes())
    storage.write_bytes(storage.join(folder, f"{name}.idx"), header + b"".join(a.tobytes() for a in body))
    return finish("megatron", folder, index, (f"{name}.bin", f"{name}.idx"), spans)
