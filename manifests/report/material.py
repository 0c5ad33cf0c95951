"""What every section is made from: the run's record, receipts and sums, and the shelf of documents to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

import polars as pl

from manifests import parts, receipts, storage
from manifests.mix import MixManifest
from manifests.policy import Policy
from manifests.receipts import Receipt
from manifests.report import frame as frames
from manifests.report import queries, sums, thresholds
from manifests.report.queries import Why
from manifests.report.shelf import Shelf
from manifests.report.sums import SUMS, Sums
from manifests.report.thresholds import Threshold


@dataclass(frozen=True)
class Material:
    run: str
    record: Mapping[str, Any]  #: run.json; empty where there is none
    receipts: Sequence[Receipt]
    sums: Sums
    thresholds: Sequence[Threshold]
    parts: Sequence[str]
    mix: MixManifest | None
    shards: Mapping[str, Any]  #: shards/index.json; empty where there is none
    shelf: Shelf
    meant: dict[str, Sequence[str]] = field(default_factory=dict)  #: kinds of evidence, by what queries call them
    _numbers: Any = field(default_factory=count)

    @property
    def recipe(self) -> Mapping[str, Any]:
        return self.record.get("recipe") or {}

    @property
    def redact(self) -> bool:
        return self.shelf.redact

    def why(self, query: str, gives: Mapping[str, float | None], behind: Sequence[str] | None = ()) -> Why:
        """``gives`` is the one row of the query's answer; of what is None the page says nothing."""
        said = {name: value for name, value in gives.items() if value is not None}
        return Why(next(self._numbers), query, said, self.shelf.put(behind))

    def table(self, query: str) -> Why:
        """Of a query whose answer is a whole table."""
        return Why(next(self._numbers), query, {}, table=True)

    def evidence(self, name: str, signatures: Sequence[str]) -> str:
        """A condition: documents of these kinds of evidence, which the queries know by a name."""
        self.meant[name] = signatures
        return f"pl.col('signature').is_in(meant[{name!r}])"

    def left_out(self, more: int, shown: int, *columns: str, within: str = "documents") -> Why:
        """Of how many distinct values of these columns have no row."""
        return self.why(queries.left_out(shown, *columns, within=within), {"more": more})

    def summed(self, row: Mapping[str, Any], *conditions: str, names: Sequence[str] = SUMS, **equal: Any) -> Why:
        """Of a row of sums: the documents that meet these conditions."""
        query = queries.totals(queries.where(*conditions, **equal), *(names if tuple(names) != SUMS else ()))
        return self.why(query, {n: row[n] for n in names}, row["behind"])

    @cached_property
    def sharded(self) -> list[str]:
        """The first documents of a shard, as sums name documents; none without shards."""
        for name, listed in sorted((self.shards.get("formats") or {}).items()):
            for shard in listed[:1]:
                stem = f"shards/{name}/{shard['files'][0].rsplit('.', 1)[0]}"
                if (spans := frames.table(self.run, f"{stem}.spans.parquet")) is not None:
                    found = zip(spans["part"].cast(pl.String)[: sums.FIVE], spans["row"][: sums.FIVE], strict=True)
                    return [f"shards {parts.part_of(part)} {row}" for part, row in found]
        return []

    @property
    def measure(self) -> str:
        """What shares are of: tokens, where documents were tokenized."""
        return (
            "tokens"
            if int(self.sums.tables["outcomes"]["tokens"].sum() or 0)
            else "kept"
            if self.judged
            else "documents"
        )

    @property
    def policy(self) -> Policy | None:
        """The policy of the mix; None when there is none, or what its name stands for has changed since."""
        return Policy.of_mix(self.mix, self.record, self.run)

    @property
    def judged(self) -> bool:
        """Whether there are verdicts."""
        return not self.sums.tables["outcomes"].filter(pl.col("keep").is_not_null()).is_empty()


def gather(run: str, *, redact: bool = False) -> Material:
    """Reads a run folder. ValueError when it is none."""
    if not storage.is_file(storage.join(run, "run.json")) and not storage.exists(storage.join(run, "documents")):
        raise ValueError(f"{run} is no run folder: it has neither run.json nor documents/")
    record = frames.json_of(run, "run.json") or {}
    names = frames.document_parts(run)
    rules = thresholds.of(run, record, names[0]) if names else []
    mix = storage.join(run, "mix/mix.yaml")
    return Material(
        run=run,
        record=record,
        receipts=_receipts(run),
        sums=sums.gather(run, names, rules),
        thresholds=rules,
        parts=names,
        mix=MixManifest.read(mix) if storage.is_file(mix) else None,
        shards=frames.json_of(run, "shards/index.json") or {},
        shelf=Shelf(run, redact=redact),
    )


def _receipts(run: str) -> list[Receipt]:
    root = storage.join(run, "receipts")
    found = []
    for uri in storage.list_files(root, "*.json", recursive=True):
        stage, name = uri.removeprefix(root).strip("/").rsplit("/", 1)
        if receipt := receipts.read(run, stage, name.removesuffix(".json")):
            found.append(receipt)
    return found
