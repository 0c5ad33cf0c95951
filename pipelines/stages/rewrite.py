"""Rephrasing as tasks: chosen documents are rewritten by a model; what passes the gate comes in as new documents.

The model reads the view that all edits of the run make of a document: what was redacted does not come back by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa

from manifests import edits, parts, storage
from manifests.acquisition import Acquisition
from manifests.documents import Document
from manifests.receipts import digest_of
from pipelines import conditions
from pipelines.catalog import Catalog
from pipelines.recipe import Rephrase
from pipelines.rephrase import generator, styles
from pipelines.rephrase import rewrite as rewriting
from pipelines.rephrase.cache import Cache
from pipelines.stages.read import PartWriter
from pipelines.task import Made, Task

VERSION = 4
#: documents rewritten in one task
_DOCUMENTS = 2


@dataclass(frozen=True)
class Reference:
    """A document, and the names of the edits through which it is read."""

    part: str
    row: int
    edits: tuple[str, ...]


@dataclass(frozen=True)
class Chosen:
    """References to the documents of one task, and what to do with them."""

    rephrase: Rephrase
    references: tuple[Reference, ...]
    part: str
    seed: int


def tasks(run: str, catalog: Catalog, rephrase: Rephrase, seed: int, *, made: Collection[str]) -> list[Task]:
    """The kept documents that match, in the order of their ids, a few to a task."""
    style = styles.get(rephrase.style).digest
    model = generator(rephrase.generator, seed=seed).digest
    references = matching(run, catalog, rephrase, made=made).head(rephrase.documents)
    section = rephrase.model_dump(mode="json", exclude={"where", "documents"})
    found_tasks = []
    for start in range(0, references.height, _DOCUMENTS):
        rows = references.slice(start, _DOCUMENTS)
        pairs = tuple(rows.select("part", "row").iter_rows())
        used = {p: tuple(catalog.edits(p)) for p, _ in pairs}
        content = [catalog.digest(column, p) for p in sorted(used) for column in _columns(used[p])]
        part = f"part-{digest_of(pairs, section)[:16]}"
        key = digest_of("rephrase", VERSION, section, style, model, pairs, content, seed)
        chosen_here = tuple(Reference(p, row, used[p]) for p, row in pairs)
        found_tasks.append(Task("rephrase", part, key, rewrite, Chosen(rephrase, chosen_here, part, seed)))
    return found_tasks


def matching(
    run: str, catalog: Catalog, rephrase: Rephrase, *, made: Collection[str], splits: Sequence[str] = ("train",)
) -> pl.DataFrame:
    """``id``, ``row`` and ``part`` of every kept document of these splits that meets the condition, by id."""
    found = []
    for part in catalog.parts():
        if part.split("/")[0] == rephrase.source:
            continue
        documents = conditions.frame(run, part, made).with_row_index("row")
        verdicts = parts.aligned(run, part, {"verdicts": ["keep", "domain", "split"]})
        frame = pl.concat([documents, verdicts], how="horizontal")
        chosen = frame.filter(conditions.holds(frame, rephrase.where) & frame["keep"] & frame["split"].is_in(splits))
        found.append(chosen.select("id", "row", part=pl.lit(part)))
    return pl.concat(found).sort("id")


def rewrite(run: str, spec: Chosen) -> Made:
    """Rewrites a few documents; the outputs are documents of the recipe's rephrase source, what fails is a reject."""
    writer = PartWriter(run, spec.rephrase.source, spec.part, spec.rephrase.source, Acquisition("synthetic"))
    documents, views = _documents(run, spec.references)
    store = Cache(storage.join(run, "cache", "rephrase"))
    model = generator(spec.rephrase.generator, seed=spec.seed)
    for item in rewriting(documents, styles.get(spec.rephrase.style), model, store):
        writer.add(_in_original(item, views) if isinstance(item, Document) else item)
    made = writer.finish()
    return Made(made.outputs, {**made.counts, "rewritten": documents.num_rows})


def _documents(run: str, references: Sequence[Reference]) -> tuple[pa.Table, dict[str, edits.View]]:
    """The referenced rows with the columns that ``pipelines.rephrase.rewrite`` reads, and each one's view by its id."""
    frames, views = [], {}
    for reference in references:
        names = ["id", "content_hash", "text", "url", "title"]
        licence = ["licence", "licence_class", "licence_confidence", "reserved"]
        columns: dict[str, list[str] | None] = {
            parts.DOCUMENTS: names,
            "annotations/licence": licence,
            "annotations/language": ["language"],
        }
        frame = parts.aligned(run, reference.part, columns)[reference.row : reference.row + 1]
        lists = [
            parts.read(run, edits.column(name), reference.part)["edits"].slice(reference.row, 1)
            for name in reference.edits
        ]
        view = edits.apply(frame["text"].to_arrow(), lists)
        views[frame["id"].item()] = view
        frames.append(frame.with_columns(text=pl.Series(pl.from_arrow(view.texts))))
    return pl.concat(frames).to_arrow(), views


def _in_original(document: Document, views: Mapping[str, edits.View]) -> Document:
    """The parents' stretches in bytes of their text as it was read, not of the view."""
    found = []
    for parent in document.parents:
        start, end = views[parent.id].origin(np.array([0]), np.array([parent.start]), np.array([parent.end]))
        found.append(replace(parent, start=int(start[0]), end=int(end[0])))
    return replace(document, parents=tuple(found))


def _columns(names: Sequence[str]) -> list[str]:
    return [parts.DOCUMENTS, "annotations/licence", "annotations/language", *(edits.column(n) for n in names)]
