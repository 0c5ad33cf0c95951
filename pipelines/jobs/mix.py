"""Mix: pools of tokens, proxies trained on a swarm of blends, a regression, and the best blend as a manifest."""

from __future__ import annotations

import polars as pl

from manifests.mix import MixManifest
from mixing.pools import PoolFile
from pipelines import selection
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.errors import RunFailed
from pipelines.recipe import Mix, Recipe
from pipelines.stages import permit, pool, proxies, results, solve


def mix(conductor: Conductor, recipe: Recipe, catalog: Catalog) -> tuple[list[PoolFile], MixManifest]:
    """Makes ``mix/mix.yaml``; returns the pools that the policy permits, and the manifest."""
    assert recipe.mix is not None
    pools = permitted(conductor, recipe.mix, catalog, pool.run(conductor, recipe, catalog))
    if len({f.domain for f in pools if f.split == "train"}) == 1:
        conductor.forget("swarm", "proxies", "runs")
        return pools, solve.only(conductor, recipe, catalog, pools)
    swarm, metrics = measured(conductor, recipe, catalog, pools)
    manifest = solve.solve(conductor, recipe, catalog, swarm, metrics, pools)
    return pools, manifest


def measured(
    conductor: Conductor, recipe: Recipe, catalog: Catalog, pools: list[PoolFile]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The mixtures of the swarm and the metrics of its runs: proxies trained here, or the user's own results."""
    assert recipe.mix is not None
    own = recipe.mix.results
    if own is not None and own.weights:
        swarm = results.swarm(conductor, own, sorted({f.domain for f in pools if f.split == "train"}))
    else:
        swarm = proxies.design(conductor, recipe.mix, pools, recipe.seed)
    if own is not None:
        metrics = results.metrics(conductor, own, catalog)
    else:
        metrics, made = proxies.train(conductor, recipe.mix, swarm, pools, recipe.seed)
        catalog.add(made)
    catalog.add([proxies.table(conductor, swarm, metrics)])
    return swarm, metrics


def permitted(conductor: Conductor, section: Mix, catalog: Catalog, pools: list[PoolFile]) -> list[PoolFile]:
    """What the policy leaves of the pools. Policy acts here, never on the documents."""
    kept = permit.run(conductor, catalog, pools, permit.policy_of(section))
    if not any(f.split == "train" for f in kept):
        classes = sorted({selection.licence_of(f.stratum)[0] for f in pools})
        reasons = {n.removeprefix("reason:"): c for n, c in catalog.counts["permit"].items() if n.startswith("reason:")}
        why = ", ".join(f"{n} ({c:,} tokens)" for n, c in sorted(reasons.items(), key=lambda item: -item[1])[:3])
        raise RunFailed(
            f"mix: policy {section.policy} allows none of the licence classes at hand: {', '.join(classes)}; {why}"
        )
    return kept
