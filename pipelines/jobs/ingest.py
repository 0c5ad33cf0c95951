"""Ingest: from files to documents, with the evidence recorded at the door. Text is written here, once."""

from __future__ import annotations

from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.errors import RunFailed
from pipelines.recipe import Recipe
from pipelines.sources import SourceFile
from pipelines.stages import read


def ingest(conductor: Conductor, recipe: Recipe, files: dict[str, list[SourceFile]], catalog: Catalog) -> None:
    """Makes the documents of every source; stops when there is none."""
    deny = tuple(recipe.deny)
    tasks = [read.task(split) for source in recipe.sources for split in read.splits(source, files[source.name], deny)]
    catalog.add(conductor.map("ingest", tasks, tolerate=recipe.tolerance.failed_splits))
    if not catalog.parts():
        raise RunFailed(
            f"ingest: no documents; {catalog.count('ingest', 'rejects')} rejects, see {conductor.run}/rejects"
        )
