"""Groups of candidates, as tasks: their texts are read, and a document goes when it duplicates one that stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from dedup import urls, verify
from dedup.frequencies import Frequencies
from manifests import parts, schemas, storage
from manifests.receipts import Output, digest_of, output
from pipelines.exchange import raw, read_rows
from pipelines.recipe import Dedup
from pipelines.slices import Slice
from pipelines.stages.deduplicate.keys import parameters
from pipelines.stages.deduplicate.places import FOLDER, place
from pipelines.stages.deduplicate.preference import READ, preference
from pipelines.task import Made, Task

VERSION = 4
QUALITY = "annotations/quality"
FOUND = pa.schema([("part", pa.string()), ("row", pa.int64()), *schemas.DUPLICATES])


@dataclass(frozen=True)
class _Judge:
    members: Slice
    frequencies: str
    dedup: Dedup
    sources: tuple[str, ...]
    quality: bool
    stage: str
    name: str


def tasks(
    pieces: Sequence[Slice], frequencies: Output, dedup: Dedup, sources: Sequence[str], stage: str, quality: bool
) -> list[Task]:
    """One task for each piece of members; the digest of a piece covers what is read of them."""
    elsewhere = {"partitions", "max_fuzzy_share", "index", "lines", "paragraphs", "substring", "semantic"}
    said = dedup.model_dump(mode="json", exclude=elsewhere) | ({"urls": urls.VERSION} if dedup.url else {})
    made = []
    for piece in pieces:
        key = digest_of("verify", VERSION, said, list(sources), piece.digest, frequencies.digest)
        name = f"groups-{piece.digest[:16]}"
        spec = _Judge(piece, frequencies.path, dedup, tuple(sources), quality, stage, name)
        made.append(Task(stage, name, key, judge_groups, spec))
    return made


def _frequencies(uri: str) -> Frequencies:
    table = storage.read_table(uri)
    sampled = int(storage.read_metadata(uri)["cuvee.documents"])
    return Frequencies(sampled, table["shingle"].to_numpy(), table["documents"].to_numpy())


def judge_groups(run: str, spec: _Judge) -> Made:
    """Compares the texts of each group, best copy first; writes what was found, sorted by part."""
    members = read_rows(run, spec.members)
    documents = _read_members(run, pl.DataFrame(pl.from_arrow(members)).cast({"part": pl.String}), spec)
    common = _frequencies(storage.join(run, spec.frequencies))
    params = parameters(spec.dedup)
    threshold = spec.dedup.threshold if spec.dedup.fuzzy else 1.1
    found = []
    unfinished = 0
    for _, group in documents.group_by("group", maintain_order=True):
        result = verify.resolve(
            group["text"].to_arrow(),
            params,
            threshold,
            spec.dedup.specific,
            common,
            contents=group["content_hash"].to_list(),
            addresses=group["address"].to_list() if spec.dedup.url else (),
            frozen=int(group["frozen"].sum()),
        )
        unfinished += result.unfinished
        found.append(_described(group, result))
    table = pl.concat(found).filter(~pl.col("frozen")).drop("frozen").sort("part", "row")
    path = f"{FOLDER}/{spec.stage}/{spec.name}.parquet"
    storage.write_table(storage.join(run, path), table.to_arrow().cast(FOUND))
    made = output(run, path, table.height)
    removed = table.filter(pl.col("survivor").is_not_null()).with_columns(source=pl.col("part").str.split("/").list[0])
    counts = {"documents": documents.height, "groups": len(found), "unverified": unfinished}
    counts |= {kind: removed.filter(pl.col("kind") == kind).height for kind in ("exact", "url", "fuzzy")}
    fuzzy = removed.filter(pl.col("kind") == "fuzzy")
    counts |= {f"fuzzy:{source}": n for source, n in sorted(fuzzy["source"].value_counts().iter_rows())}
    return Made([made], counts, {"slices": [raw(s) for s in part_slices(table, made)]})


def _described(group: pl.DataFrame, result: verify.Resolution) -> pl.DataFrame:
    survivor = result.survivor
    kept = np.where(survivor < 0, np.arange(group.height), survivor)
    sizes = np.bincount(kept, minlength=group.height)
    ids = group["id"]
    gone = pl.Series(survivor >= 0)
    evidence = {"score": result.score, "specific": result.specific, "matched": result.matched}
    return group.select("part", "row", "frozen").with_columns(
        survivor=pl.when(gone).then(ids.gather(kept)),
        kind=pl.Series(result.kind, dtype=pl.String),
        score=pl.when(gone).then(pl.Series(evidence["score"], dtype=pl.Float32)),
        cluster=pl.when(pl.Series(sizes[kept] > 1)).then(ids.gather(kept)),
        cluster_size=pl.Series(sizes[kept], dtype=pl.Int32),
        specific=pl.when(gone).then(pl.Series(evidence["specific"], dtype=pl.Float32)),
        matched=pl.when(gone).then(pl.Series(evidence["matched"], dtype=pl.Float32)),
        blob=pl.lit(group.height, pl.Int32),
        nearest=pl.when(pl.Series(result.nearest >= 0)).then(ids.gather(np.maximum(result.nearest, 0))),
        nearest_score=pl.when(pl.Series(result.nearest >= 0)).then(pl.Series(result.nearest_score, dtype=pl.Float32)),
    )


def _read_members(run: str, members: pl.DataFrame, spec: _Judge) -> pl.DataFrame:
    """The members, best first within each group; texts are read for the first document of each content alone."""
    frames = []
    names = [*READ, "content_hash", "url"]
    for (name,), rows in members.group_by("part", maintain_order=True):
        other, part = place(run, str(name))
        columns: dict[str, list[str] | None] = {parts.DOCUMENTS: names}
        if spec.quality and storage.is_file(storage.join(other, parts.path(QUALITY, part))):
            columns[QUALITY] = None
        at = rows["row"].to_list()
        text = pl.Series(pl.from_arrow(parts.read(other, parts.DOCUMENTS, part, ["text"])["text"].take(pa.array(at))))
        content = parts.aligned(other, part, columns)[at].with_columns(text=text)
        if "quality" not in content.columns:
            content = content.with_columns(quality=pl.lit(0.0, pl.Float32))
        frames.append(pl.concat([rows, content], how="horizontal"))
    by = preference(spec.dedup.survivor, spec.sources)
    ordered = pl.concat(frames).with_columns(bytes=pl.col("text").str.len_bytes())
    found = ordered.sort("group", ~pl.col("frozen"), *by, nulls_last=True).drop("bytes")
    first = pl.struct("group", "content_hash").is_first_distinct()
    address = pl.col("url").map_elements(urls.normalised, return_dtype=pl.String).fill_null("")
    return found.with_columns(
        text=pl.when(first).then("text").otherwise(pl.lit("")), address=address if spec.dedup.url else pl.lit("")
    )


def part_slices(table: pl.DataFrame, made: Output) -> list[Slice]:
    counts = table.group_by("part", maintain_order=True).len()
    starts = counts["len"].cum_sum() - counts["len"]
    return [
        Slice(part, made.path, start, n, made.digest)
        for (part, n), start in zip(counts.iter_rows(), starts.to_list(), strict=True)
    ]
