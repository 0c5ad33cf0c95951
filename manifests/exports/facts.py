"""What a run's records say of its data set: one pass over the narrow columns, summed into small tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from manifests import receipts, storage
from manifests.exports.rows import Basis, open_run
from manifests.licences import TEXT_SCOPES, UNKNOWN
from manifests.mix import MixManifest
from manifests.receipts import Output, digest_of
from manifests.report import frame as frames
from manifests.report.shown import plain
from manifests.reservations import host_of

#: routes by which pages are fetched from the open web
CRAWLS = ("own-crawl", "third-party-crawl")
SYNTHETIC = ("synthetic", "synthetic-verified")
_TERMS = ("route", "lawful_access", "training", "licensor", "order", "expires", "reference")
_TEXTS = ("origin", "generator", "style", "media_type", "licence", "licence_class", "language")
#: what silence means; of the others, nothing
_SILENT = {
    **dict.fromkeys(("route", "lawful_access", "training", "origin", "licence_class"), "unknown"),
    "licence": UNKNOWN,
}
_SUMS = ("documents", "tokens", "seen", "bytes")
_NUMBERS = dict.fromkeys(_SUMS, pl.Int64())
_TIME = pl.Datetime("us", "UTC")
_TABLES: dict[str, dict[str, pl.DataType]] = {
    "cube": {
        **dict.fromkeys(("source", *_TERMS, *_TEXTS), pl.String()),
        **_NUMBERS,
        "first": _TIME,
        "last": _TIME,
    },
    "hosts": {"host": pl.String(), "route": pl.String(), "synthetic": pl.Boolean(), **_NUMBERS},
    "claims": {**dict.fromkeys(("source", "expression", "kind", "scope"), pl.String()), **_NUMBERS},
    "reservations": {**dict.fromkeys(("source", "protocol", "value", "agent"), pl.String()), **_NUMBERS},
}


@dataclass(frozen=True)
class Facts:
    """``basis`` says which documents are counted. Tables have the sums ``documents``, ``tokens`` (each document once),
    ``seen`` (as often as the shards repeat it) and ``bytes`` (of text, UTF-8; 0 where tokens are known).
    """

    run: str
    record: Mapping[str, Any]  #: run.json
    basis: Basis
    tokenized: bool
    cube: pl.DataFrame  #: by source, terms, origin, media type, licence and language at once; first and last fetch
    hosts: pl.DataFrame  #: by host, route and whether synthetic
    claims: pl.DataFrame  #: by source, expression, kind and scope; a document counts for each of its claims
    reservations: pl.DataFrame  #: by source, protocol, value and agent; a document counts for each
    read: int  #: documents that were read in
    dropped: Mapping[str, int]  #: of these not kept, by reason
    pii: Mapping[str, int]  #: counted documents that hold any, by kind; empty where none was looked for
    mix: MixManifest | None
    shards: Mapping[str, Any]  #: shards/index.json
    takedowns: int
    models: tuple[Output, ...]

    @property
    def name(self) -> str:
        return plain(str(self.record.get("run") or self.run.rstrip("/").rsplit("/", 1)[-1]), 80)

    @property
    def date(self) -> str:
        """When the run finished, else when it started, as its record has it; empty where it has neither."""
        return str(self.record.get("finished") or self.record.get("started") or "")

    @property
    def version(self) -> str:
        """Of cuvée, as the run's record has it."""
        return str((self.record.get("versions") or {}).get("cuvee") or "")

    @cached_property
    def digest(self) -> str:
        """Of recipe, inputs and shards: what the data set follows from."""
        return digest_of(self.record.get("recipe_digest"), self.record.get("inputs"), dict(self.shards))

    @property
    def recipe(self) -> Mapping[str, Any]:
        return self.record.get("recipe") or {}

    @property
    def measure(self) -> str:
        """What shares are of."""
        return "tokens" if self.tokenized else "bytes"

    def total(self, name: str) -> int:
        return int(self.cube[name].sum())

    def by(self, *keys: str, where: pl.Expr | None = None) -> pl.DataFrame:
        """The sums by some keys of the cube, with first and last fetch, largest first."""
        table = self.cube if where is None else self.cube.filter(where)
        times = pl.col("first").min(), pl.col("last").max()
        summed = table.group_by(keys).agg(*(pl.col(n).sum() for n in _SUMS), *times)
        return summed.sort(self.measure, "documents", *keys, descending=[True, True, *(False for _ in keys)])

    @property
    def statement(self) -> str:
        """How much of what, in a clause."""
        which = {"shards": "in the training shards", "kept": "kept by selection", "read": "read, before any selection"}
        size = f"{self.total('documents'):,} documents {which[self.basis]}"
        if not self.tokenized:
            return f"{size}, {self.total('bytes'):,} bytes of text, not tokenized"
        repeated = f", {self.total('seen'):,} with repetitions" if self.shards else ""
        return f"{size}, {self.total('tokens'):,} tokens{repeated}"

    def declared(self, source: str) -> list[str]:
        """The licences that are claimed of a source's texts."""
        here = self.claims.filter(pl.col("source") == source, pl.col("scope").is_in(sorted(TEXT_SCOPES)))
        return here.filter(pl.col("kind") != "mention")["expression"].unique().sort().to_list()

    def concluded(self, source: str = "") -> list[str]:
        """The licences that its documents have, of all sources where none is named; most tokens first."""
        where = pl.col("source") == source if source else None
        return self.by("licence", where=where)["licence"].to_list()

    @property
    def sources(self) -> list[str]:
        return sorted(self.cube["source"].unique().to_list())


