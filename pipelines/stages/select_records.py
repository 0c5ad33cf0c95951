"""Records of a crawl, chosen by a condition over its columnar index: one task a file of the index."""

from __future__ import annotations

from dataclasses import dataclass

from manifests import storage
from manifests.receipts import digest_of, output
from pipelines import crawl_index
from pipelines.conductor import Conductor
from pipelines.errors import RunFailed
from pipelines.recipe import Recipe, Source
from pipelines.sources.common_crawl import SELECTION_SUFFIX
from pipelines.stages.make import FOLDER
from pipelines.task import Made, Task

VERSION = 1
STAGE = "select-records"


@dataclass(frozen=True)
class _Choice:
    source: Source
    index: str


def select_records(conductor: Conductor, recipe: Recipe) -> None:
    """Writes ``inputs/SOURCE/*.selection.parquet`` for every source that has a condition over the index."""
    tasks: list[Task] = []
    for source in (s for s in recipe.sources if s.kind == "common_crawl" and s.where):
        try:
            indexes = crawl_index.index_parts(source.base, source.crawl)
        except ValueError as error:
            raise RunFailed(f"source {source.name!r}: {error}") from None
        for index in indexes:
            key = digest_of(STAGE, VERSION, source.base, source.crawl, source.segments, source.where, index)
            name = f"{source.name}.{digest_of(index)[:16]}"
            tasks.append(Task(STAGE, name, key, select_of_index, _Choice(source, index)))
    if tasks:
        conductor.map(STAGE, tasks)
    else:
        conductor.forget(STAGE)


def select_of_index(run: str, spec: _Choice) -> Made:
    """Filters one file of the index; where it chooses nothing, nothing is written."""
    source = spec.source
    allowed = set(crawl_index.files(source.base, source.crawl, "warc", source.segment_range))
    table = crawl_index.chosen(storage.join(source.base, spec.index), source.where, allowed)
    counts = {"records": table.num_rows}
    if not table.num_rows:
        return Made([], counts)
    path = f"{FOLDER}/{source.name}/{digest_of(spec.index)[:16]}{SELECTION_SUFFIX}"
    storage.write_table(storage.join(run, path), table)
    return Made([output(run, path, table.num_rows)], counts)
