"""``cuvee mix train``: proxies on the pools of a run, of its own swarm or of mixtures in a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from manifests import storage
from mixing import tables
from mixing.pools import PoolFile
from mixing.proxy_config import ProxyConfig
from mixing.runs import shares
from pipelines import recipe_paths
from pipelines.conductor import Conductor
from pipelines.engines import LocalEngine
from pipelines.errors import CuveeError
from pipelines.progress import Progress
from pipelines.recipe import Mix
from pipelines.run_folder import RunFolder
from pipelines.stages import proxies
from pipelines.surrogates import user_errors
from pipelines.telemetry import Listeners, RunLog

_SHOWN = 40


def train(
    run: str, swarm: str, options: Mapping[str, Any], *, workers: int, progress: Progress
) -> tuple[pl.DataFrame, list[str]]:
    """Trains what is not trained yet; one row a run: weights, metrics, loss, diverged.

    ``swarm`` is a table of mixtures, else the run's own; ``options`` change the recipe's ``mix.proxy``.
    Also returns the names of the domains.
    """
    with RunFolder(run) as folder, LocalEngine(workers) as engine, progress as shown:
        mix, seed = _recipe(folder)
        listed = storage.join(run, proxies.POOLS)
        if not storage.is_file(listed):
            raise CuveeError(f"{run}: no pools to train on: run its recipe first")
        files = [PoolFile(**f) for f in json.loads(storage.read_bytes(listed))]
        domains = sorted({f.domain for f in files if f.split == "train"})
        own = not swarm and not options
        source = swarm or storage.join(run, proxies.SWARM)
        mixtures = _mixtures(source, domains)
        mix = mix.model_copy(update={"proxy": {**mix.proxy, **options}})
        try:
            ProxyConfig.of(mix.proxy, vocabulary=1)
        except ValueError as error:
            raise CuveeError(str(error)) from None
        conductor = Conductor(run, engine, Listeners(shown, RunLog(run)), folder.check)
        stage = "proxies" if own else "train"
        metrics, _ = proxies.train(conductor, mix, mixtures, files, seed, stage=stage)
        if own:
            proxies.table(conductor, mixtures, metrics)
    weights = mixtures.rename({d: f"weight/{d}" for d in domains})
    return weights.join(metrics, on="run", how="left", maintain_order="left"), domains


def append(found: pl.DataFrame, path: str) -> int:
    """Adds the runs to a table, in place of those of the same names; returns how many it now has."""
    if (before := earlier(path)) is not None:
        try:
            kept = before.join(found.select("run"), on="run", how="anti")
            found = pl.concat([kept, found], how="diagonal_relaxed")
        except pl.exceptions.PolarsError as error:
            raise CuveeError(f"{path}: not a table of such runs: {str(error).splitlines()[0]}") from None
    tables.write(found, path)
    return found.height


def earlier(path: str) -> pl.DataFrame | None:
    """The table that runs are to be added to; None where there is none yet. CuveeError where none can be there."""
    with user_errors():
        tables.check_name(path)
        if not storage.is_file(path):
            return None
        before = tables.read(path)
        if "run" not in before.columns:
            raise ValueError(f"{path}: not a table of runs: it has no column 'run'")
    return before.with_columns(pl.col("run").cast(pl.String))


def show(found: pl.DataFrame, domains: list[str], console: Console) -> None:
    """The runs as a table, diverged ones marked."""
    metrics = [c for c in found.columns if c not in ("run", "diverged") and not c.startswith("weight/")]
    table = Table(title=f"{found.height} runs", title_justify="left", box=None, pad_edge=False)
    table.add_column("run")
    for column in (*domains, *metrics):
        table.add_column(escape(column), justify="right")
    for row in found.head(_SHOWN).iter_rows(named=True):
        cells = [f"{row[f'weight/{d}']:.3f}" for d in domains]
        cells += ["–" if row[m] is None else f"{row[m]:.4g}" for m in metrics]
        table.add_row(escape(row["run"]) + (" [red]diverged[/]" if row["diverged"] else ""), *cells)
    console.print(table)
    if found.height > _SHOWN:
        console.print(f"and {found.height - _SHOWN} more", highlight=False)
    if lost := found.filter(pl.col("diverged"))["run"].to_list():
        console.print(f"[red]diverged, left out of any fit:[/] {escape(', '.join(lost))}", highlight=False)


def _recipe(folder: RunFolder) -> tuple[Mix, int]:
    recipe = folder.recipe()
    if recipe.mix is None:
        raise CuveeError(f"{folder.uri}: its recipe has no mix section")
    recipe = recipe_paths.resolved(recipe, Path(folder.record()["recipe_path"]).parent, folder.uri)
    assert recipe.mix is not None
    return recipe.mix, recipe.seed


def _mixtures(path: str, domains: list[str]) -> pl.DataFrame:
    """Rows that are mixtures of the run's domains, by run. CuveeError names what is not."""
    if not storage.is_file(path):
        raise CuveeError(f"{path}: no such file")
    try:
        frame = tables.weights_of(tables.read(path))
        key = tables.key_of(frame)
        frame = frame.rename({key: "run"}) if key else frame.with_columns(run=pl.int_range(pl.len()))
        frame = tables.without_names(frame, "run").with_columns(pl.col("run").cast(pl.String))
        if strange := [c for c in frame.columns if c not in ("run", *domains)]:
            raise ValueError(f"unknown domains {', '.join(strange)}; the pools have {', '.join(domains)}")
        frame = frame.with_columns(pl.lit(0.0).alias(d) for d in domains if d not in frame.columns)
        X, faults = shares(frame.select(domains))
        if wrong := [f"{k}: {fault}" for k, fault in zip(frame["run"], faults, strict=True) if fault]:
            raise ValueError(f"{len(wrong)} rows are no mixtures: {'; '.join(wrong[:3])}")
        if frame["run"].is_duplicated().any():
            raise ValueError("runs of the same name")
    except ValueError as error:
        raise CuveeError(f"{path}: {error}") from None
    return pl.DataFrame({"run": frame["run"], **dict(zip(domains, X.T, strict=True))})
