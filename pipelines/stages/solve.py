"""The regression and the solver, done by the driver in seconds: metrics of the swarm in, ``mix/mix.yaml`` out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import polars as pl

from manifests import storage
from manifests.mix import MixManifest
from manifests.receipts import digest_of, output
from mixing.constraints import Constraints
from mixing.curves import marginal, pareto
from mixing.manifest import Upsampling, alone, compose
from mixing.pools import PoolFile, PoolSet
from mixing.staging import Stage, solve_stages
from mixing.surrogate import Surrogate
from pipelines import blending
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Mix, Recipe, Solve
from pipelines.recipe import mixing as recipes
from pipelines.stages import permit
from pipelines.task import Made, Task

VERSION = 10
MANIFEST = "mix/mix.yaml"
SURROGATE = "mix/surrogate.json"
PREDICTIONS = "mix/predictions.parquet"
PARETO, MARGINAL = "mix/pareto.parquet", "mix/marginal.parquet"
NOT_METRICS = ("run", "loss", "diverged")  #: columns of a proxy run that are not solved for


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


def only(conductor: Conductor, recipe: Recipe, catalog: Catalog, pools: list[PoolFile]) -> MixManifest:
    """The manifest of a run that has a single domain, where there is nothing to weigh and no proxy to train."""
    assert recipe.mix is not None
    tokenizer = catalog.files["models/tokenizer.json"].digest
    section = recipe.mix.model_dump(mode="json", exclude={"swarm", "proxy"})
    key = digest_of("solve", VERSION, "one domain", section, [f.as_dict() for f in pools], tokenizer, recipe.seed)
    none = pl.DataFrame()
    spec = _Solve(recipe.mix, none, none, tuple(pools), tokenizer, recipe.seed)
    catalog.add([conductor.here("solve", Task("solve", "mix", key, write_only, spec))])
    return MixManifest.read(storage.join(conductor.run, MANIFEST))


def write_only(run: str, spec: _Solve) -> Made:
    pools = PoolSet.open(run, spec.files)
    manifest = alone(
        pools,
        tokenizer=spec.tokenizer,
        budget=spec.mix.budget,
        seed=spec.seed,
        policy=PurePosixPath(spec.mix.policy).name,
        max_epochs=_most_epochs(spec.mix.solve.max_epochs, pools),
    )
    manifest.write(storage.join(run, MANIFEST))
    return Made([output(run, MANIFEST)])


def write_mix(run: str, spec: _Solve) -> Made:
    """Regression of the metrics on the mixtures, the optimum under the recipe's constraints, and the manifest."""
    import mixing
    from mixing.bootstrap import resample

    metrics = spec.metrics.select("run", *(c for c in spec.metrics.columns if c not in NOT_METRICS))
    section = spec.mix.solve
    surrogate = mixing.fit(spec.swarm, metrics, key="run", family=section.family)
    pools = PoolSet.open(run, spec.files)
    aim = blending.objective(section)
    limits = blending.constraints(
        section, list(pools.tokens()), strata=pools.strata(), budget=spec.mix.budget, natural=pools.natural
    )
    stages = [_stage(stage, pools, limits) for stage in spec.mix.stages]
    if stages:
        mixture, weights = solve_stages(surrogate, aim, limits, stages)
    else:
        mixture, weights = mixing.solve(surrogate, aim, limits), {}
    draws = section.bootstrap
    resampled = resample(surrogate, aim, limits, draws=draws, seed=spec.seed) if draws > 1 else None
    surrogate.save(storage.join(run, SURROGATE))
    predictions = _predictions(surrogate, spec.swarm, metrics)
    storage.write_table(storage.join(run, PREDICTIONS), predictions.to_arrow())
    manifest = compose(
        mixture,
        surrogate,
        pools,
        tokenizer=spec.tokenizer,
        budget=spec.mix.budget,
        seed=spec.seed,
        policy=PurePosixPath(spec.mix.policy).name,
        policy_digest=permit.policy_of(spec.mix).digest,
        objective=aim,
        constraints=limits,
        resampled=resampled,
        stages=[(stage, weights[stage.name]) for stage in stages],
        upsampling=Upsampling(**spec.mix.upsampling.model_dump()),
    )
    manifest.write(storage.join(run, MANIFEST))
    front, curves = pareto(surrogate, aim, limits), marginal(surrogate, aim, limits, mixture)
    for path, table in ((PARETO, front), (MARGINAL, curves)):
        storage.write_table(storage.join(run, path), table.to_arrow())
    left_out = {f"left_out:{key}": 1 for key in surrogate.left_out}
    outputs = [output(run, MANIFEST), output(run, SURROGATE), output(run, PREDICTIONS, predictions.height)]
    outputs += [output(run, PARETO, front.height), output(run, MARGINAL, curves.height)]
    return Made(outputs, {"runs": spec.metrics.height, **left_out})


def _stage(stage: recipes.Stage, pools: PoolSet, whole: Constraints) -> Stage:
    own = Solve(bounds=stage.bounds, groups=stage.groups, excluded=stage.excluded)
    return Stage(
        name=stage.name,
        budget=stage.budget,
        available=pools.in_documents(stage.min_document) if stage.min_document else whole.available,
        constraints=blending.constraints(own, list(pools.tokens()), strata=pools.strata()),
        min_document=stage.min_document,
        sequence_length=stage.sequence_length,
    )


def _predictions(surrogate: Surrogate, swarm: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    """One row a run and metric, for the report: measured, predicted from the other runs alone, and the deviation."""
    predicted = surrogate.predict(swarm)
    held = pl.DataFrame({"run": surrogate.runs}).with_columns(
        pl.Series(f"held/{m}", surrogate.crossvalidated[:, i], nan_to_null=True)
        for i, m in enumerate(surrogate.metrics)
    )
    both = predicted.join(held, on="run", how="left", maintain_order="left")
    frames = [
        both.select("run", metric=pl.lit(m), predicted=pl.coalesce(f"held/{m}", m), sd=pl.col(f"{m}_sd")).join(
            metrics.select("run", measured=m), on="run", how="left", maintain_order="left"
        )
        for m in surrogate.metrics
    ]
    return pl.concat(frames).select("run", "metric", "measured", "predicted", "sd")


def _most_epochs(limits: float | dict[str, float], pools: PoolSet) -> float:
    """Of the only domain."""
    return limits.get(next(iter(pools.tokens())), float("inf")) if isinstance(limits, dict) else limits
