"""Licences as tasks: hosts' files gathered, evidence concluded, and duplicates' claims united with their survivor's.

``annotations/licence`` concludes from a document's own evidence and what its host says. ``annotations/united`` has the
same columns after deduplication: a document that stands for others carries their claims too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import parts, schemas, signatures, storage
from manifests.receipts import digest_of, output
from manifests.reservations import Hosts, host_of
from manifests.reviews import Book
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.stages import reviews
from pipelines.task import Made, Task

VERSION = 3
COLUMN = "annotations/licence"
UNITED = "annotations/united"
SIGNATURES = "signatures"
UNITED_SIGNATURES = "signatures-united"
HOSTS = "hosts/all.parquet"
MEMBERS = "exchange/members"


def conclude(conductor: Conductor, catalog: Catalog, fresh: Sequence[str], suffix: str) -> None:
    """Writes ``hosts/all.parquet`` and the conclusions of the fresh parts."""
    files = sorted(p for p in catalog.files if p.startswith("hosts/") and p != HOSTS)
    key = digest_of("hosts", VERSION, [(p, catalog.files[p].digest) for p in files])
    if not suffix:
        catalog.add([conductor.here("hosts", Task("hosts", "hosts", key, gather_hosts, tuple(files)))])
    hosts = catalog.files[HOSTS].digest
    tasks = []
    for part in fresh:
        key = catalog.key("licences", VERSION, part, [parts.DOCUMENTS, parts.EVIDENCE], hosts)
        tasks.append(Task(f"licences{suffix}", parts.task_name(part), key, conclude_part, part))
    catalog.add(conductor.map(f"licences{suffix}", tasks))


def gather_hosts(run: str, files: tuple[str, ...]) -> Made:
    """What hosts say, sorted by host and date; what did not change since the time before is left out."""
    tables = [storage.read_table(storage.join(run, f)) for f in files] or [schemas.HOSTS.empty_table()]
    frame = pl.concat([pl.DataFrame(pl.from_arrow(t)) for t in tables])
    said = ("host", "kind", "status", "body")
    frame = frame.sort("host", "kind", "fetched_at", "status", "body")
    frame = frame.filter(pl.any_horizontal(pl.col(n).ne_missing(pl.col(n).shift()) for n in said))
    storage.write_table(storage.join(run, HOSTS), frame.to_arrow().cast(schemas.HOSTS))
    return Made([output(run, HOSTS, frame.height)], {"files": frame.height, "hosts": frame["host"].n_unique()})


def conclude_part(run: str, part: str) -> Made:
    ids = parts.ids_of(run, part)
    evidence = parts.read(run, parts.EVIDENCE, part, ids=ids)
    return _written(run, part, _with_hosts(run, part, evidence), COLUMN, SIGNATURES, ids)


def _written(run: str, part: str, evidence: pa.Table, column: str, folder: str, ids: str) -> Made:
    rows, interned = signatures.annotate(evidence)
    outputs = [
        parts.write(run, column, part, pa.Table.from_batches([rows]), schema="licence", ids=ids),
        parts.write(run, folder, part, interned, schema="signatures", ids=ids),
    ]
    classes = pl.Series(rows["licence_class"].to_pylist(), dtype=pl.String).value_counts().iter_rows()
    counts = {"documents": rows.num_rows, "reserved": sum(rows["reserved"].to_pylist())}
    return Made(outputs, counts | {f"class:{name}": n for name, n in classes})


def _with_hosts(run: str, part: str, evidence: pa.Table) -> pa.Table:
    """The evidence with what each document's host says of its address."""
    documents = parts.read(run, parts.DOCUMENTS, part, ["url", "fetched_at"])
    urls = documents["url"].to_pylist()
    named = [host_of(u) if u else "" for u in urls]
    with storage.open_input(storage.join(run, HOSTS)) as f:
        known = pq.read_table(f, filters=[("host", "in", sorted(set(named) - {""}) or [""])])
    if not known.num_rows:
        return evidence
    hosts = Hosts(known)
    cache: dict[tuple[object, object], list[dict[str, object]]] = {}
    rows = []
    for url, date, own in zip(
        urls, documents["fetched_at"].to_pylist(), evidence["reservations"].to_pylist(), strict=True
    ):
        if (url, date) not in cache:
            cache[url, date] = [vars(r) for r in hosts.reservations(url, date)] if url else []
        rows.append([*(own or ()), *cache[url, date]])
    i = evidence.column_names.index("reservations")
    return evidence.set_column(i, evidence.schema.field(i), pa.array(rows, evidence.schema.field(i).type))


@dataclass(frozen=True)
class _Members:
    earlier: tuple[str, ...]
    fresh: tuple[str, ...]


