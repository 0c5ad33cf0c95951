"""Texts of candidates, moved from their parts to where their groups are judged: each part is read once.

A task a part; for each piece of the groups it writes a table in Arrow's stream format, whose records are bytes. They
are forgotten as soon as all is judged: nothing between stages holds a text for longer.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from manifests import parts, storage
from manifests.receipts import digest_of
from pipelines.exchange import gather, read_keys, write_slices
from pipelines.recipe import Dedup
from pipelines.slices import Slice, list_slices
from pipelines.stages.deduplicate.groups import MEMBER, Groups, Members
from pipelines.stages.deduplicate.places import FOLDER, place
from pipelines.stages.deduplicate.preference import READ, preference
from pipelines.stages.deduplicate.roster import Roster
from pipelines.task import Made, Task

VERSION = 1
QUALITY = "annotations/quality"
_BYTES = np.dtype("u1")


@dataclass(frozen=True)
class Order:
    """What decides between copies, and whether their quality and address are read."""

    survivor: tuple[str, ...]
    sources: tuple[str, ...]
    quality: bool
    url: bool

    @classmethod
    def of(cls, dedup: Dedup, sources: Sequence[str], quality: bool) -> Order:
        return cls(tuple(dedup.survivor), tuple(sources), quality, dedup.url)

    def best_first(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Sorted by group, what is frozen first, then the best. Of each content the first alone keeps its text."""
        by = preference(self.survivor, self.sources)
        first = pl.struct("group", "content_hash").is_first_distinct()
        found = documents.sort("group", ~pl.col("frozen"), *by, nulls_last=True)
        return found.with_columns(text=pl.when(first).then("text").otherwise(pl.lit("")))


@dataclass(frozen=True)
class _Part:
    name: str
    path: str
    frozen: bool
    members: tuple[Members, ...]
    order: Order


def tasks(documents: Roster, found: Groups, order: Order, stage: str) -> list[Task]:
    """A task for each part that has a member."""
    made = []
    for number, members in sorted(found.members.items()):
        name = documents.names[number]
        other, part = place("", name)
        task = f"{digest_of(other)[:8]}.{parts.task_name(part)}" if other else parts.task_name(part)
        said = [(m.first, m.records.digest) for m in members]
        key = digest_of("texts", VERSION, documents.digests[number], documents.fresh[number], said, vars(order))
        path = f"{FOLDER}/{stage}/{task}.keys"
        spec = _Part(name, path, not documents.fresh[number], tuple(members), order)
        made.append(Task(stage, task, key, write, spec))
    return made


def write(run: str, spec: _Part) -> Made:
    """What judging reads of the members of a part, by piece."""
    other, part = place(run, spec.name)
    records = [(m.first, read_keys(run, m.records, MEMBER)) for m in spec.members]
    members = pl.DataFrame(
        {
            "piece": np.concatenate([first + r["key"].astype(np.int64) for first, r in records]),
            "group": np.concatenate([r["group"].astype(np.int64) for _, r in records]),
            "row": np.concatenate([r["row"].astype(np.int64) for _, r in records]),
        }
    )
    names = [*READ, "content_hash", *(["url"] if spec.order.url else [])]
    columns: dict[str, list[str] | None] = {parts.DOCUMENTS: names}
    if spec.order.quality and storage.is_file(storage.join(other, parts.path(QUALITY, part))):
        columns[QUALITY] = None
    text = parts.read(other, parts.DOCUMENTS, part, ["text"])["text"].take(members["row"].to_arrow())
    content = parts.aligned(other, part, columns)[members["row"]].with_columns(text=pl.Series(pl.from_arrow(text)))
    if "quality" not in content.columns:
        content = content.with_columns(quality=pl.lit(0.0, pl.Float32))
    found = pl.concat([members, content], how="horizontal").with_columns(
        part=pl.lit(spec.name), frozen=pl.lit(spec.frozen), bytes=pl.col("text").str.len_bytes()
    )
    pieces = spec.order.best_first(found).partition_by("piece", maintain_order=True, as_dict=True, include_key=False)
    blobs = [(int(piece), np.frombuffer(_packed(frame), _BYTES)) for (piece,), frame in sorted(pieces.items())]
    made, slices = write_slices(run, spec.path, blobs)
    listing, listed = list_slices(run, spec.path, slices)
    return Made([made, listing], {"documents": members.height}, listed)


def _packed(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_ipc_stream(out, compression="zstd")
    return out.getvalue()


def read(run: str, slices: Sequence[Slice], order: Order) -> pl.DataFrame:
    """The members of a piece, best first within each group."""
    gathered = gather(run, slices, _BYTES)
    ends = np.cumsum(np.bincount(gathered.which, minlength=len(gathered.files)))[:-1]
    frames = [pl.read_ipc_stream(io.BytesIO(blob.tobytes())) for blob in np.split(gathered.records, ends)]
    return order.best_first(pl.concat(frames))
