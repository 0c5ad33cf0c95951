"""``cuvee shard``: a mix manifest made into shards from the pools of a run, by the stage that a recipe uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests import receipts, report, storage, takedown
from manifests.mix import MixManifest
from manifests.receipts import Receipt, output
from mixing.manifest import found_pools
from mixing.pools import PoolFile, PoolSet
from pipelines import asked_shards
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.engines import LocalEngine
from pipelines.errors import CuveeError
from pipelines.jobs.emit import emit
from pipelines.progress import Progress
from pipelines.recipe import Shards
from pipelines.run_folder import RunFolder
from pipelines.stages import lineage, permit, pool
from pipelines.stages.solve import MANIFEST
from pipelines.telemetry import Listeners, RunLog

#: stages that come after the blend, which the catalog of a run knows nothing of when its shards are made
_AFTER = ("plan", "shards", "index", "lineage")


@dataclass(frozen=True)
class Blend:
    """A manifest and the run it is to be made from; ``pools`` are what the run's policy left of its pools."""

    run: str
    path: str
    manifest: MixManifest
    pools: tuple[PoolFile, ...]

    @property
    def own(self) -> bool:
        """Whether it is the blend that the run itself solved for."""
        uri = storage.join(self.run, MANIFEST)
        return storage.is_file(uri) and storage.digest(uri) == storage.digest(self.path)


def open_blend(mix: str, run: str) -> Blend:
    """``mix`` is a manifest, or a run folder that holds one; the run is found by it where it lies in one.

    CuveeError when there is no such run, or the manifest was not made of its pools.
    """
    path = mix if storage.is_file(mix) else storage.join(mix, MANIFEST)
    if not storage.is_file(path):
        raise CuveeError(f"{mix}: no such file" if not storage.exists(mix) else f"{mix}: no {MANIFEST} here")
    if not run:
        if not path.endswith(f"/{MANIFEST}"):
            raise CuveeError(f"{mix}: say of which run's pools it is to be made: --run RUN")
        run = path.removesuffix(f"/{MANIFEST}")
    if not storage.is_file(storage.join(run, "run.json")):
        raise CuveeError(f"{run}: no run folder here (it has no run.json)")
    run = str(Path(run).absolute()) if storage.is_local(run) else run
    try:
        manifest = MixManifest.read(path)
    except ValueError as error:
        raise CuveeError(str(error)) from None
    blend = Blend(run, path, manifest, tuple(permit.files(run)))
    _check(blend)
    return blend


def materialise(
    blend: Blend, form: str, *, tokens: int, out: str, workers: int, progress: Progress
) -> tuple[str, dict[str, Any]]:
    """Writes the shards of one format; returns the folder that holds ``shards/``, and their index.

    Without ``out`` they join those of the run, which then keeps them. CuveeError when other shards are in the way.
    """
    if not out and not blend.own:
        raise CuveeError(
            f"{blend.path} is not the blend of {blend.run}, whose shards/ holds its own: name a folder with --out"
        )
    with RunFolder(blend.run) as source:
        if left := takedown.unfinished(blend.run):
            raise CuveeError(f"takedown {left[0]} was interrupted: finish it with `cuvee takedown resume {blend.run}`")
        recipe = source.recipe()
        if not out:
            section = asked_shards.ask(blend.run, recipe.shards, form, tokens)
            return blend.run, _beside(source, section, blend, workers, progress)
        out = str(Path(out).absolute()) if storage.is_local(out) else out
        _claim(out, blend)
        section = asked_shards.ask(out, None, form, tokens, default=(recipe.shards or Shards()).tokens)
        with RunFolder(out) as folder:
            return out, _elsewhere(folder, section, blend, workers, progress)


