"""A policy applied to pools: files whose documents are all permitted pass as they are, mixed ones are copied in part.

Each document's evidence signature is decided, equal ones once. Neither documents nor pools change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from manifests import edits, parts, receipts, storage
from manifests.policy import Policy
from manifests.receipts import Output, digest_of, output
from manifests.signatures import Signature
from mixing.pools import PoolFile, PoolSet, Spans
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Mix
from pipelines.stages import licences
from pipelines.task import Made, Task

VERSION = 3
FOLDER = "permitted"


@dataclass(frozen=True)
class _Permit:
    part: str
    files: tuple[PoolFile, ...]
    policy: Policy
    edits: tuple[str, ...]  #: of the view that was tokenized


def policy_of(section: Mix) -> Policy:
    """The policy of a recipe, as of its date."""
    policy = Policy.load(section.policy)
    return policy if section.as_of is None else replace(policy, as_of=section.as_of)


def run(conductor: Conductor, catalog: Catalog, files: Sequence[PoolFile], policy: Policy) -> list[PoolFile]:
    """The pool files that the policy leaves, in the order of their paths."""
    by_part: dict[str, list[PoolFile]] = {}
    for file in files:
        by_part.setdefault(_part_of(file), []).append(file)
    tasks = []
    for part, found in sorted(by_part.items()):
        digests, view = [f.digest for f in found], tuple(catalog.edits(part))
        key = digest_of("permit", VERSION, policy.digest, digests, catalog.digest(licences.UNITED, part))
        tasks.append(Task("permit", parts.task_name(part), key, permit_part, _Permit(part, tuple(found), policy, view)))
    made = conductor.map("permit", tasks)
    catalog.add(made)
    return sorted((PoolFile(**f) for r in made for f in r.data["files"]), key=lambda f: f.path)


def files(run: str) -> list[PoolFile]:
    """What a finished run's policy left of its pools, in the order of their paths; empty where it has none."""
    found = [receipts.read(run, "permit", t) for t in receipts.tasks(run, "permit")]
    return sorted((PoolFile(**f) for r in found if r for f in r.data["files"]), key=lambda f: f.path)


def _part_of(file: PoolFile) -> str:
    """SOURCE/part-… of a pool file's name, ``train-SOURCE.part-….npy``."""
    name = file.path.rsplit("/", 1)[-1].removesuffix(".npy").split("-", 1)[1]
    return name.replace(".", "/", 1)


def permit_part(run: str, spec: _Permit) -> Made:
    folder = storage.join(run, parts.path(licences.UNITED_SIGNATURES, spec.part))
    interned = pl.DataFrame(pl.from_arrow(storage.read_table(folder)))
    decided = {
        n: spec.policy.decide(Signature.from_json(e)) for n, e in interned.select("signature", "evidence").iter_rows()
    }
    names = parts.read(run, licences.UNITED, spec.part, ["signature"])["signature"].to_pylist()
    allowed = np.array([decided[n].action == "allow" for n in names], bool)
    pools = PoolSet.open(run, spec.files)
    kept: list[PoolFile] = []
    outputs: list[Output] = []
    counts: Counter[str] = Counter()
    for i, file in enumerate(pools.files):
        spans = pools.spans(i)
        for row, tokens in zip(spans.row.tolist(), spans.lengths.tolist(), strict=True):
            decision = decided[names[row]]
            counts[f"documents:{decision.action}"] += 1
            counts[f"tokens:{decision.action}"] += tokens
            counts[f"reason:{decision.reason}"] += tokens
        keep = allowed[spans.row]
        if keep.all():
            kept.append(file)
        elif keep.any():
            made = _part_of_pool(run, pools, i, keep, spec)
            kept.append(made)
            outputs += [output(run, made.path, made.tokens), output(run, made.spans_path, made.documents)]
    return Made(outputs, dict(counts), {"files": [f.as_dict() for f in kept]})


def _part_of_pool(run: str, pools: PoolSet, i: int, keep: np.ndarray, spec: _Permit) -> PoolFile:
    """The permitted documents of a pool file as one of its own."""
    file, spans, tokens = pools.files[i], pools.spans(i), pools.array(i)
    chosen = np.flatnonzero(keep)
    pieces = [tokens[a:b] for a, b in zip(spans.start[chosen].tolist(), spans.end[chosen].tolist(), strict=True)]
    end = np.cumsum(spans.lengths[chosen])
    path = f"{FOLDER}/{file.path.removeprefix('pools/')}"
    uri = storage.join(run, path)
    with storage.open_output(uri) as out:
        np.lib.format.write_array(out, np.concatenate(pieces), version=(1, 0), allow_pickle=False)
    Spans(end - spans.lengths[chosen], end, spans.part[chosen], spans.row[chosen], spans.parts).write(
        storage.join(run, path.removesuffix(".npy") + ".spans.parquet"), policy=spec.policy.digest
    )
    texts = edits.view(run, spec.part, spec.edits).texts.take(pa.array(spans.row[chosen]))
    size = pc.sum(pc.binary_length(texts)).as_py()
    return replace(file, path=path, tokens=int(end[-1]), documents=len(chosen), bytes=size, digest=storage.digest(uri))
