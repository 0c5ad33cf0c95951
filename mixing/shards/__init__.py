"""Training shards in the formats that trainers map into memory, each with the spans that lead back to documents."""

from __future__ import annotations

from mixing.shards import mds
from mixing.shards.datatrove import write_datatrove
from mixing.shards.mds import write_mds
from mixing.shards.megatron import write_megatron
from mixing.shards.olmo import write_olmo
from mixing.shards.shard import Shard, gather

#: how a format writes one shard: ``write(folder, index, pools, file, span)``
WRITERS = {"olmo": write_olmo, "megatron": write_megatron, "mds": write_mds, "datatrove": write_datatrove}
#: of the formats whose readers want an index of all shards: ``write(folder, shards)`` makes it, and returns its name
INDEXES = {"mds": mds.write_index}

__all__ = [
    "INDEXES",
    "WRITERS",
    "Shard",
    "gather",
    "write_datatrove",
    "write_mds",
    "write_megatron",
    "write_olmo",
]
