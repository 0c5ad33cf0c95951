"""The column ``duplicates`` of a part, as tasks: null where a document has no duplicate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from manifests import parts, schemas, storage
from pipelines.catalog import Catalog
from pipelines.exchange import rows_of
from pipelines.slices import Slice
from pipelines.stages.deduplicate.groups import COLUMN
from pipelines.stages.deduplicate.judge import FOUND
from pipelines.stages.deduplicate.places import task_name
from pipelines.task import Made, Task

VERSION = 2


def task(catalog: Catalog, part: str, slices: Sequence[Slice], suffix: str) -> Task:
    found = [(s.offset, s.count, s.digest) for s in slices]
    key = catalog.key("duplicates", VERSION, part, [parts.DOCUMENTS], found)
    return Task(f"duplicates{suffix}", task_name(part), key, write_part, (part, tuple(slices)))


def write_part(run: str, spec: tuple[str, tuple[Slice, ...]]) -> Made:
    part, slices = spec
    ids = storage.read_metadata(storage.join(run, parts.path(parts.DOCUMENTS, part)))
    frame = pl.DataFrame({"row": np.arange(int(ids["cuvee.rows"]))})
    empty = pl.DataFrame(pl.from_arrow(FOUND.empty_table()))
    found = [pl.DataFrame(pl.from_arrow(rows_of(storage.read_table(storage.join(run, s.path)), s))) for s in slices]
    joined = frame.join(pl.concat([empty, *found]).drop("part"), on="row", how="left", maintain_order="left")
    table = joined.drop("row").with_columns(pl.col("cluster_size", "blob").fill_null(1))
    made = parts.write(
        run, COLUMN, part, table.to_arrow().cast(schemas.DUPLICATES), schema="duplicates", ids=ids["cuvee.ids"]
    )
    return Made([made], {"documents": table.height})
