"""Repeated passages as an exchange of keys: the first document that has one keeps it, in the others it is an edit.

keys    of the lines, paragraphs or fingerprints of the documents that stay
match   each partition names, for every passage, the first that has its key
edits   each part reads the passages and those they may repeat; what does is a span of ``edits/KIND``, or of
        ``repeats/KIND`` where the recipe only marks it

The order is that of parts, rows and places; so what goes from a document is in one before it, and stays in one of them.
Memory of a task: the text of two parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from dedup import passages
from manifests import edits, parts, storage
from manifests.receipts import digest_of, output
from manifests.text import buffers
from pipelines import conditions, selection
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.exchange import gather, partitions, raw, read_rows, write_keys
from pipelines.recipe import Passages, Recipe, Rule
from pipelines.slices import Slice, group_slices, list_slices, slices_of
from pipelines.task import Made, Task

VERSION = 1
FOLDER = "exchange"
MARKED = "repeats"
DUPLICATES = "duplicates"
KINDS: tuple[passages.Kind, ...] = ("lines", "paragraphs", "substring")
RECORD = np.dtype([("key", "<u8"), ("row", "<u4"), ("start", "<u4"), ("size", "<u4")])
_PLACES = ("row", "start", "size")
REPEATS = pa.schema(
    [("part", pa.string()), *((n, pa.uint32()) for n in _PLACES), ("first", pa.string())]
    + [(f"first_{n}", pa.uint32()) for n in _PLACES]
)


def run(conductor: Conductor, recipe: Recipe, catalog: Catalog, fresh: Sequence[str]) -> None:
    """Finds the repeated passages that the recipe asks for; what an earlier recipe asked for is deleted."""
    for kind in KINDS:
        section: Passages | None = getattr(recipe.dedup, kind)
        if section is None:
            conductor.forget(f"{kind}-keys", f"{kind}-match", f"{kind}-edits")
            continue
        # keys of passages of a hundred bytes take about as much as their text does, compressed
        split = recipe.dedup.partitions or partitions(sum(catalog.bytes(p) for p in fresh))
        tasks = [_keys_task(catalog, p, kind, section, recipe, split) for p in sorted(fresh)]
        consumer = partial(_match_task, kind=kind)
        matches = conductor.exchange(f"{kind}-keys", tasks, consumer, into=f"{kind}-match")
        found = group_slices([s for receipt in matches for s in slices_of(conductor.run, receipt)])
        marking = [_edits_task(conductor.run, catalog, p, kind, section, found.get(p, [])) for p in fresh]
        catalog.add(conductor.map(f"{kind}-edits", marking))


@dataclass(frozen=True)
class _Keys:
    part: str
    kind: passages.Kind
    least: int
    rules: tuple[Rule, ...]
    made: tuple[str, ...]
    partitions: int


def _keys_task(catalog: Catalog, part: str, kind: passages.Kind, section: Passages, recipe: Recipe, split: int) -> Task:
    spec = _Keys(part, kind, section.least, tuple(recipe.select.rules), recipe.made, split)
    said = (kind, spec.least, [r.model_dump(mode="json") for r in spec.rules], spec.partitions)
    key = catalog.key("passages", VERSION, part, [*conditions.columns(recipe.made), DUPLICATES], *said)
    return Task(f"{kind}-keys", parts.task_name(part), key, write_part_keys, spec)


def write_part_keys(run: str, spec: _Keys) -> Made:
    """Keys of the passages of documents that pass the rules and duplicate none."""
    documents = conditions.frame(run, spec.part, spec.made)
    original = parts.aligned(run, spec.part, {DUPLICATES: ["survivor"]})["survivor"].is_null()
    staying = np.flatnonzero((selection.reasons(documents, spec.rules).is_null() & original).to_numpy())
    texts = parts.read(run, parts.DOCUMENTS, spec.part, ["text"])["text"].take(pa.array(staying))
    found = passages.find(texts, spec.kind, spec.least)
    records = np.empty(len(found.keys), RECORD)
    records["key"], records["row"] = found.keys, staying[found.rows]
    records["start"], records["size"] = found.starts, found.sizes
    made, slices = write_keys(run, f"{FOLDER}/{spec.kind}/{spec.part}.keys", records, spec.partitions)
    listing, said = list_slices(run, made.path, slices)
    return Made([made, listing], {"documents": len(staying), "keys": len(records)}, said)


def _match_task(partition: int | str, slices: Sequence[Slice], *, kind: str) -> Task:
    key = digest_of("passages-match", VERSION, [(s.path, s.offset, s.digest) for s in slices])
    return Task(f"{kind}-match", f"partition-{partition:05d}", key, match_partition, (kind, partition, tuple(slices)))


def match_partition(run: str, spec: tuple[str, int, tuple[Slice, ...]]) -> Made:
    """Every passage whose key another has before it, with the first that has it; sorted by part."""
    kind, partition, slices = spec
    gathered = gather(run, slices, RECORD)
    every, which = gathered.records, gathered.which
    order = np.lexsort((every["start"], every["row"], which, every["key"]))
    every, which = every[order], which[order]
    repeats = np.zeros(len(every), bool)
    repeats[1:] = every["key"][1:] == every["key"][:-1]
    first = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(every))))[repeats]
    names = pl.Series([f.removeprefix(f"{FOLDER}/{kind}/").removesuffix(".keys") for f in gathered.files])
    found = pl.DataFrame(
        {
            "part": names.gather(which[repeats]),
            **{n: every[n][repeats] for n in _PLACES},
            "first": names.gather(which[first]),
            **{f"first_{n}": every[n][first] for n in _PLACES},
        }
    ).sort("part", "first", "row", "first_row", "start")
    path = f"{FOLDER}/{kind}-match/{partition:05d}.parquet"
    storage.write_table(storage.join(run, path), found.to_arrow().cast(REPEATS))
    made = output(run, path, found.height)
    counts = found.group_by("part", maintain_order=True).len()
    starts = counts["len"].cum_sum() - counts["len"]
    pieces = [
        Slice(part, path, start, n, made.digest)
        for (part, n), start in zip(counts.iter_rows(), starts.to_list(), strict=True)
    ]
    return Made([made], {"repeats": found.height, "keys": len(every)}, {"slices": [raw(s) for s in pieces]})


@dataclass(frozen=True)
class _Edits:
    part: str
    kind: passages.Kind
    section: Passages
    slices: tuple[Slice, ...]


def _edits_task(
    run: str, catalog: Catalog, part: str, kind: passages.Kind, section: Passages, slices: Sequence[Slice]
) -> Task:
    read = [(s.offset, s.count, s.digest) for s in slices]
    firsts = _repeats(run, slices)["first"].unique().sort().to_list() if slices else []
    digests = [catalog.digest(parts.DOCUMENTS, p) for p in firsts]
    key = catalog.key("passages-edits", VERSION, part, [parts.DOCUMENTS], section.model_dump(), read, digests)
    return Task(f"{kind}-edits", parts.task_name(part), key, write_edits, _Edits(part, kind, section, tuple(slices)))


def _repeats(run: str, slices: Sequence[Slice]) -> pl.DataFrame:
    tables = [read_rows(run, s) for s in slices]
    return pl.DataFrame(pl.from_arrow(pa.concat_tables([REPEATS.empty_table(), *tables])))


def write_edits(run: str, spec: _Edits) -> Made:
    """Compares the bytes of each passage with those it may repeat."""
    documents = parts.read(run, parts.DOCUMENTS, spec.part, ["id", "text"])
    mine = passages.Text(*buffers(documents["text"]))
    spans = [pl.DataFrame(schema={"row": pl.Int64, "start": pl.Int64, "end": pl.Int64, "by": pl.String})]
    repeats = _repeats(run, spec.slices).sort("first", "row", "first_row", "start")
    for (first,), rows in repeats.group_by("first", maintain_order=True):
        other = documents if first == spec.part else parts.read(run, parts.DOCUMENTS, str(first), ["id", "text"])
        theirs = mine if first == spec.part else passages.Text(*buffers(other["text"]))
        here = rows.select(*_PLACES).to_numpy().astype(np.int64)
        there = rows.select(*(f"first_{n}" for n in _PLACES)).to_numpy().astype(np.int64)
        good, start, end = passages.repeated(mine, theirs, here, there, spec.kind, spec.section.least)
        by = f"{spec.kind} " + pl.Series(pl.from_arrow(other["id"])).gather(there[good][:, 0])
        spans.append(pl.DataFrame({"row": here[good][:, 0], "start": start[good], "end": end[good], "by": by}))
    found = pl.concat(spans).sort("row", "start", "end", "by").unique(["row", "start", "end"], maintain_order=True)
    row, first_byte, behind = (found[n].to_numpy() for n in ("row", "start", "end"))
    by_whom = found["by"].to_list()
    table = edits.table(len(documents), row, first_byte, behind, [""] * len(by_whom), by_whom)
    column = edits.column(spec.kind) if spec.section.action == "remove" else f"{MARKED}/{spec.kind}"
    made = parts.write(run, column, spec.part, table, schema="edits", ids=parts.ids_of(run, spec.part))
    size = int((found["end"] - found["start"]).sum())
    counts = {"documents": len(documents), "candidates": repeats.height, "spans": found.height, "bytes": size}
    return Made([made], counts)
