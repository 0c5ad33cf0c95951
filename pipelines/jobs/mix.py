"""Mix: pools of tokens, proxies trained on a swarm of blends, a regression, and the best blend as a manifest."""

from __future__ import annotations

from manifests.mix import MixManifest
from manifests.policy import Policy
from mixing.pools import PoolFile
from pipelines import selection
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.errors import RunFailed
from pipelines.recipe import Recipe
from pipelines.stages import pool, proxies, solve


def mix(conductor: Conductor, recipe: Recipe, catalog: Catalog) -> tuple[list[PoolFile], MixManifest]:
    """Makes ``mix/mix.yaml``; returns the pools that the policy permits, and the manifest."""
    assert recipe.mix is not None
    pools = permitted(pool.run(conductor, recipe, catalog), recipe.mix.policy)
    if len({f.domain for f in pools if f.split == "train"}) == 1:
        conductor.forget("swarm", "proxies")
        return pools, solve.only(conductor, recipe, catalog, pools)
    swarm = proxies.design(conductor, recipe.mix, pools, recipe.seed)
    metrics = proxies.train(conductor, recipe.mix, swarm, catalog, recipe.seed)
    manifest = solve.solve(conductor, recipe, catalog, swarm, metrics, pools)
    return pools, manifest


def permitted(pools: list[PoolFile], policy: str) -> list[PoolFile]:
    """Pools of the licence classes that the policy allows. Policy acts here, never on the documents."""
    rules = Policy.load(policy)
    kept = []
    for file in pools:
        category, reserved = selection.licence_of(file.stratum)
        if rules.permits(category, reserved=reserved):
            kept.append(file)
    if not any(f.split == "train" for f in kept):
        classes = sorted({selection.licence_of(f.stratum)[0] for f in pools})
        raise RunFailed(f"mix: policy {policy} allows none of the licence classes at hand: {', '.join(classes)}")
    return kept
