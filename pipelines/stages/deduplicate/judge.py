"""Pieces of groups, as tasks: a document goes when it duplicates one that stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from dedup import urls, verify
from dedup.frequencies import Frequencies
from manifests import schemas, storage
from manifests.receipts import Output, Receipt, digest_of, output
from pipelines.conductor import Conductor
from pipelines.exchange import raw
from pipelines.recipe import Dedup
from pipelines.slices import Slice, consuming
from pipelines.stages.deduplicate import texts
from pipelines.stages.deduplicate.groups import Groups
from pipelines.stages.deduplicate.keys import parameters
from pipelines.stages.deduplicate.places import FOLDER
from pipelines.stages.deduplicate.roster import Roster
from pipelines.task import Made, Task

VERSION = 4
FOUND = pa.schema([("part", pa.string()), ("row", pa.int64()), *schemas.DUPLICATES])


@dataclass(frozen=True)
class _Judging:
    """Makes the task of a piece, whose digest covers what is read of its members."""

    pieces: tuple[str, ...]
    frequencies: Output
    dedup: Dedup
    order: texts.Order
    stage: str

    def __call__(self, number: int | str, slices: Sequence[Slice] = ()) -> Task:
        elsewhere = {"partitions", "max_fuzzy_share", "index", "lines", "paragraphs", "substring", "semantic"}
        said = self.dedup.model_dump(mode="json", exclude=elsewhere)
        said |= {"urls": urls.VERSION} if self.dedup.url else {}
        digest = self.pieces[int(number)]
        key = digest_of("verify", VERSION, said, list(self.order.sources), digest, self.frequencies.digest)
        name = f"groups-{digest[:16]}"
        spec = _Judge(tuple(slices), self.frequencies.path, self.dedup, self.order, self.stage, name)
        return Task(self.stage, name, key, judge_groups, spec)


@dataclass(frozen=True)
class _Judge:
    members: tuple[Slice, ...]
    frequencies: str
    dedup: Dedup
    order: texts.Order
    stage: str
    name: str


def judge(
    conductor: Conductor,
    documents: Roster,
    found: Groups,
    frequencies: Output,
    dedup: Dedup,
    order: texts.Order,
    suffix: str,
) -> list[Receipt]:
    """One task for each piece; texts are moved only where one is not done yet."""
    stage, moving = f"verify{suffix}", f"texts{suffix}"
    judging = _Judging(found.pieces, frequencies, dedup, order, stage)
    pieces = [judging(number) for number in range(len(found.pieces))]
    if len(conductor.receipts(pieces)) < len(pieces):
        moved = conductor.write(moving, texts.tasks(documents, found, order, moving))
        pieces = consuming(conductor.run, judging, moved)
    verified = conductor.map(stage, pieces)
    conductor.forget(moving, f"{moving}-merged")
    return verified


def _frequencies(uri: str) -> Frequencies:
    table = storage.read_table(uri)
    sampled = int(storage.read_metadata(uri)["cuvee.documents"])
    return Frequencies(sampled, table["shingle"].to_numpy(), table["documents"].to_numpy())


def judge_groups(run: str, spec: _Judge) -> Made:
    """Compares the texts of each group, best copy first; writes what was found, sorted by part."""
    documents = texts.read(run, spec.members, spec.order)
    addresses = pl.col("url").map_elements(urls.normalised, return_dtype=pl.String).fill_null("")
    documents = documents.with_columns(address=addresses if spec.dedup.url else pl.lit(""))
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


def part_slices(table: pl.DataFrame, made: Output) -> list[Slice]:
    counts = table.group_by("part", maintain_order=True).len()
    starts = counts["len"].cum_sum() - counts["len"]
    return [
        Slice(part, made.path, start, n, made.digest)
        for (part, n), start in zip(counts.iter_rows(), starts.to_list(), strict=True)
    ]
