"""The swarm as tasks: a design of mixtures, stacks of proxy models trained on them, and the metrics they reach."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import storage
from manifests.receipts import Receipt, digest_of, output
from mixing.pools import PoolFile, PoolSet
from pipelines.conductor import Conductor
from pipelines.errors import CuveeError
from pipelines.recipe import Mix
from pipelines.tables import batches
from pipelines.task import Made, Task

VERSION = 2
SWARM = "mix/swarm.parquet"
POOLS = "mix/pools.json"
RUNS = "mix/runs.parquet"
TOKENIZER = "models/tokenizer.json"


@dataclass(frozen=True)
class _Design:
    mix: Mix
    files: tuple[PoolFile, ...]
    seed: int


def design(conductor: Conductor, mix: Mix, files: list[PoolFile], seed: int) -> pl.DataFrame:
    """Writes the list of permitted pools and the swarm; returns the swarm."""
    section = mix.swarm.model_dump(mode="json", exclude={"stack"})
    key = digest_of("swarm", VERSION, section, seed, [f.as_dict() for f in files])
    conductor.here("swarm", Task("swarm", "swarm", key, write_design, _Design(mix, tuple(files), seed)))
    return pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(conductor.run, SWARM))))


def write_design(run: str, spec: _Design) -> Made:
    import mixing

    natural = PoolSet.open(run, spec.files).natural
    swarm = mixing.design(natural, spec.mix.swarm.runs, seed=spec.seed, strength=spec.mix.swarm.strength)
    storage.write_table(storage.join(run, SWARM), swarm.to_arrow())
    listed = json.dumps([f.as_dict() for f in spec.files], indent=1).encode()
    storage.write_bytes(storage.join(run, POOLS), listed)
    return Made([output(run, SWARM, swarm.height), output(run, POOLS, len(spec.files))], {"runs": swarm.height})


@dataclass(frozen=True)
class _Stack:
    name: str
    folder: str
    rows: pl.DataFrame
    proxy: dict[str, Any]
    tasks: dict[str, str]
    budget: int
    seed: int
    key: str


def train(
    conductor: Conductor, mix: Mix, swarm: pl.DataFrame, files: list[PoolFile], seed: int, *, stage: str = "proxies"
) -> tuple[pl.DataFrame, list[Receipt]]:
    """Trains the swarm, a stack of proxies to a task; returns the metrics, one row a run, and the receipts."""
    pools = digest_of([f.digest for f in files])
    tasks, folder = [], f"mix/{'runs' if stage == 'proxies' else stage}"
    measured = {name: storage.digest(path) for name, path in mix.tasks.items()}
    for first in range(0, swarm.height, mix.swarm.stack):
        rows = swarm.slice(first, mix.swarm.stack)
        name = f"part-{first // mix.swarm.stack:05d}"
        key = digest_of(stage, VERSION, rows.rows(), rows.columns, mix.proxy, measured, mix.budget, seed, pools)
        spec = _Stack(name, folder, rows, dict(mix.proxy), mix.tasks, mix.budget, seed, key)
        tasks.append(Task(stage, name, key, train_stack, spec))
    receipts = conductor.map(stage, tasks)
    tables = [storage.read_table(storage.join(conductor.run, o.path)) for r in receipts for o in r.outputs]
    return pl.concat([pl.DataFrame(pl.from_arrow(t)) for t in tables], how="diagonal").sort("run"), receipts


def train_stack(run: str, spec: _Stack) -> Made:
    """Trains one stack from its checkpoint, if a killed worker left one, and evaluates it."""
    from mixing import proxy, tasks
    from mixing.proxy_config import ProxyConfig
    from mixing.tokenizer import Tokenizer

    files = json.loads(storage.read_bytes(storage.join(run, POOLS)))
    pools = PoolSet.open(run, files)
    domains = [c for c in spec.rows.columns if c != "run"]
    tokenizer = Tokenizer.load(storage.join(run, TOKENIZER))
    config = ProxyConfig.of(spec.proxy, vocabulary=tokenizer.vocabulary, seed=spec.seed, target_tokens=spec.budget)
    checkpoint = storage.join(run, "cache", "proxies", f"{spec.key}.npz")
    metrics = proxy.train_stack(
        config,
        spec.rows.select(domains).to_numpy(),
        spec.rows["run"].to_list(),
        domains,
        pools.train(),
        pools.heldout(),
        checkpoint,
        tasks={name: tasks.encode(tokenizer, _items(path), config.length) for name, path in spec.tasks.items()},
    )
    path = f"{spec.folder}/{spec.name}.parquet"
    storage.write_table(storage.join(run, path), metrics.to_arrow())
    storage.remove(checkpoint)
    return Made(
        [output(run, path, metrics.height)], {"runs": metrics.height, "diverged": int(metrics["diverged"].sum())}
    )


def _items(path: str) -> list[tuple[str, str]]:
    """Prompts and answers of a task's file. ValueError where one is no text."""
    try:
        found = [
            pair
            for batch in batches(path, ["prompt", "answer"])
            for pair in zip(batch["prompt"], batch["answer"], strict=True)
        ]
    except CuveeError as error:
        raise ValueError(str(error)) from None
    if wrong := [i for i, (p, a) in enumerate(found) if not isinstance(p, str) or not isinstance(a, str) or not a]:
        raise ValueError(f"{path}: item {wrong[0]}: prompt and answer must be texts, and the answer not empty")
    if not found:
        raise ValueError(f"{path} holds no item")
    return found


def table(conductor: Conductor, swarm: pl.DataFrame, metrics: pl.DataFrame) -> Receipt:
    """All runs in one table, ``mix/runs.parquet``: weights as ``weight/DOMAIN``, metrics, loss and divergence."""
    weights = swarm.rename({d: f"weight/{d}" for d in swarm.columns if d != "run"})
    runs = weights.join(metrics, on="run", how="left", maintain_order="left")
    key = digest_of("runs", VERSION, runs.columns, runs.rows())
    return conductor.here("runs", Task("runs", "runs", key, write_runs, runs))


def write_runs(run: str, runs: pl.DataFrame) -> Made:
    storage.write_table(storage.join(run, RUNS), runs.to_arrow())
    return Made([output(run, RUNS, runs.height)])
