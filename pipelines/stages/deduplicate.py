"""Duplicates as an exchange of keys: candidates share a key, and a document is removed only after its text is compared.

keys    each part writes the exact-content key and the MinHash band keys of the documents that pass the rules
match   each partition pairs the documents that share a key
verify  each connected group of candidates is read; a document goes when its similarity to a survivor itself is enough
write   each part gets its rows of ``schemas.DUPLICATES``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import get_args

import numpy as np
import polars as pl
import pyarrow as pa

from dedup import clusters, minhash, pairs, verify
from manifests import parts, schemas, storage
from manifests.receipts import Output, Receipt, digest_of, output
from pipelines import conditions, selection
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.exchange import group_slices, read_keys, rows_of, write_keys
from pipelines.recipe import Dedup, Recipe, Route, Rule
from pipelines.slices import Slice
from pipelines.task import Made, Task

VERSION = 1
COLUMN = "duplicates"
FOLDER = "exchange"
#: documents compared in one task; a connected group is never cut
_GROUP_DOCUMENTS = 4000
ROUTES = get_args(Route)

_EDGES = pa.schema([("a", pa.string()), ("a_row", pa.int64()), ("b", pa.string()), ("b_row", pa.int64())])
_MEMBERS = pa.schema([("group", pa.int64()), ("part", pa.string()), ("row", pa.int64()), ("frozen", pa.bool_())])
_FOUND = pa.schema([("part", pa.string()), ("row", pa.int64()), *schemas.DUPLICATES])


def deduplicate(conductor: Conductor, recipe: Recipe, catalog: Catalog, fresh: list[str], generation: int) -> None:
    """Writes ``duplicates/`` for the fresh parts. Survivors of earlier generations stay survivors."""
    quality = recipe.annotate.quality is not None
    dedup = recipe.dedup
    earlier = sorted(set(catalog.parts()) - set(fresh)) if generation else []
    suffix = f"-{generation}" if generation else ""

    pieces: list[Slice] = []
    if dedup.exact or dedup.fuzzy:
        rules = recipe.select.rules
        keys = [_keys_task(catalog, p, dedup, rules, recipe.made, "keys") for p in earlier]
        keys += [_keys_task(catalog, p, dedup, rules, recipe.made, f"keys{suffix}") for p in fresh]
        consumer = partial(_match_task, dedup=dedup, stage=f"match{suffix}")
        matches = conductor.exchange(f"keys{suffix}", keys, consumer, into=f"match{suffix}")
        members = _members(conductor, catalog, matches, earlier, fresh, suffix)
        verified = conductor.map(
            f"verify{suffix}", _verify_tasks(conductor.run, catalog, members, dedup, quality, suffix)
        )
        catalog.add(verified)
        pieces = [Slice(*raw) for receipt in verified for raw in receipt.data["slices"]]
    found = group_slices(pieces)
    tasks = [_write_task(catalog, p, found.get(p, []), suffix) for p in fresh]
    catalog.add(conductor.map(f"duplicates{suffix}", tasks))


@dataclass(frozen=True)
class _Keys:
    part: str
    dedup: Dedup
    rules: tuple[Rule, ...]
    made: tuple[str, ...]  #: optional annotations


def _keys_task(
    catalog: Catalog, part: str, dedup: Dedup, rules: Sequence[Rule], made: tuple[str, ...], stage: str
) -> Task:
    columns = [*conditions.columns(made)]
    section = dedup.model_dump(mode="json", exclude={"threshold"})
    key = catalog.key("keys", VERSION, part, columns, section, [r.model_dump(mode="json") for r in rules])
    return Task(stage, _name(part), key, write_part_keys, _Keys(part, dedup, tuple(rules), made))


def parameters(dedup: Dedup) -> minhash.MinHashParams:
    return minhash.MinHashParams(bands=dedup.bands, rows=dedup.rows, ngram=dedup.shingle, unit=dedup.unit)


def write_part_keys(run: str, spec: _Keys) -> Made:
    """One key a document for its content, one a band for its signature; documents that the rules drop take no part."""
    documents = conditions.frame(run, spec.part, spec.made)
    passing = np.flatnonzero(selection.reasons(documents, spec.rules).is_null().to_numpy()).astype(np.uint32)
    keys: list[np.ndarray] = []
    rows: list[np.ndarray] = []
    if spec.dedup.exact:
        hashes = parts.read(run, parts.DOCUMENTS, spec.part, ["content_hash"])["content_hash"].to_pylist()
        keys.append(np.array([int(hashes[r][:16], 16) for r in passing], np.uint64))
        rows.append(passing)
    if spec.dedup.fuzzy and len(passing):
        params = parameters(spec.dedup)
        texts = parts.read(run, parts.DOCUMENTS, spec.part, ["text"])["text"].take(pa.array(passing))
        bands = minhash.band_keys(minhash.signatures(texts, params), params)
        keys.append(bands.ravel())
        rows.append(np.repeat(passing, bands.shape[1]))
    all_keys = np.concatenate(keys) if keys else np.empty(0, np.uint64)
    all_rows = np.concatenate(rows) if rows else np.empty(0, np.uint32)
    made, slices = write_keys(run, f"{FOLDER}/keys/{spec.part}.keys", all_keys, all_rows, spec.dedup.partitions)
    data = {"slices": [_raw(s) for s in slices]}
    return Made([made], {"documents": documents.height, "keys": len(all_keys)}, data)


def _match_task(partition: int | str, slices: Sequence[Slice], *, dedup: Dedup, stage: str) -> Task:
    key = digest_of("match", VERSION, [(s.path, s.digest) for s in slices])
    return Task(stage, f"partition-{partition:05d}", key, match_partition, (stage, partition, tuple(slices)))


def match_partition(run: str, spec: tuple[str, int, tuple[Slice, ...]]) -> Made:
    """Pairs of documents that share a key: each with the first that has it, so that a hot key costs its size."""
    stage, partition, slices = spec
    records = [read_keys(run, s) for s in slices]
    keys = np.concatenate([r["key"] for r in records])
    names = [s.path.removeprefix(f"{FOLDER}/keys/").removesuffix(".keys") for s in slices]
    refs = np.concatenate([(np.uint64(i) << np.uint64(32)) | r["row"].astype(np.uint64) for i, r in enumerate(records)])
    edges = pairs.candidates(keys, refs.astype(np.int64))
    part_names = np.array(names)
    table = pa.table(
        {
            "a": part_names[edges[:, 0] >> 32],
            "a_row": edges[:, 0] & 0xFFFFFFFF,
            "b": part_names[edges[:, 1] >> 32],
            "b_row": edges[:, 1] & 0xFFFFFFFF,
        },
        schema=_EDGES,
    )
    path = f"{FOLDER}/{stage}/{partition:05d}.parquet"
    storage.write_table(storage.join(run, path), table)
    return Made([output(run, path, table.num_rows)], {"pairs": table.num_rows, "keys": len(keys)})


def _members(
    conductor: Conductor, catalog: Catalog, matches: list[Receipt], earlier: list[str], fresh: list[str], suffix: str
) -> str | None:
    """Writes the connected groups of candidates that hold a fresh document; None when there is none."""
    run = conductor.run
    tables = [storage.read_table(storage.join(run, o.path)) for r in matches for o in r.outputs if o.rows]
    path = f"{FOLDER}/groups{suffix}.parquet"
    if not tables:
        storage.remove(storage.join(run, path))
        return None
    edges = pl.DataFrame(pl.from_arrow(pa.concat_tables(tables)))
    names = sorted([*earlier, *fresh])
    rows = [catalog.rows(p) for p in names]
    starts = dict(zip(names, np.concatenate([[0], np.cumsum(rows)]).tolist(), strict=False))
    offsets = {side: edges[side].replace_strict(starts, return_dtype=pl.Int64) + edges[f"{side}_row"] for side in "ab"}
    both = np.column_stack([offsets["a"].to_numpy(), offsets["b"].to_numpy()])
    labels = clusters.components(np.ascontiguousarray(both), int(sum(rows)))

    in_pairs = np.unique(both)
    which = np.searchsorted(np.array([starts[n] for n in names]), in_pairs, side="right") - 1
    first = np.array([starts[n] for n in names])
    members = pl.DataFrame(
        {
            "group": labels[in_pairs],
            "part": [names[i] for i in which],
            "row": in_pairs - first[which],
        }
    ).with_columns(frozen=pl.col("part").is_in(earlier))
    if earlier:
        gone = _earlier_duplicates(run, earlier)
        members = members.join(gone, on=["part", "row"], how="anti")
        members = members.filter((~pl.col("frozen")).any().over("group"))
    members = members.filter(pl.len().over("group") > 1).sort("group", "part", "row")
    table, uri = members.to_arrow().cast(_MEMBERS), storage.join(run, path)
    if not (storage.is_file(uri) and storage.read_table(uri).equals(table)):  # a run with nothing to do writes nothing
        storage.write_table(uri, table)
    return path


def _earlier_duplicates(run: str, earlier: list[str]) -> pl.DataFrame:
    frames = []
    for part in earlier:
        survivor = pl.DataFrame(pl.from_arrow(parts.read(run, COLUMN, part, ["survivor"])))["survivor"]
        rows = np.flatnonzero(survivor.is_not_null().to_numpy())
        frames.append(
            pl.DataFrame({"part": [part] * len(rows), "row": rows}, schema={"part": pl.String, "row": pl.Int64})
        )
    return pl.concat(frames)


@dataclass(frozen=True)
class _Verify:
    members: Slice
    dedup: Dedup
    quality: bool
    stage: str
    name: str


def _verify_tasks(
    run: str, catalog: Catalog, members: str | None, dedup: Dedup, quality: bool, suffix: str
) -> list[Task]:
    """One task for about ``_GROUP_DOCUMENTS`` documents of whole groups."""
    if members is None:
        return []
    table = pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(run, members))))
    sizes = table.group_by("group", maintain_order=True).len()
    ends = sizes["len"].cum_sum().to_numpy()
    cuts = [0]
    while cuts[-1] < table.height:
        reach = int(np.searchsorted(ends, cuts[-1] + _GROUP_DOCUMENTS, side="right"))
        next_cut = int(ends[reach - 1]) if reach else int(ends[0])
        cuts.append(next_cut if next_cut > cuts[-1] else int(ends[reach]))
    tasks = []
    stage = f"verify{suffix}"
    for start, end in pairwise(cuts):
        rows = table.slice(start, end - start)
        used = rows["part"].unique().sort().to_list()
        columns = [parts.DOCUMENTS, *([conditions.QUALITY] if quality else [])]
        content = digest_of(rows.drop("group").rows(), rows["group"].rle_id().to_list())
        digests = [catalog.digest(c, p) for p in used for c in columns]
        key = digest_of("verify", VERSION, dedup.model_dump(mode="json", exclude={"partitions"}), content, digests)
        name = f"groups-{content[:16]}"
        piece = Slice(0, members, start, end - start, content)
        tasks.append(Task(stage, name, key, verify_groups, _Verify(piece, dedup, quality, stage, name)))
    return tasks


def verify_groups(run: str, spec: _Verify) -> Made:
    """Compares the texts of each group, best copy first; writes what was found, sorted by part."""
    members = rows_of(storage.read_table(storage.join(run, spec.members.path)), spec.members)
    documents = _read_members(run, pl.DataFrame(pl.from_arrow(members)), spec.quality)
    params = parameters(spec.dedup)
    threshold = spec.dedup.threshold if spec.dedup.fuzzy else 1.1
    found = []
    unverified = 0
    for _, group in documents.group_by("group", maintain_order=True):
        result = verify.resolve(group["text"].to_arrow(), params, threshold, frozen=int(group["frozen"].sum()))
        survivor = result.survivor
        unverified += result.unfinished
        kept = np.where(survivor < 0, np.arange(group.height), survivor)
        sizes = np.bincount(kept, minlength=group.height)
        ids = group["id"]
        found.append(
            group.select("part", "row", "frozen").with_columns(
                survivor=pl.when(pl.Series(survivor >= 0)).then(ids.gather(kept)),
                kind=pl.Series(result.kind, dtype=pl.String),
                score=pl.when(pl.Series(survivor >= 0)).then(pl.Series(result.score, dtype=pl.Float32)),
                cluster=pl.when(pl.Series(sizes[kept] > 1)).then(ids.gather(kept)),
                cluster_size=pl.Series(sizes[kept], dtype=pl.Int32),
            )
        )
    table = pl.concat(found).filter(~pl.col("frozen") & (pl.col("cluster_size") > 1)).drop("frozen").sort("part", "row")
    path = f"{FOLDER}/{spec.stage}/{spec.name}.parquet"
    storage.write_table(storage.join(run, path), table.to_arrow().cast(_FOUND))
    made = output(run, path, table.height)
    slices = _part_slices(table, made)
    removed = table.filter(pl.col("survivor").is_not_null())
    counts = {
        "documents": documents.height,
        "groups": len(found),
        "unverified": unverified,
        "exact": removed.filter(pl.col("kind") == "exact").height,
        "fuzzy": removed.filter(pl.col("kind") == "fuzzy").height,
    }
    return Made([made], counts, {"slices": [_raw(s) for s in slices]})


def _read_members(run: str, members: pl.DataFrame, quality: bool) -> pl.DataFrame:
    """The members with what decides which copy is kept, best first within each group."""
    frames = []
    for (part,), rows in members.group_by("part", maintain_order=True):
        columns: dict[str, list[str] | None] = {parts.DOCUMENTS: ["id", "text", "acquisition"]}
        if quality:
            columns[conditions.QUALITY] = None
        content = parts.aligned(run, str(part), columns)[rows["row"].to_list()]
        frames.append(pl.concat([rows, content], how="horizontal"))
    rank = {route: i for i, route in enumerate(ROUTES)}
    return (
        pl.concat(frames)
        .with_columns(
            route=pl.col("acquisition").replace_strict(rank, default=len(ROUTES), return_dtype=pl.Int32),
            length=pl.col("text").str.len_bytes(),
            better=pl.col("quality").round(3) if quality else pl.lit(0.0),
        )
        .sort("group", "frozen", "route", "better", "length", "id", descending=[False, True, False, True, True, False])
    )


def _part_slices(table: pl.DataFrame, made: Output) -> list[Slice]:
    counts = table.group_by("part", maintain_order=True).len()
    starts = counts["len"].cum_sum() - counts["len"]
    return [
        Slice(part, made.path, start, n, made.digest)
        for (part, n), start in zip(counts.iter_rows(), starts.to_list(), strict=True)
    ]


def _write_task(catalog: Catalog, part: str, slices: list[Slice], suffix: str) -> Task:
    key = catalog.key("duplicates", VERSION, part, [parts.DOCUMENTS], [(s.offset, s.count, s.digest) for s in slices])
    return Task(f"duplicates{suffix}", _name(part), key, write_part, (part, tuple(slices)))


def write_part(run: str, spec: tuple[str, tuple[Slice, ...]]) -> Made:
    """The aligned column part: null where a document has no duplicate."""
    part, slices = spec
    documents = storage.join(run, parts.path(parts.DOCUMENTS, part))
    ids = storage.read_metadata(documents)
    frame = pl.DataFrame({"row": np.arange(int(ids["cuvee.rows"]))})
    empty = pl.DataFrame(pl.from_arrow(_FOUND.empty_table()))
    found = [pl.DataFrame(pl.from_arrow(rows_of(storage.read_table(storage.join(run, s.path)), s))) for s in slices]
    joined = frame.join(pl.concat([empty, *found]).drop("part"), on="row", how="left", maintain_order="left")
    table = joined.drop("row").with_columns(pl.col("cluster_size").fill_null(1)).to_arrow().cast(schemas.DUPLICATES)
    made = parts.write(run, COLUMN, part, table, schema="duplicates", ids=ids["cuvee.ids"])
    return Made([made], {"documents": table.num_rows})


def _raw(piece: Slice) -> list[int | str]:
    return [piece.partition, piece.path, piece.offset, piece.count, piece.digest]


def _name(part: str) -> str:
    return part.replace("/", ".")
