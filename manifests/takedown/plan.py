"""The plan of a takedown: every document it means, and what followed from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import polars as pl

from manifests import parts, storage
from manifests.licences import normalise
from manifests.lineage import Index
from manifests.lineage.addresses import column as surts
from manifests.takedown.request import Request
from manifests.token_files import SUFFIXES, spans_path


@dataclass(frozen=True)
class Target:
    """A document to take down. ``why`` is ``requested``, ``duplicate of ID`` or ``derived from ID``."""

    part: str
    row: int
    id: str
    url: str
    content_hash: str
    stratum: str
    tokens: int
    why: str


@dataclass(frozen=True)
class Plan:
    """``places`` lists, for each shard, the stretches ``[start, end)`` of the targets' tokens."""

    requests: tuple[Request, ...]
    targets: tuple[Target, ...]
    places: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """In the shards, every occurrence counted."""
        return sum(end - start for found in self.places.values() for start, end in found)

    def rows(self) -> dict[str, list[int]]:
        """Rows by document part."""
        found: dict[str, list[int]] = {}
        for target in self.targets:
            found.setdefault(target.part, []).append(target.row)
        return {part: sorted(rows) for part, rows in sorted(found.items())}

    def as_dict(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Plan:
        places = {shard: [(a, b) for a, b in found] for shard, found in raw["places"].items()}
        known = [f.name for f in fields(Target)]  # journals of earlier versions say more
        targets = (Target(**{n: t[n] for n in known}) for t in raw["targets"])
        return cls(tuple(Request(**r) for r in raw["requests"]), tuple(targets), places)


_COLUMNS = ["id", "url", "content_hash", "parents"]


def plan(run: str, requests: Sequence[Request]) -> Plan:
    """All documents of the requests, with their near-duplicates and with what was made of any of them.

    Reads the small columns of every part once. ValueError when no document is meant.
    """
    frame = _documents(run)
    why = pl.Series("why", [None] * frame.height, dtype=pl.String)
    for request in requests:
        chosen = _meant(run, frame, request)
        why = pl.select(pl.when(why.is_null() & chosen).then(pl.lit("requested")).otherwise(why))[:, 0]
    if why.null_count() == frame.height:
        asked = ", ".join(f"{r.kind} {r.value}" for r in requests)
        raise ValueError(f"{asked}: no document of {run} is meant")
    why = _followed(frame, why)
    found = frame.with_columns(why=why).filter(pl.col("why").is_not_null())
    places = _places(run, found)
    rows = found.select(f.name for f in fields(Target)).iter_rows(named=True)
    return Plan(tuple(requests), tuple(Target(**row) for row in rows), places)


def _documents(run: str) -> pl.DataFrame:
    frames = []
    for path in storage.list_files(storage.join(run, parts.DOCUMENTS), "part-*.parquet", recursive=True):
        part = parts.part_of(path)
        columns: dict[str, list[str] | None] = {parts.DOCUMENTS: _COLUMNS}
        known = {"duplicates": ["survivor", "cluster"], "verdicts": ["stratum"], "annotations/united": ["licence"]}
        columns |= {c: n for c, n in known.items() if storage.is_file(storage.join(run, parts.path(c, part)))}
        frame = parts.aligned(run, part, columns)
        missing = [n for names in known.values() for n in names if n not in frame.columns]
        frame = frame.with_columns(*(pl.lit(None, pl.String).alias(n) for n in missing))
        frame = frame.with_columns(
            pl.col("url").fill_null(""),
            pl.col("stratum").fill_null(""),
            parents=pl.col("parents").list.eval(pl.element().struct.field("id")),
            part=pl.lit(part),
        )
        frames.append(frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)))
    if not frames:
        raise ValueError(f"{run} holds no documents")
    frame = pl.concat(frames)
    tokens = _tokens(run)
    return frame.join(tokens, on=["part", "row"], how="left", maintain_order="left").with_columns(
        pl.col("tokens").fill_null(0)
    )


def _tokens(run: str) -> pl.DataFrame:
    try:
        index = Index(run)
    except ValueError:
        return pl.DataFrame(schema={"part": pl.String, "row": pl.Int64, "tokens": pl.Int64})
    frame = index.roll_up(["part", "row", "tokens"])
    names = dict(enumerate(index.names["part"]))
    return frame.select(
        pl.col("part").replace_strict(names, return_dtype=pl.String),
        pl.col("row").cast(pl.Int64),
        pl.col("tokens").cast(pl.Int64),
    )


def _meant(run: str, frame: pl.DataFrame, request: Request) -> pl.Series:
    if request.kind == "id":
        return frame["id"] == request.value
    if request.kind == "hash":
        return frame["content_hash"] == request.value
    if request.kind == "licence":
        return (frame["licence"] == normalise(request.value)).fill_null(False)
    keys = surts(frame["url"])
    found = pl.Series([False] * frame.height)
    for low, high in request.ranges():
        found |= (keys >= low) & (keys < high)
    return found & (frame["url"] != "")


def _followed(frame: pl.DataFrame, why: pl.Series) -> pl.Series:
    """With near-duplicates and derivatives of what is chosen, until nothing more follows."""
    clusters = frame["cluster"]
    while True:
        before = why.null_count()
        chosen = frame.filter(why.is_not_null())
        cluster = dict(zip(chosen["cluster"].to_list(), chosen["id"].to_list(), strict=True))
        cluster |= dict(zip(chosen["id"].to_list(), chosen["id"].to_list(), strict=True))
        cluster |= {s: i for s, i in zip(chosen["survivor"].to_list(), chosen["id"].to_list(), strict=True) if s}
        cluster.pop(None, None)
        of = clusters.replace_strict(cluster, default=None, return_dtype=pl.String)
        same = frame["survivor"].replace_strict(cluster, default=None, return_dtype=pl.String)
        itself = frame["id"].replace_strict(cluster, default=None, return_dtype=pl.String)
        first = pl.select(pl.coalesce(of, same, itself))[:, 0]
        why = pl.select(pl.coalesce(why, pl.lit("duplicate of ") + first))[:, 0]
        ids = set(frame.filter(why.is_not_null())["id"].to_list())
        parent = frame.select(
            pl.col("parents").list.eval(pl.element().filter(pl.element().is_in(list(ids)))).list.first()
        )[:, 0]
        why = pl.select(pl.coalesce(why, pl.lit("derived from ") + parent))[:, 0]
        if why.null_count() == before:
            return why


def _places(run: str, chosen: pl.DataFrame) -> dict[str, list[tuple[int, int]]]:
    """Stretches of the shards, from the spans that lie beside their tokens."""
    keys = chosen.select(pl.format("documents/{}.parquet", "part").alias("part"), pl.col("row").cast(pl.Int32))
    found = {}
    for shard in token_files(run):
        path = storage.join(run, spans_path(shard))
        spans = pl.DataFrame(pl.from_arrow(storage.read_table(path))).with_columns(pl.col("part").cast(pl.String))
        mine = spans.join(keys, on=["part", "row"], how="semi", maintain_order="left")
        if mine.height:
            found[shard] = [(int(a), int(b)) for a, b in mine.select("start", "end").iter_rows()]
    return found


def token_files(run: str) -> list[str]:
    """Token files of the shards that have spans beside them, relative to the run, sorted."""
    found = []
    for path in storage.list_files(storage.join(run, "shards"), "*.spans.parquet", recursive=True):
        stem = path.removesuffix(".spans.parquet")
        name = next((stem + s for s in SUFFIXES if storage.is_file(stem + s)), "")
        if name:
            found.append(name.removeprefix(f"{run.rstrip('/')}/"))
    return sorted(found)
