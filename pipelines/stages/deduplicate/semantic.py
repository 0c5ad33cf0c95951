"""Duplicates by meaning, as tasks: among the documents that nothing else removed, and only where the recipe asks.

vectors   each part embeds its documents that pass the rules and stay
centres   k-means on a sample of the vectors, by the driver
assign    each part writes its vectors by the nearest centre: an exchange
meaning   each partition compares the documents of a centre, best copy first

A document for which another went already stays; so every survivor stays. Documents of later generations (rephrasings)
mean what their originals do and are not compared, nor are those of earlier runs. Memory: the vectors of a part, or of a
partition of ``_DOCUMENTS``, four bytes a number, three times; and the texts of a part.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from classifiers import embedding
from dedup import semantic
from manifests import parts, storage
from manifests.receipts import Receipt, digest_of, output
from pipelines import conditions, selection
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.exchange import gather, raw, read_rows, write_keys
from pipelines.recipe import Recipe, Rule, Semantic
from pipelines.slices import Slice
from pipelines.stages.deduplicate.judge import FOUND, part_slices
from pipelines.stages.deduplicate.places import FOLDER
from pipelines.stages.deduplicate.preference import READ, preference
from pipelines.stages.deduplicate.texts import QUALITY
from pipelines.task import Made, Task

VERSION = 1
CENTRES = f"{FOLDER}/centres.npy"
STAGES = ("vectors", "centres", "assign", "meaning")
#: documents of a partition on average; texts embedded at once
_DOCUMENTS = 200_000
_BATCH = 1024


def run(
    conductor: Conductor,
    recipe: Recipe,
    catalog: Catalog,
    fresh: Sequence[str],
    found: Mapping[int | str, Sequence[Slice]],
) -> tuple[list[Receipt], list[Receipt]]:
    """Receipts of the vectors of each fresh part, and of what was compared. ``found`` is what was removed before."""
    section = recipe.dedup.semantic
    if section is None:
        conductor.forget(*STAGES)
        return [], []
    tasks = [_vectors_task(catalog, p, section, recipe, found.get(p, ())) for p in fresh]
    embedded = conductor.map("vectors", tasks)
    if not (documents := sum(r.counts["vectors"] for r in embedded)):
        conductor.forget(*STAGES[1:])
        return embedded, []
    files = [r.outputs[0] for r in embedded]
    key = digest_of("centres", VERSION, [f.digest for f in files], recipe.seed)
    spec = (tuple(f.path for f in files), tuple(f.rows for f in files), recipe.seed)
    centres = conductor.here("centres", Task("centres", "centres", key, write_centres, spec)).outputs[0]
    size = next(r.counts["numbers"] for r in embedded if r.counts["vectors"])
    partitions = -(-documents // _DOCUMENTS)
    assign = [
        Task("assign", parts.task_name(p), digest_of("assign", VERSION, f.digest, centres.digest, partitions),
             assign_part, (p, f.path, size, partitions))
        for p, f in zip(fresh, files, strict=True) if f.rows
    ]  # fmt: skip
    columns = [parts.DOCUMENTS, *([QUALITY] if recipe.annotate.quality else [])]
    content = digest_of([catalog.digest(c, p) for p in fresh for c in columns])
    sources = tuple(s.name for s in recipe.sources)
    judging = _Judging(section.threshold, tuple(recipe.dedup.survivor), sources, size, recipe.seed, len(columns) > 1)
    return embedded, conductor.exchange(
        "assign", assign, partial(_meaning_task, judging=judging, content=content), into="meaning"
    )


@dataclass(frozen=True)
class _Vectors:
    part: str
    section: Semantic
    rules: tuple[Rule, ...]
    made: tuple[str, ...]
    found: tuple[Slice, ...]


def _vectors_task(catalog: Catalog, part: str, section: Semantic, recipe: Recipe, found: Sequence[Slice]) -> Task:
    spec = _Vectors(part, section, tuple(recipe.select.rules), recipe.made, tuple(found))
    said = [section.backend, embedding.source_digest(section.backend), section.characters]
    said += [[r.model_dump(mode="json") for r in spec.rules], [(s.offset, s.count, s.digest) for s in found]]
    columns = [parts.DOCUMENTS, *conditions.columns(recipe.made)]
    return Task(
        "vectors", parts.task_name(part), catalog.key("vectors", VERSION, part, columns, *said), write_vectors, spec
    )


def _path(part: str) -> str:
    return f"{FOLDER}/vectors/{part}.parquet"


def write_vectors(run: str, spec: _Vectors) -> Made:
    """Of each document that stays: its row, the bytes of its text, the copies it has, and its vector."""
    documents = conditions.frame(run, spec.part, spec.made)
    passing = selection.reasons(documents, spec.rules).is_null()
    copies = np.ones(documents.height, np.int32)
    staying = passing.to_numpy().copy()
    for piece in spec.found:
        rows = pl.DataFrame(pl.from_arrow(read_rows(run, piece)))
        at = rows["row"].to_numpy()
        copies[at] = rows["cluster_size"].to_numpy()
        staying[at] &= rows["survivor"].is_null().to_numpy()
    at = np.flatnonzero(staying)
    texts = parts.read(run, parts.DOCUMENTS, spec.part, ["text"])["text"].take(pa.array(at))
    backend = embedding.load(spec.section.backend)
    blocks = []
    for start in range(0, len(texts), _BATCH):
        some = texts.slice(start, _BATCH).to_pylist()
        blocks.append(embedding.encode(backend, [t[: spec.section.characters] for t in some]))
    vectors = np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)
    telling = vectors.any(axis=1)
    lengths = pl.Series(pl.from_arrow(texts)).str.len_bytes().to_numpy()
    table = pa.table(
        {
            "row": at[telling].astype(np.uint32),
            "bytes": lengths[telling].astype(np.int64),
            "copies": copies[at][telling],
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors[telling].ravel()), vectors.shape[1]),
        }
    )
    storage.write_table(storage.join(run, _path(spec.part)), table)
    counts = {"passing": int(passing.sum()), "vectors": table.num_rows, "numbers": vectors.shape[1]}
    return Made([output(run, _path(spec.part), table.num_rows)], counts)


def _read_vectors(run: str, path: str) -> semantic.Floats:
    column = storage.read_table(storage.join(run, path), ["vector"])["vector"].combine_chunks()
    flat: semantic.Floats = column.flatten().to_numpy()
    return flat.reshape(len(column), -1)


def write_centres(run: str, spec: tuple[tuple[str, ...], tuple[int, ...], int]) -> Made:
    """Reads one part after another."""
    paths, rows, seed = spec
    starts = np.concatenate([[0], np.cumsum(rows)])
    chosen = semantic.sample(int(starts[-1]), seed)
    some = []
    for path, start, end in zip(paths, starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        here = chosen[(chosen >= start) & (chosen < end)] - start
        some += [_read_vectors(run, path)[here]] if len(here) else []
    if len({block.shape[1] for block in some}) > 1:
        raise ValueError("dedup.semantic: the embedding backend makes vectors of different lengths")
    found = semantic.centres(np.concatenate(some), semantic.clusters(int(starts[-1])), seed)
    with storage.open_output(storage.join(run, CENTRES)) as out:
        np.lib.format.write_array(out, found, version=(1, 0), allow_pickle=False)
    return Made([output(run, CENTRES, len(found))], {"centres": len(found)})


def _record(size: int) -> np.dtype:
    """The nearest centre, the row, where it lies in the file of vectors, and the vector."""
    return np.dtype([("key", "<u8"), ("row", "<u4"), ("at", "<u4"), ("vector", "<f4", (size,))])


def assign_part(run: str, spec: tuple[str, str, int, int]) -> Made:
    part, path, size, partitions = spec
    vectors = _read_vectors(run, path)
    centres = np.load(io.BytesIO(storage.read_bytes(storage.join(run, CENTRES))), allow_pickle=False)
    records = np.empty(len(vectors), _record(size))
    records["key"], records["vector"] = semantic.nearest(vectors, centres), vectors
    records["row"] = storage.read_table(storage.join(run, path), ["row"])["row"].to_numpy()
    records["at"] = np.arange(len(vectors))
    made, slices = write_keys(run, f"{FOLDER}/assign/{part}.keys", records, partitions, spread=True)
    return Made([made], {"vectors": len(vectors)}, {"slices": [raw(s) for s in slices]})


@dataclass(frozen=True)
class _Judging:
    threshold: float
    survivor: tuple[str, ...]
    sources: tuple[str, ...]
    size: int
    seed: int
    quality: bool


def _meaning_task(partition: int | str, slices: Sequence[Slice], *, judging: _Judging, content: str) -> Task:
    said = [judging.threshold, judging.survivor, judging.sources, judging.seed, content]
    key = digest_of("meaning", VERSION, [(s.path, s.offset, s.digest) for s in slices], said)
    return Task("meaning", f"partition-{partition:05d}", key, compare_partition, (partition, tuple(slices), judging))


def compare_partition(run: str, spec: tuple[int, tuple[Slice, ...], _Judging]) -> Made:
    """Rows of the documents that go and of those they leave for, sorted by part."""
    partition, slices, judging = spec
    gathered = gather(run, slices, _record(judging.size))
    frames = []
    for number, path in enumerate(gathered.files):
        part = path.removeprefix(f"{FOLDER}/assign/").removesuffix(".keys")
        frames.append(_described(run, part, gathered.records[gathered.which == number], judging.quality))
    documents = pl.concat(frames).with_columns(place=pl.int_range(pl.len()))
    every = gathered.records["vector"]
    by = preference(judging.survivor, judging.sources)
    ordered = documents.sort("centre", pl.col("copies") < 2, *by, nulls_last=True)
    found = [pl.DataFrame(pl.from_arrow(FOUND.empty_table()))]
    for _, some in ordered.group_by("centre", maintain_order=True):
        here = every[some["place"].to_numpy()]
        labels = semantic.divided(here, judging.seed)
        for label in np.unique(labels).tolist():
            at = np.flatnonzero(labels == label)
            found.append(_judged(some[at], here[at], judging.threshold))
    table = pl.concat(found).sort("part", "row")
    path = f"{FOLDER}/meaning/{partition:05d}.parquet"
    storage.write_table(storage.join(run, path), table.to_arrow().cast(FOUND))
    made = output(run, path, table.height)
    gone = table.filter(pl.col("survivor").is_not_null())["part"].str.split("/").list[0]
    counts = {"documents": len(every), "semantic": len(gone)}
    counts |= {f"semantic:{source}": n for source, n in sorted(gone.value_counts().iter_rows())}
    return Made([made], counts, {"slices": [raw(s) for s in part_slices(table, made)]})


def _described(run: str, part: str, records: np.ndarray, quality: bool) -> pl.DataFrame:
    columns: dict[str, list[str] | None] = {parts.DOCUMENTS: [*READ]}
    if quality and storage.is_file(storage.join(run, parts.path(QUALITY, part))):
        columns[QUALITY] = None
    rows = records["row"].astype(np.int64)
    frame = parts.aligned(run, part, columns)[rows]
    if "quality" not in frame.columns:
        frame = frame.with_columns(quality=pl.lit(0.0, pl.Float32))
    known = pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(run, _path(part)), ["bytes", "copies"])))
    said = known[records["at"].astype(np.int64)]
    return frame.select(*READ, "quality").with_columns(
        said["bytes"],
        said["copies"],
        part=pl.lit(part),
        row=pl.Series(rows),
        centre=pl.Series(records["key"].astype(np.int64)),
    )


def _judged(documents: pl.DataFrame, vectors: semantic.Floats, threshold: float) -> pl.DataFrame:
    survivor, score = semantic.resolve(vectors, threshold, (documents["copies"] > 1).to_numpy())
    kept = np.where(survivor < 0, np.arange(len(survivor)), survivor)
    followers = np.bincount(kept, minlength=len(kept)) - 1
    sizes = documents["copies"].to_numpy() + followers
    gone = pl.Series(survivor >= 0)
    table = documents.select(
        "part",
        "row",
        survivor=pl.when(gone).then(documents["id"].gather(kept)),
        kind=pl.when(gone).then(pl.lit("semantic")),
        score=pl.when(gone).then(pl.Series(score)),
        cluster=documents["id"].gather(kept),
        cluster_size=pl.Series(sizes[kept], dtype=pl.Int32),
        specific=pl.lit(None, pl.Float32),
        matched=pl.lit(None, pl.Float32),
        blob=pl.lit(None, pl.Int32),
        nearest=pl.lit(None, pl.String),
        nearest_score=pl.lit(None, pl.Float32),
    )
    return table.filter(pl.Series(followers[kept] > 0))
