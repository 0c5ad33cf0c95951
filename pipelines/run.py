"""The whole way: a recipe in, shards and a report out. The five jobs one after another, each resumable."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from manifests import takedown
from manifests.mix import MixManifest
from mixing import proxy
from pipelines import asked_shards, inputs, recipe_file, recipe_paths
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.engines import Choice, open_engine
from pipelines.errors import RunFailed
from pipelines.jobs.answer import answer
from pipelines.jobs.curate import curate
from pipelines.jobs.emit import emit
from pipelines.jobs.ingest import ingest
from pipelines.jobs.mix import mix
from pipelines.openlineage import OpenLineage
from pipelines.progress import Progress
from pipelines.recipe import Recipe
from pipelines.run_folder import RunFolder, description
from pipelines.stages import lineage, make, reviews, rewrite
from pipelines.stages.select_records import select_records
from pipelines.telemetry import Listeners, RunLog


@dataclass
class Summary:
    """What a run did, for the table at its end."""

    run: str
    worked: bool
    catalog: Catalog
    failures: list[str] = field(default_factory=list)
    report: str = ""
    manifest: MixManifest | None = None
    shards: dict[str, Any] = field(default_factory=dict)


def run_recipe(
    path: str, *, run: str = "", workers: int = 0, progress: Progress | None = None, engine: Choice | None = None
) -> Summary:
    """Runs a recipe in its run folder, doing only what is not done yet.

    ``engine`` chooses where it runs; ``workers`` is for the local engine. Raises RecipeError before any work, RunFailed
    when the run ended early (running again resumes).
    """
    recipe = recipe_file.load(path)
    uri = run or recipe.run or f"runs/{recipe.name}"
    uri = uri if "://" in uri else str(Path(uri).absolute())
    beside = Path(path).absolute().parent
    opened = open_engine(
        engine or Choice(workers=workers),
        recipe,
        inputs.local_folders(recipe, beside),
        uri,
        ahead=proxy.prepare if recipe.mix else None,
    )
    with RunFolder(uri) as folder, opened as where, progress or Progress() as shown:
        if left := takedown.unfinished(uri):
            raise RunFailed(f"takedown {left[0]} was interrupted: finish it with `cuvee takedown resume {uri}`")
        before = folder.record()
        folder.write_record(**description(recipe, path, where.workers))
        listeners = Listeners(shown, RunLog(uri), OpenLineage(uri, recipe.name))
        conductor = Conductor(uri, where, listeners, folder.check)
        summary = None
        try:
            complete = recipe_paths.resolved(recipe, beside, uri)
            if where.remote:
                complete = inputs.carried(complete, uri)
            summary = _stages(conductor, complete, beside, folder)
        finally:
            idle = summary is not None and not summary.worked and before.get("finished")
            # the record tells of the last run that did something
            folder.write_record(**(before if idle else _outcome(conductor, folder)))
        return summary


def _outcome(conductor: Conductor, folder: RunFolder) -> dict[str, Any]:
    """A report that was written says when the run was finished, and stays right."""
    return {
        "stages": conductor.described(),
        "failures": [asdict(f) for f in conductor.failures],
        "finished": folder.record().get("finished") or datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _stages(conductor: Conductor, recipe: Recipe, recipe_folder: Path, folder: RunFolder) -> Summary:
    catalog = Catalog()
    if make.missing(conductor.run, recipe.inputs):
        conductor.map("inputs", [make.task(name, made) for name, made in recipe.inputs.items()], on_driver=True)
    select_records(conductor, recipe)
    files = inputs.list_inputs(recipe, recipe_folder, conductor.run)
    book = reviews.read(conductor.run, recipe.licences.reviews)
    folder.write_record(
        inputs=inputs.record(files, conductor.run, recipe),
        reviews=reviews.record(conductor.run, recipe.licences.reviews),
    )

    ingest(conductor, recipe, files, catalog)
    curate(conductor, recipe, catalog, book)
    if recipe.rephrase is not None:
        tasks = rewrite.tasks(conductor.run, catalog, recipe.rephrase, recipe.seed, made=recipe.made)
        catalog.add(conductor.map("rephrase", tasks))
        curate(conductor, recipe, catalog, book, generation=1)
    else:
        conductor.forget("rephrase", "*-1")
    summary = Summary(conductor.run, False, catalog)
    asked = asked_shards.section(conductor.run, recipe.shards)
    if recipe.mix is not None:
        pools, summary.manifest = mix(conductor, recipe, catalog)
        if asked is not None:
            summary.shards = emit(conductor, asked, catalog, pools)
    if recipe.mix is None:  # what is quickly made again, and would speak of other documents; proxies are dear
        conductor.forget("solve", "permit")
    if asked is None:
        conductor.forget("plan", "shards", "index")
    lineage.index(conductor, catalog, summary.shards)
    summary.worked = conductor.worked
    summary.report = answer(conductor, folder)
    summary.failures = [f"{f.stage}: {f.task}: {f.message}" for f in conductor.failures]
    return summary
