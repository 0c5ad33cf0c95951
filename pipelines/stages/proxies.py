"""The swarm as tasks: a design of mixtures, stacks of proxy models trained on them, and the metrics they reach."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import storage
from manifests.receipts import digest_of, output
from mixing.pools import PoolFile, PoolSet
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Mix
from pipelines.task import Made, Task

VERSION = 1
SWARM = "mix/swarm.parquet"
POOLS = "mix/pools.json"
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
    first: int
    count: int
    proxy: dict[str, Any]
    budget: int
    seed: int
    key: str


def train(conductor: Conductor, mix: Mix, swarm: pl.DataFrame, catalog: Catalog, seed: int) -> pl.DataFrame:
    """Trains the swarm, a stack of proxies to a task; returns the metrics, one row a run."""
    pools = digest_of(sorted((p, o.digest) for p, o in catalog.files.items() if p.startswith("pools/")))
    tasks = []
    for first in range(0, swarm.height, mix.swarm.stack):
        rows = swarm.slice(first, mix.swarm.stack)
        name = f"part-{first // mix.swarm.stack:05d}"
        key = digest_of("proxies", VERSION, rows.rows(), rows.columns, mix.proxy, mix.budget, seed, pools)
        spec = _Stack(name, first, rows.height, dict(mix.proxy), mix.budget, seed, key)
        tasks.append(Task("proxies", name, key, train_stack, spec))
    receipts = conductor.map("proxies", tasks)
    catalog.add(receipts)
    tables = [storage.read_table(storage.join(conductor.run, o.path)) for r in receipts for o in r.outputs]
    return pl.concat([pl.DataFrame(pl.from_arrow(t)) for t in tables], how="diagonal").sort("run")


def train_stack(run: str, spec: _Stack) -> Made:
    """Trains one stack from its checkpoint, if a killed worker left one, and evaluates it."""
    from mixing import proxy
    from mixing.proxy_config import ProxyConfig
    from mixing.tokenizer import Tokenizer

    files = json.loads(storage.read_bytes(storage.join(run, POOLS)))
    pools = PoolSet.open(run, files)
    swarm = pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(run, SWARM))))
    rows = swarm.slice(spec.first, spec.count)
    domains = [c for c in swarm.columns if c != "run"]
    vocabulary = Tokenizer.load(storage.join(run, TOKENIZER)).vocabulary
    config = ProxyConfig.of(spec.proxy, vocabulary=vocabulary, seed=spec.seed, target_tokens=spec.budget)
    checkpoint = storage.join(run, "cache", "proxies", f"{spec.key}.npz")
    metrics = proxy.train_stack(
        config,
        rows.select(domains).to_numpy(),
        rows["run"].to_list(),
        domains,
        pools.train(),
        pools.heldout(),
        checkpoint,
    )
    path = f"mix/runs/{spec.name}.parquet"
    storage.write_table(storage.join(run, path), metrics.to_arrow())
    storage.remove(checkpoint)
    return Made([output(run, path, metrics.height)], {"runs": metrics.height})
