"""Identity: an id names one document of the run, the first that has it.

Within a part the reader sees to that; parts are read apart, and two files may hold the same records (overlapping
crawls, a file given twice) or number theirs alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests import parts, schemas
from manifests.receipts import digest_of
from pipelines.catalog import Catalog
from pipelines.task import Made, Task

VERSION = 1
COLUMN = "annotations/identity"


@dataclass(frozen=True)
class _Parts:
    earlier: tuple[str, ...]
    fresh: tuple[str, ...]


def task(catalog: Catalog, fresh: Sequence[str], suffix: str) -> Task:
    spec = _Parts(tuple(sorted(set(catalog.parts()) - set(fresh))) if suffix else (), tuple(fresh))
    digests = [(p, catalog.digest(parts.DOCUMENTS, p)) for p in (*spec.earlier, *spec.fresh)]
    key = digest_of("identity", VERSION, digests, len(spec.earlier))
    return Task(f"identity{suffix}", "documents", key, mark_repeats, spec)


def mark_repeats(run: str, spec: _Parts) -> Made:
    """One column part for each fresh part. Earlier parts, then parts in the order of their names, come first."""
    names = [*spec.earlier, *spec.fresh]
    ids = [_ids(run, part) for part in names]
    bounds = np.cumsum([len(i) for i in ids])
    repeats = np.split(_repeats(np.concatenate(ids)), bounds[:-1]) if ids else []
    outputs = []
    for part, column in list(zip(names, repeats, strict=True))[len(spec.earlier) :]:
        table = pa.table({"repeats_id": column}, schema=schemas.IDENTITY)
        outputs.append(parts.write(run, COLUMN, part, table, schema="identity", ids=parts.ids_of(run, part)))
    return Made(outputs, {"documents": sum(o.rows for o in outputs)})


def _ids(run: str, part: str) -> npt.NDArray[np.void]:
    """The ids of a part, 16 bytes each."""
    ids = parts.read(run, parts.DOCUMENTS, part, ["id"])["id"].to_pylist()
    return np.frombuffer(bytes.fromhex("".join(ids)), "V16")


def _repeats(ids: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """True where the same value stands further up."""
    halves = ids.view([("high", ">u8"), ("low", ">u8")])
    order = np.lexsort((halves["low"], halves["high"]))  # stable: the first of equals stays the first
    ordered = ids[order]
    repeats = np.zeros(len(ids), bool)
    repeats[order[1:]] = ordered[1:] == ordered[:-1]
    return repeats
