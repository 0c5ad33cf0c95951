"""Shards as tasks: the driver plans the order of documents once, each task gathers the tokens of one shard."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from manifests import storage, takedown
from manifests.mix import MixManifest
from manifests.receipts import digest_of, output
from mixing.planner import plan, without
from mixing.pools import PoolFile, PoolSet
from mixing.shards import INDEXES, WRITERS
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Shards
from pipelines.stages.solve import MANIFEST
from pipelines.task import Made, Task

VERSION = 3
PLAN = "mix/plan.parquet"
INDEX = "shards/index.json"


@dataclass(frozen=True)
class _Plan:
    files: tuple[PoolFile, ...]
    tokens: int
    source: str = ""  #: the run of the pools, where it is another


def write_plan(run: str, spec: _Plan) -> Made:
    """The order of documents and the borders of shards, as references into the pools."""
    manifest = MixManifest.read(storage.join(run, MANIFEST))
    source = spec.source or run
    pools = PoolSet.open(source, spec.files)
    domain_of = {stratum: name for name, d in manifest.domains.items() for stratum in d.pools}
    domains = [domain_of.get(f.stratum, "") for f in pools.files]
    made = without(plan(manifest, pools, shard_tokens=spec.tokens), _taken(source, pools), domains)
    storage.write_table(storage.join(run, PLAN), made.table().to_arrow())
    return Made(
        [output(run, PLAN, len(made.file))],
        {"documents": len(made.file), "tokens": int(made.length.sum())},
        {"bounds": made.bounds.tolist(), "tokens": made.tokens, "deficit": made.deficit, "stages": made.stages},
    )


def _taken(run: str, pools: PoolSet) -> dict[int, set[int]]:
    """Spans, by pool file, of documents that a takedown has emptied since the pools were made."""
    gone: dict[str, list[int]] = {}
    for part, row in takedown.rows(run):
        gone.setdefault(part, []).append(row)
    found: dict[int, set[int]] = {}
    for i in range(len(pools.files)) if gone else ():
        spans = pools.spans(i)
        for number, part in enumerate(spans.parts):
            if part in gone:
                taken = np.flatnonzero((spans.part == number) & np.isin(spans.row, gone[part]))
                found.setdefault(i, set()).update(taken.tolist())
    return found


@dataclass(frozen=True)
class _Shard:
    format: str
    index: int
    first: int
    count: int
    files: tuple[PoolFile, ...]
    source: str = ""


def write_shard(run: str, spec: _Shard) -> Made:
    rows = storage.read_rows(storage.join(run, PLAN), spec.first, spec.count, ["file", "span"])
    folder = storage.join(run, "shards", spec.format)
    file, span = (rows[c].to_numpy().astype(np.int64) for c in ("file", "span"))
    shard = WRITERS[spec.format](folder, spec.index, PoolSet.open(spec.source or run, spec.files), file, span)
    outputs = [output(run, f"shards/{spec.format}/{name}") for name in shard.files]
    counts = {"documents": shard.documents, "tokens": shard.tokens}
    return Made(outputs, counts, {"shard": shard.as_dict()})


def write_index(run: str, index: dict[str, Any]) -> Made:
    """Ours, and those that the readers of some formats want."""
    storage.write_bytes(storage.join(run, INDEX), json.dumps(index, indent=1, sort_keys=True).encode())
    written = [INDEX]
    for form in sorted(INDEXES.keys() & index["formats"].keys()):
        names = [shard["files"][0] for shard in index["formats"][form]]
        written.append(f"shards/{form}/{INDEXES[form](storage.join(run, 'shards', form), names)}")
    return Made([output(run, path) for path in written])


def shards(
    conductor: Conductor, section: Shards, catalog: Catalog, pools: list[PoolFile], source: str = ""
) -> dict[str, Any]:
    """Writes ``shards/``; returns its index: planned and missing tokens by domain, and the files of each format.

    The pools are those of the conductor's run, or of the run ``source``.
    """
    files = tuple(sorted(pools, key=lambda f: f.path))
    # of its own shards a run takes documents down itself; what lies elsewhere is planned anew
    gone = [sorted(takedown.rows(source))] if source else []
    read = [f.as_dict() for f in files]
    key = digest_of("plan", VERSION, catalog.files[MANIFEST].digest, section.tokens, read, *gone)
    planned = conductor.here("plan", Task("plan", "plan", key, write_plan, _Plan(files, section.tokens, source)))
    bounds = planned.data["bounds"]
    tasks = []
    for name in section.formats:
        for number, (first, end) in enumerate(pairwise(bounds)):
            key = digest_of("shards", VERSION, name, number, planned.digest)
            spec = _Shard(name, number, first, end - first, files, source)
            tasks.append(Task("shards", f"{name}-{number:05d}", key, write_shard, spec))
    receipts = conductor.map("shards", tasks)
    catalog.add(receipts)
    listed: dict[str, Any] = {name: [] for name in section.formats}
    for receipt in receipts:
        listed[receipt.data["shard"]["format"]].append(receipt.data["shard"])
    index = {
        "tokenizer": catalog.files["models/tokenizer.json"].digest,
        "mix": catalog.files[MANIFEST].digest,
        "tokens": planned.data["tokens"],
        "deficit": planned.data["deficit"],
        "stages": planned.data["stages"],
        "formats": listed,
    }
    told = [r.digest for r in receipts if r.data["shard"]["format"] in INDEXES]  # their indexes hold hashes
    key = digest_of("index", VERSION, index, *([told] if told else []))
    conductor.here("index", Task("index", "shards", key, write_index, index))
    return index
