"""Decontamination as tasks: the benchmarks become one table, each document part is held against it.

written              what
contamination/items  the items of all benchmarks, with an embedding backend also their vectors
annotations/contamination  per document: its strongest match
contamination/…      every match, not aligned
edits/contamination  where the recipe says so: the matched spans, removed
"""

from __future__ import annotations

import glob
import io
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from classifiers import embedding
from manifests import edits, parts, schemas, storage
from manifests.receipts import digest_of, output
from pipelines import benchmarks
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.errors import RecipeError
from pipelines.recipe import Benchmark, Decontaminate
from pipelines.task import Made, Task

VERSION = 1
FOLDER = "contamination"
ITEMS = f"{FOLDER}/items.parquet"
VECTORS = f"{FOLDER}/vectors.npy"
ANNOTATION = f"annotations/{FOLDER}"
#: documents compared at once, which bounds the memory
_BATCH = 4096


@dataclass(frozen=True)
class _Search:
    part: str
    section: Decontaminate


def run(conductor: Conductor, catalog: Catalog, section: Decontaminate | None, fresh: list[str], suffix: str) -> None:
    """Compares the fresh parts with the benchmarks; without a section, what an earlier recipe left is deleted."""
    if section is None:
        conductor.forget(f"benchmarks{suffix}", f"contamination{suffix}")
        return
    if not suffix:
        found = [b.model_copy(update={"paths": _files(b)}) for b in section.benchmarks]
        digests = [[storage.digest(path) for path in b.paths] for b in found]
        said = [b.model_dump(mode="json", exclude={"paths"}) for b in found]
        key = digest_of("benchmarks", VERSION, said, digests, _backend_of(section))
        spec = section.model_copy(update={"benchmarks": found})
        catalog.add([conductor.here("benchmarks", Task("benchmarks", "items", key, write_items, spec))])
    tasks = [_task(catalog, p, section, suffix) for p in fresh]
    catalog.add(conductor.map(f"contamination{suffix}", tasks))


def _files(benchmark: Benchmark) -> list[str]:
    """The files of its patterns, in order; a file whose name looks like a pattern is itself."""
    found = {p: [p] if storage.is_file(p) else sorted(glob.glob(p, recursive=True)) for p in benchmark.paths}
    if missing := [pattern for pattern, files in found.items() if not files]:
        raise RecipeError(f"benchmark {benchmark.name}: no file matches {missing[0]}")
    return [file for files in found.values() for file in files]


def write_items(run: str, section: Decontaminate) -> Made:
    items = benchmarks.read(section.benchmarks)
    storage.write_table(storage.join(run, ITEMS), items, {"cuvee.schema": f"items/{schemas.VERSIONS['items']}"})
    outputs = [output(run, ITEMS, items.num_rows)]
    if section.embedding:
        vectors = embedding.encode(embedding.load(section.embedding.backend), items["question"].to_pylist())
        with storage.open_output(storage.join(run, VECTORS)) as out:
            np.lib.format.write_array(out, vectors, version=(1, 0), allow_pickle=False)
        outputs.append(output(run, VECTORS, items.num_rows))
    return Made(outputs, {"items": items.num_rows})


def _backend_of(section: Decontaminate) -> list[str]:
    """What stands for the embedding backend in keys: where it is, and its source."""
    backend = section.embedding.backend if section.embedding else ""
    return [backend, embedding.source_digest(backend)] if backend else []


def _task(catalog: Catalog, part: str, section: Decontaminate, suffix: str) -> Task:
    said = section.model_dump(mode="json", exclude={"benchmarks"})
    key = catalog.key(
        "contamination", VERSION, part, [parts.DOCUMENTS], catalog.files[ITEMS].digest, said, _backend_of(section)
    )
    return Task(f"contamination{suffix}", parts.task_name(part), key, search_part, _Search(part, section))


def search_part(run: str, spec: _Search) -> Made:
    """Every match of a part, the strongest of each document beside it, and the edits that cut them out."""
    from classifiers import contamination

    index = contamination.build(storage.read_table(storage.join(run, ITEMS)))
    meaning = None
    if spec.section.embedding:
        vectors = np.load(io.BytesIO(storage.read_bytes(storage.join(run, VECTORS))), allow_pickle=False)
        backend = embedding.load(spec.section.embedding.backend)
        meaning = contamination.Meaning(backend, vectors, spec.section.embedding.threshold)
    texts = parts.read(run, parts.DOCUMENTS, spec.part, ["text"])["text"]
    found = [pl.DataFrame(pl.from_arrow(schemas.MATCHES.empty_table()))]
    for first in range(0, len(texts), _BATCH):
        some = texts.slice(first, _BATCH)
        here = contamination.locate(some, index, threshold=spec.section.threshold, meaning=meaning)
        found.append(pl.DataFrame(pl.from_arrow(here)).with_columns(pl.col("row") + first))
    matches = pl.concat(found)
    ids = parts.ids_of(run, spec.part)
    best = _strongest(matches, len(texts))
    outputs = [parts.write(run, ANNOTATION, spec.part, best, schema="contamination", ids=ids)]
    if matches.height:
        table = matches.to_arrow().cast(schemas.MATCHES)
        outputs.append(parts.write(run, FOLDER, spec.part, table, schema="matches", ids=""))
    if spec.section.action == "remove":
        start, end, rows = (matches[c].to_numpy().astype(np.int64) for c in ("start", "end", "row"))
        by = (FOLDER + " " + matches["item"]).to_list()
        cut = edits.table(len(texts), rows, start, end, [""] * len(by), by)
        outputs.append(parts.write(run, edits.column(FOLDER), spec.part, cut, schema="edits", ids=ids))
    kinds = {f"kind:{kind}": n for kind, n in matches["kind"].value_counts().iter_rows()}
    counts = {"documents": len(texts), "contaminated": matches["row"].n_unique(), "matches": matches.height, **kinds}
    return Made(outputs, counts)


def _strongest(matches: pl.DataFrame, documents: int) -> pa.Table:
    """``schemas.CONTAMINATION``: of each document the match of the highest score, the first of equals."""
    best = matches.sort("score", descending=True, maintain_order=True).unique("row", keep="first", maintain_order=True)
    every = pl.DataFrame({"row": np.arange(documents)}).join(best, on="row", how="left", maintain_order="left")
    columns = every.select(
        contamination=pl.col("score").fill_null(0.0), contamination_kind="kind", contamination_item="item"
    )
    return columns.to_arrow().cast(schemas.CONTAMINATION)
