"""Emit: the blend as shards that trainers read, each token with a span that leads back to its document."""

from __future__ import annotations

from typing import Any

from mixing.pools import PoolFile
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Recipe
from pipelines.stages import shard


def emit(conductor: Conductor, recipe: Recipe, catalog: Catalog, pools: list[PoolFile]) -> dict[str, Any]:
    """Writes ``shards/`` from the mix manifest; returns their index."""
    assert recipe.shards is not None
    return shard.shards(conductor, recipe.shards, catalog, pools)
