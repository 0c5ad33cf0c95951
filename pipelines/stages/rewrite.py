"""Rephrasing as tasks: chosen documents are rewritten by a model; what passes the gate comes in as new documents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from manifests import parts, storage
from manifests.acquisition import Acquisition
from manifests.receipts import digest_of
from pipelines import conditions
from pipelines.catalog import Catalog
from pipelines.recipe import Rephrase
from pipelines.rephrase import generator, styles
from pipelines.rephrase import rewrite as rewriting
from pipelines.rephrase.cache import Cache
from pipelines.stages.read import PartWriter
from pipelines.task import Made, Task

VERSION = 3
#: documents rewritten in one task
_DOCUMENTS = 2


@dataclass(frozen=True)
class Chosen:
    """References to the documents of one task, and what to do with them."""

    rephrase: Rephrase
    references: tuple[tuple[str, int], ...]
    part: str
    seed: int


def tasks(run: str, catalog: Catalog, rephrase: Rephrase, seed: int, *, made: Collection[str]) -> list[Task]:
    """The kept documents that match, in the order of their ids, a few to a task."""
    style = styles.get(rephrase.style).digest
    model = generator(rephrase.generator, seed=seed).digest
    found = []
    for part in catalog.parts():
        if part.split("/")[0] == rephrase.source:
            continue
        documents = conditions.frame(run, part, made).with_row_index("row")
        verdicts = parts.aligned(run, part, {"verdicts": ["keep", "domain", "split"]})
        frame = pl.concat([documents, verdicts], how="horizontal")
        chosen = frame.filter(conditions.holds(frame, rephrase.where) & frame["keep"] & (frame["split"] == "train"))
        found.append(chosen.select("id", "row", part=pl.lit(part)))
    references = pl.concat(found).sort("id").head(rephrase.documents)
    section = rephrase.model_dump(mode="json", exclude={"where", "documents"})
    found_tasks = []
    for start in range(0, references.height, _DOCUMENTS):
        rows = references.slice(start, _DOCUMENTS)
        pairs = tuple(rows.select("part", "row").iter_rows())
        content = [catalog.digest(column, p) for p in sorted({p for p, _ in pairs}) for column in _columns()]
        part = f"part-{digest_of(pairs, section)[:16]}"
        key = digest_of("rephrase", VERSION, section, style, model, pairs, content, seed)
        found_tasks.append(Task("rephrase", part, key, rewrite, Chosen(rephrase, pairs, part, seed)))
    return found_tasks


def rewrite(run: str, spec: Chosen) -> Made:
    """Rewrites a few documents; the outputs are documents of the recipe's rephrase source, what fails is a reject."""
    writer = PartWriter(run, spec.rephrase.source, spec.part, spec.rephrase.source, Acquisition("synthetic"))
    documents = _documents(run, spec.references)
    store = Cache(storage.join(run, "cache", "rephrase"))
    model = generator(spec.rephrase.generator, seed=spec.seed)
    for item in rewriting(documents, styles.get(spec.rephrase.style), model, store):
        writer.add(item)
    made = writer.finish()
    return Made(made.outputs, {**made.counts, "rewritten": documents.num_rows})


def _documents(run: str, references: Sequence[tuple[str, int]]) -> pa.Table:
    """The referenced rows with the columns that ``pipelines.rephrase.rewrite`` reads."""
    frames = []
    for part, row in references:
        names = ["id", "content_hash", "text", "url", "title"]
        licence = ["licence", "licence_class", "licence_confidence", "reserved"]
        columns: dict[str, list[str] | None] = {
            parts.DOCUMENTS: names,
            "annotations/licence": licence,
            "annotations/language": ["language"],
        }
        frames.append(parts.aligned(run, part, columns)[row : row + 1])
    return pl.concat(frames).to_arrow()


def _columns() -> list[str]:
    return [parts.DOCUMENTS, "annotations/licence", "annotations/language"]
