"""A sample of a recipe's splits, really ingested and curated in a run folder that is then deleted, and what it tells.

What a split gave stands for as much more as the source has bytes to those sampled. Duplicates that were not sampled
together are not seen: what is kept, and the tokens, are upper bounds.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from manifests import parts, receipts, storage
from manifests.receipts import Receipt
from mixing.pools import SPLITS
from mixing.tokenizer import Tokenizer
from pipelines import inputs
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.engines import LocalEngine
from pipelines.errors import CuveeError, RunFailed
from pipelines.jobs.curate import curate
from pipelines.planning import Range, RunPlan, SourcePlan
from pipelines.progress import Progress
from pipelines.recipe import Recipe
from pipelines.rephrase import chunks, styles
from pipelines.sources import SourceFile
from pipelines.stages import pool, read, reviews, rewrite
from pipelines.telemetry import Listeners

#: what a folder of the run holds, for people; what is in none of them is a column beside the documents
_STORED = {"documents": "documents", "exchange": "keys", "pools": "pools", "models": "models"}
#: trained once, on a sample of bounded size: more documents make no more of it
_ONCE = ("tokenizer", "train-")
#: a sample of fewer bytes is done twice, as the start of the workers, their imports and kernels, would weigh in it
_SMALL = 64e6
#: matching documents whose chunks are counted
_CHUNKED = 500


@dataclass
class Estimate:
    """Of a source, or of all: ``splits`` and ``bytes`` as sampled, the counts extrapolated."""

    splits: float = 0.0
    bytes: float = 0.0
    sampled: float = 0.0  #: documents
    documents: float = 0.0
    kept: float = 0.0
    tokens: float = 0.0
    text: float = 0.0  #: bytes of what was tokenized

    def add(self, other: Estimate) -> None:
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Sampled:
    """What the sample tells of the whole run; ``calls`` are of the rephrasing model, None without one."""

    sources: dict[str, Estimate]
    total: Estimate
    storage: dict[str, float] = field(default_factory=dict)  #: bytes, by what is stored
    cpu: dict[str, float] = field(default_factory=dict)  #: seconds, by stage
    calls: float | None = None
    ocr: float = 0.0  #: pages


def choose(source: SourcePlan, share: float, seed: int) -> list[Range]:
    """A share of the splits, at least one, by the seed."""
    count = max(1, int(share * len(source.splits)))
    order = np.random.default_rng([seed, *source.source.name.encode()]).permutation(len(source.splits))
    return [source.splits[i] for i in sorted(order[:count].tolist())]


def sample(plan: RunPlan, share: float, *, workers: int, progress: Progress) -> Sampled:
    """Runs the sample and extrapolates from it. CuveeError where there is nothing to sample, or it is too small."""
    chosen = {s.source.name: choose(s, share, plan.recipe.seed) for s in plan.sources if s.splits}
    if not chosen:
        raise CuveeError("--sample: the inputs are not made yet: nothing to sample")
    there = [s.source for s in plan.sources if s.splits]
    recipe = plan.recipe.model_copy(update={"sources": there})
    small = sum(r.bytes for of in chosen.values() for r in of) < _SMALL
    with tempfile.TemporaryDirectory(prefix="cuvee-plan-") as folder:
        with LocalEngine(workers) as engine, progress as shown:
            for run in [f"{folder}/warm"] * small + [f"{folder}/sample"]:
                catalog = Catalog()
                try:
                    _curate(Conductor(run, engine, Listeners(shown)), recipe, chosen, catalog)
                except RunFailed as error:
                    raise CuveeError(f"the sample is too small, or the recipe fails on it: {error}") from None
        found = _extrapolated(plan, chosen, run)
        if recipe.rephrase:
            found.calls = _calls(run, recipe, catalog, found)
        _shards(plan.recipe, run, found)
        return found


def _curate(conductor: Conductor, recipe: Recipe, chosen: Mapping[str, list[Range]], catalog: Catalog) -> None:
    tasks = []
    for source in recipe.sources:
        checksum: Callable[[storage.Entry], str] = inputs.Checksums(conductor.run).checksum
        for file, ranges in _by_file(chosen[source.name]):
            entry = storage.stat(file.uri)
            known = replace(file, checksum=checksum(entry)) if entry else file
            wanted = {(r.start, r.end) for r in ranges}
            splits = read.splits(source, [known], tuple(recipe.deny))
            tasks += [read.task(s) for s in splits if (s.start, s.end) in wanted]
    catalog.add(conductor.map("ingest", tasks, tolerate=len(tasks)))
    if not catalog.parts():
        rejects = catalog.count("ingest", "rejects")
        raise RunFailed(f"no documents in {len(tasks)} splits; {rejects} rejects, {len(conductor.failures)} failures")
    curate(conductor, recipe, catalog, reviews.read(conductor.run, recipe.licences.reviews))
    if recipe.tokenizer is not None:
        pool.run(conductor, recipe, catalog)


def _by_file(ranges: list[Range]) -> list[tuple[SourceFile, list[Range]]]:
    found: dict[str, list[Range]] = {}
    for r in ranges:
        found.setdefault(r.file.uri, []).append(r)
    return [(of[0].file, of) for of in found.values()]


def _extrapolated(plan: RunPlan, chosen: Mapping[str, list[Range]], run: str) -> Sampled:
    sizes = {s.source.name: sum(r.bytes for r in chosen[s.source.name]) for s in plan.sources if s.splits}
    whole = {s.source.name: float(s.bytes) for s in plan.sources if s.splits}
    factor = {name: whole[name] / sizes[name] if sizes[name] else 1.0 for name in sizes}
    overall = sum(whole.values()) / max(sum(sizes.values()), 1.0)
    found = Sampled({n: Estimate(len(chosen[n]), sizes[n]) for n in sizes}, Estimate())
    stored: defaultdict[str, float] = defaultdict(float)
    cpu: defaultdict[str, float] = defaultdict(float)
    for receipt in _receipts(run):
        source = receipt.task.rsplit(".part-", 1)[0]
        times = factor.get(source, 1.0 if receipt.stage.startswith(_ONCE) else overall)
        cpu[receipt.stage] += receipt.cpu_seconds * times
        for output in receipt.outputs:
            stored[_STORED.get(output.path.split("/")[0], "annotations")] += output.bytes * times
        if source in factor:
            found.sources[source].add(_counted(receipt, times))
            if receipt.stage == "ingest":
                found.ocr += receipt.counts.get("pages:ocr", 0) * times
    for estimate in found.sources.values():
        found.total.add(estimate)
    found.storage, found.cpu = dict(stored), dict(cpu)
    return found


def _counted(receipt: Receipt, times: float) -> Estimate:
    counts = receipt.counts
    if receipt.stage == "ingest":
        documents = counts.get("documents", 0)
        return Estimate(sampled=documents, documents=documents * times)
    if receipt.stage == "select":
        return Estimate(kept=counts.get("kept", 0) * times)
    if receipt.stage == "pools":
        size = sum(f["bytes"] for f in receipt.data["files"])
        return Estimate(tokens=counts.get("tokens", 0) * times, text=size * times)
    return Estimate()


def _receipts(run: str) -> list[Receipt]:
    found = (receipts.read(run, stage, task) for stage in receipts.stages(run) for task in receipts.tasks(run, stage))
    return [r for r in found if r is not None]


def _calls(run: str, recipe: Recipe, catalog: Catalog, found: Sampled) -> float:
    """A call a chunk of every document that meets the condition, of as many as the recipe wants."""
    assert recipe.rephrase is not None
    # of a small sample much is held out, of the whole little: all is counted
    matching = rewrite.matching(run, catalog, recipe.rephrase, made=recipe.made, splits=SPLITS)
    if not matching.height or not found.total.sampled:
        return 0.0
    documents = matching.height / found.total.sampled * found.total.documents
    limit, pieces = styles.get(recipe.rephrase.style).chunk, 0
    some = matching.head(_CHUNKED)
    for (part,), rows in some.group_by("part"):
        texts = parts.read(run, parts.DOCUMENTS, str(part), ["text"])["text"]
        pieces += sum(len(chunks.split(texts[r].as_py(), limit)) for r in rows["row"].to_list())
    return min(float(recipe.rephrase.documents), documents) * pieces / some.height


def _shards(recipe: Recipe, run: str, found: Sampled) -> None:
    """The shards hold the budget, once a format."""
    if recipe.mix is None or recipe.shards is None:
        return
    width = Tokenizer.load(storage.join(run, pool.MODEL)).dtype.itemsize
    found.storage["shards"] = float(recipe.mix.budget * width * len(recipe.shards.formats))
