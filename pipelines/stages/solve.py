"""The regression and the solver, done by the driver in seconds: metrics of the swarm in, ``mix/mix.yaml`` out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import storage
from manifests.mix import MixManifest
from manifests.receipts import digest_of, output
from mixing.pools import PoolFile, PoolSet
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Mix, Recipe
from pipelines.task import Made, Task

VERSION = 1
MANIFEST = "mix/mix.yaml"
SURROGATE = "mix/surrogate.json"


@dataclass(frozen=True)
class _Solve:
    mix: Mix
    swarm: pl.DataFrame
    metrics: pl.DataFrame
    files: tuple[PoolFile, ...]
    tokenizer: str
    seed: int


def solve(
    conductor: Conductor,
    recipe: Recipe,
    catalog: Catalog,
    swarm: pl.DataFrame,
    metrics: pl.DataFrame,
    pools: list[PoolFile],
) -> MixManifest:
    """Fits the surrogate, finds the best blend, writes both; returns the manifest."""
    assert recipe.mix is not None
    tokenizer = catalog.files["models/tokenizer.json"].digest
    section = recipe.mix.model_dump(mode="json", exclude={"swarm", "proxy"})
    key = digest_of(
        "solve",
        VERSION,
        section,
        [swarm.columns, swarm.rows(), metrics.columns, metrics.rows()],
        [f.as_dict() for f in pools],
        tokenizer,
        recipe.seed,
    )
    spec = _Solve(recipe.mix, swarm, metrics, tuple(pools), tokenizer, recipe.seed)
    catalog.add([conductor.here("solve", Task("solve", "mix", key, write_mix, spec))])
    return MixManifest.read(storage.join(conductor.run, MANIFEST))


def write_mix(run: str, spec: _Solve) -> Made:
    raise NotImplementedError
