"""The reviews that count for a run, and which of them meets a document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from manifests import storage
from manifests.lineage.numbers import Ints
from manifests.receipts import digest_of
from manifests.reviews import file
from manifests.reviews.review import Review

#: where a run keeps its own
PATH = "reviews/decisions.jsonl"


@dataclass(frozen=True)
class Book:
    """Reviews in the order of their time; those of one second in the order of the files and their lines."""

    reviews: tuple[Review, ...] = ()

    @classmethod
    def read(cls, *uris: str) -> Book:
        """Of files; those that are absent are empty. ValueError names file and line of what is no review."""
        found = [review for uri in dict.fromkeys(uris) for review in file.read(uri)]
        return cls(tuple(sorted(found, key=lambda r: r.moment)))

    def __len__(self) -> int:
        return len(self.reviews)

    @cached_property
    def current(self) -> tuple[Review, ...]:
        """Without those that a later one about the same replaces."""
        last = {r.target: i for i, r in enumerate(self.reviews)}
        return tuple(r for i, r in enumerate(self.reviews) if last[r.target] == i)

    @property
    def digest(self) -> str:
        """Of what they decide, whoever it was and why."""
        return digest_of([(*r.target, r.action, r.licence) for r in self.current])

    @cached_property
    def _by_target(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {"document": {}, "host": {}, "signature": {}}
        for i, review in enumerate(self.current):
            scope, value = review.target
            found[scope][value] = i
        return found

    def met(self, *, document: str = "", host: str = "", signature: str = "") -> list[Review]:
        """All that meet one document, by its id, its host reversed and its evidence: the last one counts."""
        codes = (*self.of_host(host), self._by_target["document"].get(document, -1))
        chosen = {*codes, self._by_target["signature"].get(signature, -1)} - {-1}
        targets = {self.current[i].target for i in chosen}
        return [r for r in self.reviews if r.target in targets]

    def latest(self, *, documents: pl.Series, hosts: pl.Series, signatures: pl.Series) -> Ints:
        """For each row the place in ``current`` of the review that counts, -1 for none.

        Ids, hosts reversed (``org,example:8080``), and names of evidence signatures, one a document.
        """
        found = np.full(len(documents), -1, np.int64)
        for scope, column in (("document", documents), ("signature", signatures)):
            if known := self._by_target[scope]:
                codes = column.replace_strict(known, default=-1, return_dtype=pl.Int64)
                found = np.maximum(found, codes.fill_null(-1).to_numpy())
        if self._by_target["host"]:
            found = np.maximum(found, self.latest_of_hosts(hosts))
        return found

    def latest_of_hosts(self, hosts: pl.Series) -> Ints:
        distinct = hosts.unique().to_list()
        codes = {h: max(self.of_host(h), default=-1) for h in distinct}
        return hosts.replace_strict(codes, default=-1, return_dtype=pl.Int64).fill_null(-1).to_numpy()

    @property
    def hosts(self) -> bool:
        """Whether any is about a host."""
        return bool(self._by_target["host"])

    def values(self, scope: str) -> dict[str, int]:
        """What is decided by this scope, with its place in ``current``."""
        return self._by_target[scope]

    def of_host(self, host: str | None) -> list[int]:
        """Places in ``current`` of the reviews of a host (reversed), of it without its port, and of all above it."""
        known, found = self._by_target["host"], []
        label = host or ""
        if label in known:
            found.append(known[label])
        label = label.split(":")[0] if label.count(":") == 1 else label  # two and more are of an IPv6 address
        while label:
            if label in known and known[label] not in found:
                found.append(known[label])
            label = label.rpartition(",")[0]
        return found


def of_run(run: str) -> Book:
    """The run's own reviews, and those of the files that its recipe named when it last ran.

    ValueError as of ``Book.read``.
    """
    record = storage.join(run, "run.json")
    told = json.loads(storage.read_bytes(record)).get("reviews") or [] if storage.is_file(record) else []
    others = (str(r["file"]).replace("{run}", run.rstrip("/"), 1) for r in told)
    return Book.read(*others, storage.join(run, PATH))