def gather(run: str) -> Facts:
    """Reads a run folder. ValueError when it is none."""
    rows = open_run(run)
    record = frames.json_of(run, "run.json") or {}
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in _TABLES}
    dropped: dict[str, int] = {}
    pii: dict[str, int] = {}
    read = 0
    for _, frame in rows:
        read += frame.height
        for reason, n in frame.filter(~pl.col("keep"))["reason"].fill_null("unknown").value_counts().iter_rows():
            dropped[reason] = dropped.get(reason, 0) + n
        counted = frame.filter("counted").drop("counted")
        for name, table in _summed(counted).items():
            found[name].append(table)
        for column in (c for c in counted.columns if c.startswith("pii_")):
            kind = column.removeprefix("pii_")
            pii[kind] = pii.get(kind, 0) + int((counted[column] > 0).sum())
    mix = storage.join(run, "mix/mix.yaml")
    return Facts(
        run=run,
        record=record,
        basis=rows.basis,
        tokenized=rows.tokenized,
        **{name: _merged(name, tables) for name, tables in found.items()},
        read=read,
        dropped=dict(sorted(dropped.items(), key=lambda i: (-i[1], i[0]))),
        pii=dict(sorted(pii.items())),
        mix=MixManifest.read(mix) if storage.is_file(mix) else None,
        shards=rows.shards,
        takedowns=len(storage.list_files(storage.join(run, "takedowns"), "receipt.json", recursive=True)),
        models=tuple(_models(run)),
    )


def _summed(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables of one part."""
    hosts = {u: host_of(u) for u in rows["url"].fill_null("").unique().to_list()}
    terms = (pl.col("acquisition").struct.field(n).cast(pl.String).alias(n) for n in _TERMS)
    rows = rows.with_columns(*terms, documents=pl.lit(1, pl.Int64)).with_columns(
        *(pl.col(n).fill_null(_SILENT.get(n, "")) for n in (*_TERMS, *_TEXTS)),
        host=pl.col("url").fill_null("").replace_strict(hosts, return_dtype=pl.String),
        synthetic=pl.col("origin").is_in(SYNTHETIC),
        first=pl.col("fetched_at").cast(_TIME),
        last=pl.col("fetched_at").cast(_TIME),
    )
    told = {}
    for name in ("claims", "reservations"):
        fields = [c for c in _TABLES[name] if c not in (*_NUMBERS, "source")]
        flat = rows.select("row", "source", *_SUMS, name).explode(name).drop_nulls(name).unnest(name)
        told[name] = flat.select("row", "source", *fields, *_SUMS).unique(["row", *fields], maintain_order=True)
    return {name: _grouped(name, told.get(name, rows)) for name in _TABLES}


def _grouped(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    schema = _TABLES[name]
    sums = [pl.col(n).sum() for n in _SUMS]
    times = [pl.col("first").min(), pl.col("last").max()] if "first" in schema else []
    keys = [n for n in schema if n not in (*_SUMS, "first", "last")]
    return rows.group_by(keys).agg(*sums, *times).select(pl.col(n).cast(t) for n, t in schema.items()).sort(keys)


def _merged(name: str, tables: list[pl.DataFrame]) -> pl.DataFrame:
    return _grouped(name, pl.concat([pl.DataFrame(schema=_TABLES[name]), *tables]))


def _models(run: str) -> Iterator[Output]:
    """What the run trained or took as a model, by its receipts."""
    found: dict[str, Output] = {}
    for stage in receipts.stages(run):
        if stage not in ("ingest", "annotate", "select", "keys", "duplicates", "shards", "pools"):
            for task in receipts.tasks(run, stage):
                receipt = receipts.read(run, stage, task)
                found |= {o.path: o for o in (receipt.outputs if receipt else ()) if o.path.startswith("models/")}
    return iter(found[path] for path in sorted(found))
