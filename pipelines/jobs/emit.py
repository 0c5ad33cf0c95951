"""Emit: the blend as shards that trainers read, each token with a span that leads back to its document."""

from __future__ import annotations

from typing import Any

from mixing.pools import PoolFile
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Shards
from pipelines.stages import shard


def emit(
    conductor: Conductor, section: Shards, catalog: Catalog, pools: list[PoolFile], *, source: str = ""
) -> dict[str, Any]:
    """Writes ``shards/`` from the mix manifest; returns their index. ``source``: the run of the pools, if another."""
    return shard.shards(conductor, section, catalog, pools, source)