def unite(conductor: Conductor, catalog: Catalog, book: Book, fresh: Sequence[str], suffix: str) -> None:
    """Writes ``annotations/united`` for the fresh parts: with the claims of copies, and what people decided of each.

    Which documents stand for which is joined by the driver, from the columns of ``duplicates/`` alone.
    """
    names = catalog.parts()
    digests = [(p, catalog.digest("duplicates", p)) for p in names if catalog.has("duplicates", p)]
    key = digest_of("members", VERSION, digests, sorted(fresh))
    found = [p for p, _ in digests]
    spec = _Members(tuple(found), tuple(fresh))
    catalog.add([conductor.here(f"members{suffix}", Task(f"members{suffix}", "members", key, list_members, spec))])
    reviews.list_met(conductor, catalog, book, fresh, suffix)
    hosts = catalog.files[HOSTS].digest
    tasks = []
    for part in fresh:
        members = catalog.files[f"{MEMBERS}/{part}.parquet"]
        decided = reviews.digest(catalog, part)
        columns = [parts.DOCUMENTS, parts.EVIDENCE, COLUMN]
        key = catalog.key("united", VERSION, part, columns, members.digest, hosts, *decided)
        tasks.append(Task(f"united{suffix}", parts.task_name(part), key, unite_part, _United(part, bool(decided))))
    catalog.add(conductor.map(f"united{suffix}", tasks))


def list_members(run: str, spec: _Members) -> Made:
    """For each fresh part, the rows that stand for others, and the parts and rows of these."""
    places, gone = [], []
    for part in spec.earlier:
        frame = parts.aligned(run, part, {parts.DOCUMENTS: ["id"], "duplicates": ["survivor"]}).with_row_index("row")
        frame = frame.with_columns(part=pl.lit(part), row=pl.col("row").cast(pl.Int64))
        gone.append(frame.filter(pl.col("survivor").is_not_null()).select("survivor", member="part", member_row="row"))
        places.append(frame.filter(pl.col("survivor").is_null()).select("id", "part", "row"))
    joined = pl.concat(gone).join(
        pl.concat(places).unique("id", keep="first", maintain_order=True), left_on="survivor", right_on="id"
    )
    outputs = []
    for part in spec.fresh:
        rows = (
            joined.filter(pl.col("part") == part)
            .select("row", "member", "member_row")
            .sort("row", "member", "member_row")
        )
        path = f"{MEMBERS}/{part}.parquet"
        storage.write_table(storage.join(run, path), rows.to_arrow())
        outputs.append(output(run, path, rows.height))
    return Made(outputs, {"members": joined.height})


@dataclass(frozen=True)
class _United:
    part: str
    decided: bool  #: whether a person may have decided about a document of it


def unite_part(run: str, spec: _United) -> Made:
    part = spec.part
    ids = parts.ids_of(run, part)
    members = pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(run, f"{MEMBERS}/{part}.parquet"))))
    evidence = parts.read(run, parts.EVIDENCE, part, ids=ids)
    if members.height:
        claims = evidence["claims"].to_pylist()
        copies = _claims(run, members)
        for (row,), group in members.group_by("row", maintain_order=True):
            found = [copies[m, r] for m, r in group.select("member", "member_row").iter_rows()]
            claims[int(str(row))] = signatures.unite(claims[int(str(row))] or (), found)
        i = evidence.column_names.index("claims")
        evidence = evidence.set_column(i, evidence.schema.field(i), pa.array(claims, evidence.schema.field(i).type))
    evidence = _with_hosts(run, part, evidence)
    if spec.decided:
        evidence = reviews.decided(run, part, evidence)
    made = _written(run, part, evidence, UNITED, UNITED_SIGNATURES, ids)
    own = parts.read(run, COLUMN, part, ["licence_class"])["licence_class"]
    united = parts.read(run, UNITED, part, ["licence_class"])["licence_class"]
    changed = sum(a != b for a, b in zip(own.to_pylist(), united.to_pylist(), strict=True))
    return Made(
        made.outputs, {"documents": evidence.num_rows, "survivors": members["row"].n_unique(), "changed": changed}
    )


def _claims(run: str, members: pl.DataFrame) -> dict[tuple[str, int], list[dict[str, object]]]:
    """The claims of the members, each part read once."""
    found = {}
    for (part,), group in members.group_by("member", maintain_order=True):
        rows = group["member_row"].unique().sort()
        column = parts.read(run, parts.EVIDENCE, str(part), ["claims"])["claims"].take(
            pa.array(rows.to_list(), pa.int64())
        )
        found.update(
            {(str(part), row): claims or [] for row, claims in zip(rows.to_list(), column.to_pylist(), strict=True)}
        )
    return found
