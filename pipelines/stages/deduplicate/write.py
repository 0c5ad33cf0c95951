"""The column ``duplicates`` of a part, as tasks: null where a document has no duplicate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from manifests import parts, schemas, storage
from pipelines.catalog import Catalog
from pipelines.exchange import read_rows
from pipelines.slices import Slice
from pipelines.stages.deduplicate.groups import COLUMN
from pipelines.stages.deduplicate.judge import FOUND
from pipelines.task import Made, Task

VERSION = 3
#: what a comparison by meaning says anew of a document; the rest is as it was, but for its nearest where it goes
_SAID = ("survivor", "kind", "score", "cluster", "cluster_size")


@dataclass(frozen=True)
class _Found:
    part: str
    judged: tuple[Slice, ...]
    meant: tuple[Slice, ...]


def task(catalog: Catalog, part: str, judged: Sequence[Slice], meant: Sequence[Slice], suffix: str) -> Task:
    """``judged`` are the rows that were compared by their shingles, ``meant`` those of like meaning."""
    found = [[(s.offset, s.count, s.digest) for s in some] for some in (judged, meant)]
    key = catalog.key("duplicates", VERSION, part, [parts.DOCUMENTS], found)
    return Task(
        f"duplicates{suffix}", parts.task_name(part), key, write_part, _Found(part, tuple(judged), tuple(meant))
    )


def write_part(run: str, spec: _Found) -> Made:
    ids = storage.read_metadata(storage.join(run, parts.path(parts.DOCUMENTS, spec.part)))
    rows = pl.DataFrame({"row": np.arange(int(ids["cuvee.rows"]))})
    table = rows.join(_read(run, spec.judged), on="row", how="left", maintain_order="left")
    meant = _read(run, spec.meant).select("row", *_SAID)
    table = table.join(meant, on="row", how="left", maintain_order="left", suffix="_meant")
    table = table.with_columns(pl.coalesce(f"{name}_meant", name).alias(name) for name in _SAID)
    table = table.with_columns(
        pl.when(pl.col("survivor").is_null()).then(name).alias(name) for name in ("nearest", "nearest_score")
    )
    table = table.with_columns(pl.col("cluster_size", "blob").fill_null(1)).select(schemas.DUPLICATES.names)
    made = parts.write(
        run, COLUMN, spec.part, table.to_arrow().cast(schemas.DUPLICATES), schema="duplicates", ids=ids["cuvee.ids"]
    )
    return Made([made], {"documents": table.height})


def _read(run: str, slices: Sequence[Slice]) -> pl.DataFrame:
    empty = pl.DataFrame(pl.from_arrow(FOUND.empty_table()))
    found = [pl.DataFrame(pl.from_arrow(read_rows(run, s))) for s in slices]
    return pl.concat([empty, *found]).drop("part")
