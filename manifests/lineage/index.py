"""Questions to the lineage index: each is a bisection, and reads the row groups it needs.

Measured on three million documents: see ``benchmarks/lineage.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests import storage
from manifests.lineage import addresses, relations
from manifests.lineage.numbers import Ints, distinct
from manifests.lineage.tables import FILES, GROUP, RELATIONS, SPAN_GROUP


@dataclass(frozen=True)
class Entry:
    """A document as the index knows it. ``surt`` is its address without the scheme, host reversed."""

    number: int
    surt: str
    part: str
    row: int
    file: str
    offset: int
    length: int
    signature: str
    evidence: str  #: JSON of the signature: claims, reservations, acquisition, origin
    domain: str
    kept: bool
    tokens: int


@dataclass(frozen=True)
class Place:
    """A stretch of tokens ``[start, end)`` of a shard."""

    shard: str
    start: int
    end: int


class Index:
    """Questions to the index; each reads the row groups it needs. ValueError where there is no index, or no answer."""

    def __init__(self, run: str) -> None:
        self.run = run
        missing = [f for f in FILES[:6] if not storage.is_file(storage.join(run, f))]
        if missing:
            raise ValueError(f"{run} has no lineage index ({missing[0]} is missing): run the recipe again")
        self._documents = storage.open_parquet(storage.join(run, FILES[0]))
        self._spans = storage.open_parquet(storage.join(run, FILES[1]))
        self._places = storage.open_parquet(storage.join(run, FILES[5]))

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """By kind (part, file, domain, shard), in the order of their codes."""
        found: dict[str, list[str]] = {"part": [], "file": [], "domain": [], "shard": []}
        for kind, name in zip(self._names["kind"], self._names["name"], strict=True):
            found[kind].append(name)
        return found

    @cached_property
    def _names(self) -> dict[str, list[Any]]:
        return dict(storage.read_table(storage.join(self.run, FILES[3])).to_pydict())

    @cached_property
    def _sizes(self) -> dict[str, int]:
        rows = zip(self._names["kind"], self._names["name"], self._names["size"], strict=True)
        return {name: size for kind, name, size in rows if kind == "shard"}

    @cached_property
    def signatures(self) -> pl.DataFrame:
        """Columns ``signature`` and ``evidence``, in the order of their codes."""
        return pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(self.run, FILES[4]))))

    @cached_property
    def hosts(self) -> pl.DataFrame:
        """Columns ``host`` (reversed), ``first`` (its first document), ``documents``, ``kept`` and ``tokens``."""
        return pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(self.run, FILES[2]))))

    @property
    def documents(self) -> int:
        return int(self._documents.metadata.num_rows)

    @property
    def spans(self) -> int:
        return int(self._spans.metadata.num_rows)

    @cached_property
    def _bounds(self) -> list[tuple[str, str]]:
        """The least and greatest address of each row group."""
        return [self._bound(g) for g in range(self._documents.metadata.num_row_groups)]

    def _bound(self, group: int) -> tuple[str, str]:
        told = self._documents.metadata.row_group(group).column(0).statistics
        if told is not None and told.has_min_max:
            return _string(told.min), _string(told.max)
        keys = self._keys(group)  # of an address of more than 4 KiB Parquet keeps no statistics
        return keys[0].as_py(), keys[-1].as_py()

    def _keys(self, group: int) -> pa.ChunkedArray:
        return self._documents.read_row_group(group, ["surt"], use_threads=False)["surt"]

    def at(self, shard: str, offset: int) -> tuple[Entry, Place]:
        """The document of a token. ValueError when the shard is not in the index, or has no such token."""
        if shard not in self._sizes:
            known = ", ".join(self.names["shard"][:3]) or "none"
            raise ValueError(f"{shard}: not a shard of this run; there are {known}")
        start, document = self.spans_of(shard)
        total = self.size_of(shard)
        if not 0 <= offset < total:
            raise ValueError(f"{shard} holds tokens 0 to {total - 1}; there is no token {offset}")
        i = int(np.searchsorted(start, offset, side="right")) - 1
        end = int(start[i + 1]) if i + 1 < len(start) else total
        if document[i] < 0:
            raise ValueError(f"{shard}: tokens {start[i]} to {end - 1} are no document's: taken from the index")
        return self.entry(int(document[i])), Place(shard, int(start[i]), end)

    def size_of(self, shard: str) -> int:
        """Tokens of a shard."""
        return self._sizes[shard]

    @cached_property
    def _first_spans(self) -> Ints:
        """The row of the first span of each shard, and the number of rows."""
        counts = [n for kind, n in zip(self._names["kind"], self._names["spans"], strict=True) if kind == "shard"]
        return np.cumsum([0, *counts], dtype=np.int64)

    def spans_of(self, shard: str) -> tuple[Ints, Ints]:
        """``start`` and ``document`` of a shard's spans, in their order."""
        code = self.names["shard"].index(shard)
        first, last = int(self._first_spans[code]), int(self._first_spans[code + 1])
        groups = range(first // SPAN_GROUP, -(-last // SPAN_GROUP))
        table = self._spans.read_row_groups(list(groups), use_threads=False)
        table = table.slice(first - groups[0] * SPAN_GROUP if groups else 0, last - first)
        return table["start"].to_numpy().astype(np.int64), table["document"].to_numpy().astype(np.int64)

    def entry(self, number: int) -> Entry:
        """A document by its number."""
        return self.entries(np.array([number]))[0]

    def entries(self, numbers: Ints) -> list[Entry]:
        frame = self.rows(numbers)
        names, interned = self.names, self.signatures
        found = []
        for number, row in zip(numbers.tolist(), frame.iter_rows(named=True), strict=True):
            code = row["signature"]
            found.append(
                Entry(
                    number=number,
                    surt=row["surt"],
                    part=names["part"][row["part"]],
                    row=row["row"],
                    file=names["file"][row["file"]],
                    offset=row["offset"],
                    length=row["length"],
                    signature=interned["signature"][code],
                    evidence=interned["evidence"][code],
                    domain=names["domain"][row["domain"]],
                    kept=row["kept"],
                    tokens=row["tokens"],
                )
            )
        return found

    def rows(self, numbers: Ints, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Rows of the table by their numbers, in the order given; only their row groups are read."""
        return _rows(self._documents, np.asarray(numbers, np.int64), columns)

    def below(self, text: str) -> Ints:
        """Numbers of all documents of a host with its subdomains, or below a path: a few bisections."""
        return self.between(addresses.prefix_of(text))

    def by_url(self, url: str) -> Ints:
        """Numbers of the documents of one address; http and https are one."""
        key = addresses.surt(url)
        return self.between([(key, f"{key}\0")])

    def between(self, ranges: Sequence[tuple[str, str]]) -> Ints:
        """Numbers of the documents whose addresses lie in these ranges ``[low, high)``, each once."""
        found = []
        for low, high in ranges:
            groups = [g for g, (least, most) in enumerate(self._bounds) if least < high and most >= low]
            if not groups:
                continue
            # a row group within the range need not be read
            edges = [g for g in groups if not (self._bounds[g][0] >= low and self._bounds[g][1] < high)]
            whole = set(groups) - set(edges)
            for g in groups:
                first, size = g * GROUP, self._documents.metadata.row_group(g).num_rows
                if g in whole:
                    found.append(np.arange(first, first + size, dtype=np.int64))
                    continue
                keys = self._keys(g)
                inside = pc.and_(pc.greater_equal(keys, low), pc.less(keys, high)).to_numpy()
                found.append(first + np.flatnonzero(inside))
        return distinct(np.concatenate(found)) if found else np.empty(0, np.int64)

    def by_id(self, identifier: str) -> Ints:
        """Numbers of the documents whose id starts with the same 64 bits: one column is searched."""
        return self.by_ids([identifier])[0]

    def by_ids(self, identifiers: Sequence[str]) -> list[Ints]:
        """The same of several, in one pass; none for what is no id."""
        wanted = [int(i[:16], 16) if re.fullmatch(r"[0-9a-f]{16,}", i) else -1 for i in identifiers]
        keys = np.array([k for k in wanted if k >= 0], np.uint64)
        found: dict[int, list[int]] = {}
        for first, table in self._pieces(["key"]):
            column = table["key"].to_numpy()
            for row in np.flatnonzero(np.isin(column, keys)).tolist():
                found.setdefault(int(column[row]), []).append(first + row)
        return [np.array(found.get(k, []), np.int64) for k in wanted]

    def by_place(self, places: Sequence[tuple[str, int]]) -> list[int]:
        """Numbers of the documents of these parts and rows; those not in the index are left out."""
        codes = {name: i for i, name in enumerate(self.names["part"])}
        wanted = np.array([codes[part] << 32 | row for part, row in places if part in codes], np.int64)
        found: list[int] = []
        for first, table in self._pieces(["part", "row"]):
            place = (table["part"].to_numpy().astype(np.int64) << 32) | table["row"].to_numpy()
            found += (first + np.flatnonzero(np.isin(place, wanted))).tolist()
        return found

    def _pieces(self, columns: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Columns of all documents, a million at a time: memory does not grow with them."""
        first = 0
        for batch in self._documents.iter_batches(1 << 20, columns=columns, use_threads=False):
            yield first, batch
            first += batch.num_rows

    def followers(self, numbers: Ints) -> tuple[relations.Following, pl.DataFrame]:
        """What follows from documents: their near-duplicates, what was made of any of these, and so on; and the places
        of all that, as of ``places``. ValueError when the index was made before it knew.
        """
        uri = storage.join(self.run, RELATIONS)
        if not storage.is_file(uri):
            raise ValueError(
                f"{self.run}: its lineage index does not know what follows from what: run the recipe again"
            )
        known = relations.Relations(uri)
        found = known.follow(np.asarray(numbers, np.int64), self.documents)
        stretches, shard, start, tokens = (
            known.columns[n][found.edge] for n in ("stretches", "shard", "start", "tokens")
        )
        once = stretches == 1
        names = pl.Series(self.names["shard"], dtype=pl.String)
        places = pl.DataFrame(
            {
                "document": found.numbers[once],
                "shard": names.gather(shard[once]) if once.any() else pl.Series([], dtype=pl.String),
                "start": start[once],
                "end": start[once] + tokens[once],
            },
            schema={"document": pl.Int64, "shard": pl.String, "start": pl.Int64, "end": pl.Int64},
        )
        return found, pl.concat([places, self.places(found.numbers[stretches > 1])])

    def places(self, numbers: Ints) -> pl.DataFrame:
        """Where documents lie in the shards: columns ``document``, ``shard`` (a name), ``start``, ``end``."""
        numbers = distinct(np.asarray(numbers, np.int64))
        schema = {"document": pl.Int64, "shard": pl.String, "start": pl.Int64, "end": pl.Int64}
        if not len(numbers):
            return pl.DataFrame(schema=schema)
        asked = distinct(np.concatenate([numbers, np.minimum(numbers + 1, self.documents - 1)]))
        frame = self.rows(asked, ["place", "tokens"])
        place, tokens = frame["place"].to_numpy(), frame["tokens"].to_numpy()
        here, following = np.searchsorted(asked, numbers), np.searchsorted(asked, numbers + 1)
        total = int(self._places.metadata.num_rows)
        ends = np.where(numbers + 1 < self.documents, place[np.minimum(following, len(place) - 1)], total)
        counts = ends - place[here]
        rows = np.repeat(place[here] - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
        if not len(rows):
            return pl.DataFrame(schema=schema)
        found = _rows(self._places, rows, None)
        start = found["start"].to_numpy()
        return pl.DataFrame(
            {
                "document": np.repeat(numbers, counts),
                "shard": pl.Series(self.names["shard"], dtype=pl.String).gather(found["shard"].to_numpy()),
                "start": start,
                "end": start + np.repeat(tokens[here], counts) + found["more"].to_numpy(),
            },
            schema=schema,
        )

    def stretch(self, first: int, last: int, *, format: str) -> list[tuple[Entry, Place]]:
        """Documents of the tokens ``[first, last)`` of a format's shards, read one after another in their order."""
        names = [n for n in self.names["shard"] if n.split("/")[1:2] == [format]]
        total = sum(map(self.size_of, names))
        if not 0 <= first < last <= total:
            raise ValueError(f"the {format} shards hold tokens 0 to {total - 1}, not {first} to {last - 1}")
        found, before = [], 0
        for name in names:
            size = self.size_of(name)
            low, high = max(first - before, 0), min(last - before, size)
            if low < high:
                starts, document = self.spans_of(name)
                start = np.append(starts, size)
                a, b = int(np.searchsorted(start, low, side="right")) - 1, int(np.searchsorted(start, high))
                rows = [i for i in range(a, b) if document[i] >= 0]
                entries = self.entries(document[rows])
                found += [
                    (e, Place(name, int(start[i]), int(start[i + 1]))) for i, e in zip(rows, entries, strict=True)
                ]
            before += size
        return found

    def roll_up(self, columns: Sequence[str]) -> pl.DataFrame:
        """Whole columns of the table, for sums over all documents."""
        return pl.DataFrame(pl.from_arrow(self._documents.read(list(columns))))


def _rows(file: pq.ParquetFile, numbers: Ints, columns: Sequence[str] | None) -> pl.DataFrame:
    """Rows of a table by their numbers, in the order given; only their row groups are read."""
    groups = distinct(numbers // GROUP)
    table = file.read_row_groups(groups.tolist(), columns and list(columns), use_threads=False)
    sizes = np.array([file.metadata.row_group(int(g)).num_rows for g in groups], np.int64)
    first = np.cumsum(sizes) - sizes
    place = first[np.searchsorted(groups, numbers // GROUP)] + numbers % GROUP
    return pl.DataFrame(pl.from_arrow(table.take(pa.array(place))))


def _string(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