def _beside(run: RunFolder, section: Shards, blend: Blend, workers: int, progress: Progress) -> dict[str, Any]:
    catalog = Catalog()
    catalog.add(r for r in _receipts(blend.run) if r.stage not in _AFTER)
    with LocalEngine(workers) as engine, progress as shown:
        conductor = Conductor(blend.run, engine, Listeners(shown, RunLog(blend.run)), run.check)
        index = emit(conductor, section, catalog, list(blend.pools))
        lineage.index(conductor, catalog, index)
    page = storage.join(blend.run, "report/index.html")
    if conductor.worked and storage.is_file(page):
        report.write(blend.run, page)
    return index


def _elsewhere(folder: RunFolder, section: Shards, blend: Blend, workers: int, progress: Progress) -> dict[str, Any]:
    storage.write_bytes(storage.join(folder.uri, MANIFEST), storage.read_bytes(blend.path))
    catalog = Catalog()
    catalog.add(r for r in _receipts(blend.run) if r.stage == "tokenizer")
    catalog.add([Receipt("solve", "mix", "", (output(folder.uri, MANIFEST),))])
    with LocalEngine(workers) as engine, progress as shown:
        conductor = Conductor(folder.uri, engine, Listeners(shown), folder.check)
        return emit(conductor, section, catalog, list(blend.pools), source=blend.run)


def _claim(out: str, blend: Blend) -> None:
    """CuveeError where something else lies there."""
    there = storage.join(out, MANIFEST)
    if storage.is_file(storage.join(out, "run.json")):
        raise CuveeError(f"--out {out}: this is a run folder; leave --out out to add to a run's own shards")
    if storage.is_file(there) and storage.digest(there) != storage.digest(blend.path):
        raise CuveeError(f"--out {out}: it holds the shards of another blend: name another folder")


def _receipts(run: str) -> list[Receipt]:
    found = (receipts.read(run, stage, task) for stage in receipts.stages(run) for task in receipts.tasks(run, stage))
    return [r for r in found if r is not None]


def _check(blend: Blend) -> None:
    """CuveeError when the manifest asks what the run's pools cannot give, or speaks of other pools."""
    run, path, manifest = blend.run, blend.path, blend.manifest
    if not blend.pools:
        raise CuveeError(f"{run}: it has no pools: its recipe has no `mix`, or it is not finished")
    if not manifest.budget:
        raise CuveeError(f"{path}: it has weights but no budget: solve with --budget TOKENS, or write it in")
    tokenizer = storage.digest(storage.join(run, pool.MODEL))
    if manifest.tokenizer and manifest.tokenizer != tokenizer:
        raise CuveeError(f"{path}: made with another tokenizer than that of {run}: name its own run with --run")
    here = found_pools(PoolSet.open(run, blend.pools))
    domains = sorted({s.partition("~")[0] for s in here})
    for name, domain in manifest.domains.items():
        if domain.tokens and name not in domains:
            raise CuveeError(f"{path}: domain {name!r} has no pools in {run}; there are {', '.join(domains)}")
        if domain.tokens and not domain.pools:
            raise CuveeError(f"{path}: domain {name!r} names no pools: solve from the run folder, not from tables")
        if unknown := [s for s in domain.pools if s not in here]:
            raise CuveeError(f"{path}: {run} has no pool {unknown[0]!r}, of domain {name!r}")
        held = sum(here[s].tokens for s in domain.pools)
        changed = [s for s in domain.pools if manifest.pools.get(s, here[s]) != here[s]]
        if changed or (domain.pools and not manifest.pools and held != domain.available):
            what = changed[0] if changed else name
            raise CuveeError(f"{path}: made of other pools than those of {run} ({what} differs): solve again")


def summary(folder: str, index: dict[str, Any], form: str) -> list[str]:
    """What was written, in lines."""
    shards = index["formats"][form]
    tokens, documents = (sum(s[k] for s in shards) for k in ("tokens", "documents"))
    where = storage.join(folder, "shards", form)
    lines = [f"{where}: {len(shards)} shards, {documents:,} documents, {tokens:,} tokens"]
    short = {d: n for d, n in sorted(index["deficit"].items()) if n}
    if short:
        listed = ", ".join(f"{d} {n:,}" for d, n in short.items())
        lines.append(f"tokens that whole documents could not fill: {listed}")
    return lines
