"""Reviews as tasks: which decisions of people can meet which part, so that only these are concluded again.

The driver looks at ids, addresses and evidence alone. What a person decided of a document holds for what was rewritten
from it, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from manifests import parts, reviews, signatures, storage
from manifests.documents import Claim
from manifests.lineage import hosts_of
from manifests.receipts import digest_of, output
from manifests.reviews import Book, Review
from manifests.signatures import Signature
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.errors import RunFailed
from pipelines.task import Made, Task

VERSION = 2
FOLDER = "exchange/reviews"
#: what the recipe's stages call them: see ``stages/licences.py``
FOUND, UNITED, UNITED_SIGNATURES = "signatures", "annotations/united", "signatures-united"
MEMBERS = "exchange/members"


def read(run: str, files: Sequence[str]) -> Book:
    """The run's own reviews, and those of the recipe's files. RunFailed names the file and the line of what is none."""
    try:
        return Book.read(*files, storage.join(run, reviews.PATH))
    except ValueError as error:
        raise RunFailed(str(error)) from None


def record(run: str, files: Sequence[str]) -> list[dict[str, str]]:
    """What ``run.json`` says of the recipe's files; one inside the run folder is written ``{run}/…``."""
    inside = f"{run.rstrip('/')}/"
    return [
        {"file": f"{{run}}/{f.removeprefix(inside)}" if f.startswith(inside) else f, "digest": storage.digest(f)}
        for f in files
        if storage.is_file(f)
    ]


@dataclass(frozen=True)
class _Wanted:
    current: tuple[Review, ...]
    fresh: tuple[str, ...]
    earlier: tuple[str, ...]  #: where the parents are


def list_met(conductor: Conductor, catalog: Catalog, book: Book, fresh: Sequence[str], suffix: str) -> None:
    """Writes ``exchange/reviews/PART.json`` for each fresh part that a review can meet."""
    stage = f"reviews{suffix}"
    earlier = tuple(p for p in catalog.parts() if p not in set(fresh) and catalog.has(UNITED, p))
    if not book.current:
        conductor.forget(stage)
        return
    read_here = [catalog.digest(c, p) for p in fresh for c in (parts.DOCUMENTS, FOUND, MEMBERS)]
    read_there = [catalog.digest(c, p) for p in earlier for c in (parts.DOCUMENTS, UNITED)] if suffix else []
    key = digest_of("reviews", VERSION, book.digest, sorted(fresh), read_here, read_there)
    spec = _Wanted(book.current, tuple(fresh), earlier if suffix else ())
    catalog.add([conductor.here(stage, Task(stage, "reviews", key, find, spec))])


def find(run: str, spec: _Wanted) -> Made:
    book = Book(spec.current)
    inherited = _inherited(run, spec)
    outputs, documents = [], 0
    for part in spec.fresh:
        met = _met(run, part, book)
        if not met and not inherited.get(part):
            continue
        path = parts.path(FOLDER, part).replace(".parquet", ".json")
        told = {"reviews": [r.alone().as_dict() for r in met], "inherited": inherited.get(part, {})}
        storage.write_bytes(storage.join(run, path), json.dumps(told, sort_keys=True).encode())
        outputs.append(output(run, path, len(met)))
        documents += len(inherited.get(part, {}))
    return Made(outputs, {"reviews": len(spec.current), "parts": len(outputs), "inherited": documents})


def _met(run: str, part: str, book: Book) -> list[Review]:
    """The reviews that can meet a document of the part: what the evidence of one that stands for others becomes is
    known later, so that there every review of evidence can."""
    table = parts.aligned(run, part, {parts.DOCUMENTS: ["id", "url"]})
    hosts = hosts_of(table["url"].fill_null("")).unique()
    places = {int(i) for host in hosts.to_list() for i in book.of_host(host)}
    ids = set(table["id"].to_list()) if book.values("document") else set()
    places |= {i for value, i in book.values("document").items() if value in ids}
    if named := book.values("signature"):
        evidence = storage.read_table(storage.join(run, parts.path(FOUND, part)))["evidence"].to_pylist()
        names = {Signature.from_json(e).found.name for e in evidence}
        unsure = storage.read_table(storage.join(run, parts.path(MEMBERS, part))).num_rows > 0
        places |= {i for value, i in named.items() if unsure or value in names}
    return [book.current[i] for i in sorted(places)]


def _inherited(run: str, spec: _Wanted) -> dict[str, dict[str, list[str]]]:
    """What people said of the parents of rewritten documents: expressions by part and row."""
    if not spec.earlier or not spec.fresh:
        return {}
    frames = []
    for part in spec.fresh:
        frame = parts.aligned(run, part, {parts.DOCUMENTS: ["parents"]}).with_row_index("row")
        frame = frame.with_columns(parent=pl.col("parents").list.eval(pl.element().struct.field("id")))
        frames.append(frame.select("row", "parent", part=pl.lit(part)).explode("parent").drop_nulls())
    children = pl.concat(frames)
    wanted = children["parent"].unique()
    told: dict[str, list[str]] = {}
    for part in spec.earlier:
        frame = parts.aligned(run, part, {parts.DOCUMENTS: ["id"], UNITED: ["signature"]})
        frame = frame.filter(pl.col("id").is_in(wanted.implode()))
        if not frame.height:
            continue
        table = storage.read_table(storage.join(run, parts.path(UNITED_SIGNATURES, part))).to_pydict()
        said = {
            name: sorted({c.expression for c in Signature.from_json(e).claims if c.kind == "human"})
            for name, e in zip(table["signature"], table["evidence"], strict=True)
        }
        told |= {i: said[s] for i, s in frame.iter_rows() if said[s]}
    found: dict[str, dict[str, list[str]]] = {}
    for row, parent, part in children.filter(pl.col("parent").is_in(list(told))).iter_rows():
        rows = found.setdefault(part, {})
        rows[str(row)] = sorted({*rows.get(str(row), ()), *told[parent]})
    return found


def digest(catalog: Catalog, part: str) -> list[str]:
    """What a part's conclusion depends on besides its evidence; nothing where no review can meet it."""
    made = catalog.files.get(parts.path(FOLDER, part).replace(".parquet", ".json"))
    return [made.digest] if made else []


def decided(run: str, part: str, evidence: pa.Table) -> pa.Table:
    """The evidence with what people decided: of each document the latest review that meets it, and its parents'."""
    path = storage.join(run, parts.path(FOLDER, part).replace(".parquet", ".json"))
    told: dict[str, Any] = json.loads(storage.read_bytes(path))
    book = Book(tuple(Review.of(r) for r in told["reviews"]))
    table = parts.aligned(run, part, {parts.DOCUMENTS: ["id", "url"]})
    named, _ = signatures.annotate(evidence)
    chosen = book.latest(
        documents=table["id"],
        hosts=hosts_of(table["url"].fill_null("")),
        signatures=pl.Series(pl.from_arrow(named["signature"])),
    )
    claims = [list(c or ()) for c in evidence["claims"].to_pylist()]
    for row, review in enumerate(chosen.tolist()):
        if review >= 0 and (claim := book.current[review].claim()) is not None:
            claims[row].append({**vars(claim), "version_known": claim.version_known})
    for row, expressions in told["inherited"].items():
        said = [Claim(e, "human", "text", "review of a parent", confidence=1.0) for e in expressions]
        claims[int(row)] += [{**vars(c), "version_known": c.version_known} for c in said]
    i = evidence.column_names.index("claims")
    return evidence.set_column(i, evidence.schema.field(i), pa.array(claims, evidence.schema.field(i).type))
