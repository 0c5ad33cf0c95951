"""``--dry-run``: every Beam job of a recipe, translated for its engine and written to files, offline.

The tasks of the first job are known. Those of a later job depend on what earlier ones make, so its graph holds
stand-ins, as many as the recipe lets expect: the shape, the coders and the options are the real ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from manifests import storage
from pipelines import inputs, recipe_file, recipe_paths
from pipelines.engines import Choice, Job, Translates, job_name, open_engine
from pipelines.errors import CuveeError
from pipelines.recipe import Recipe
from pipelines.slices import Slice
from pipelines.stages import read
from pipelines.task import Made, Task

FOLDER = "graphs"


@dataclass(frozen=True)
class Planned:
    """A Beam job to come. ``into`` names the consuming stage of an exchange."""

    stage: str
    tasks: tuple[Task, ...]
    into: str = ""


def write_graphs(path: str, run: str, choice: Choice) -> Iterator[str]:
    """Writes ``graphs/NAME/NN-STAGE.pb`` and ``.json`` for each job; yields the paths of the latter."""
    recipe = recipe_file.load(path)
    beside = Path(path).absolute().parent
    uri = run or recipe.run or f"runs/{recipe.name}"
    engine = open_engine(choice, recipe, inputs.local_folders(recipe, beside), uri)
    assert isinstance(engine, Translates)
    folder = Path(FOLDER) / recipe.name
    if folder.exists() and any(p.suffix not in (".pb", ".json") for p in folder.iterdir()):
        raise CuveeError(f"{folder} holds other files: move them, the graphs go there")
    from pipelines import graph

    for number, planned in enumerate(jobs(recipe, beside, uri)):
        if planned.into:
            build = graph.exchange_job(uri, planned.stage, planned.tasks, _consumer, engine.execute)
        else:
            build = graph.map_job(uri, planned.tasks, engine.execute)
        name = job_name(uri, planned.stage, [t.key for t in planned.tasks])
        made = engine.translate(Job(uri, name, len(planned.tasks), build))
        stem = str(folder / f"{number:02d}-{planned.stage}")
        storage.write_bytes(f"{stem}.pb", made.pipeline)
        storage.write_bytes(f"{stem}.json", made.description.encode())
        yield f"{stem}.json"


def jobs(recipe: Recipe, recipe_folder: Path, run: str) -> Iterator[Planned]:
    """The Beam jobs of a fresh run, in order. What the driver does itself is no job."""
    ingest = _ingest(recipe, recipe_folder, run)
    yield Planned("ingest", ingest)
    yield from later_jobs(recipe, len(ingest))


def later_jobs(recipe: Recipe, parts: int) -> Iterator[Planned]:
    """Those that follow when the ingest has made so many document parts."""
    yield from _curation(recipe, parts, "")
    if recipe.rephrase is not None:
        rewritten = ceil(recipe.rephrase.documents / 4)
        yield _standing_in("rephrase", rewritten)
        yield from _curation(recipe, rewritten, "-1")
        parts += rewritten
    if recipe.mix is not None:
        yield _standing_in("tokenizer", 1)
        yield _standing_in("pools", parts)
        yield _standing_in("permit", parts)
        yield _standing_in("proxies", ceil(recipe.mix.swarm.runs / recipe.mix.swarm.stack))
        if recipe.shards is not None:
            yield _standing_in("shards", ceil(recipe.mix.budget / recipe.shards.tokens) * len(recipe.shards.formats))


def _curation(recipe: Recipe, parts: int, suffix: str) -> Iterator[Planned]:
    yield _standing_in(f"annotate{suffix}", parts)
    yield _standing_in(f"licences{suffix}", parts)
    if recipe.annotate.quality is not None:
        if not suffix and recipe.annotate.quality.trained:
            yield _standing_in("train-quality", 1)
        if len(recipe.annotate.quality.model) + recipe.annotate.quality.trained > 1:
            yield _standing_in(f"quality-scores{suffix}", parts)
        yield _standing_in(f"quality{suffix}", parts)
        yield _standing_in(f"quality-rank{suffix}", parts)
    if recipe.decontaminate is not None:
        yield _standing_in(f"contamination{suffix}", parts)
    if recipe.dedup.exact or recipe.dedup.fuzzy:
        yield Planned(f"keys{suffix}", _stand_ins(f"keys{suffix}", parts), into=f"match{suffix}")
        yield _standing_in(f"texts{suffix}", parts)
        yield _standing_in(f"verify{suffix}", 1)
    yield _standing_in(f"duplicates{suffix}", parts)
    yield _standing_in(f"united{suffix}", parts)
    yield _standing_in(f"select{suffix}", parts)


def _ingest(recipe: Recipe, recipe_folder: Path, run: str) -> tuple[Task, ...]:
    """The tasks themselves where the files are on this machine, a stand-in for a pattern elsewhere."""
    patterns = [recipe_paths.pattern_path(p, recipe_folder, run) for s in recipe.sources for p in s.paths]
    if all(storage.is_local(p) for p in patterns) and not any(p.startswith(run) for p in patterns):
        files = inputs.list_inputs(recipe, recipe_folder, run)
        return tuple(read.task(split) for s in recipe.sources for split in read.splits(s, files[s.name]))
    return _stand_ins("ingest", len(patterns))


def _standing_in(stage: str, count: int) -> Planned:
    return Planned(stage, _stand_ins(stage, count))


def _stand_ins(stage: str, count: int) -> tuple[Task, ...]:
    return tuple(Task(stage, f"stand-in-{n:05d}", "", _not_yet, None) for n in range(count))


def _consumer(partition: int | str, slices: Sequence[Slice]) -> Task:
    return Task("stand-in", str(partition), "", _not_yet, tuple(slices))


def _not_yet(run: str, spec: object) -> Made:
    raise ValueError("a stand-in of a dry run: it is not for running")
