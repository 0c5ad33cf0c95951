"""Annotators as tasks: each reads a document part and writes columns aligned with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from manifests import parts, storage
from pipelines.catalog import Catalog
from pipelines.recipe import Annotate, LanguageModel
from pipelines.task import Made, Task

VERSION = 3
#: rows handled at once; kernels run at full rate from a few hundred up
_BATCH = 4096


@dataclass(frozen=True)
class _Measuring:
    part: str
    words: Literal["gopher", "datatrove"]
    language: LanguageModel


def task(catalog: Catalog, part: str, recipe: Annotate, suffix: str) -> Task:
    said = [recipe.words, recipe.language.model_dump(mode="json", exclude={"model"})]
    model = storage.digest(recipe.language.model) if recipe.language.model else ""
    key = catalog.key("annotate", VERSION, part, [parts.DOCUMENTS], said, model)
    return Task(
        f"annotate{suffix}", parts.task_name(part), key, annotate_part, _Measuring(part, recipe.words, recipe.language)
    )


def annotate_part(run: str, spec: _Measuring) -> Made:
    """Language and the rules' statistics of every document of the part."""
    from classifiers import heuristics, language, stop_words

    ids = parts.ids_of(run, spec.part)
    texts = parts.read(run, parts.DOCUMENTS, spec.part, ["text"])["text"]
    options: dict[str, Any] = {"model": spec.language.model, "thresholds": spec.language.thresholds}
    languages = _batched(texts, lambda batch: language.identify(batch, **options))
    varieties = stop_words.varieties(languages["language"], languages["script"])
    measured = [
        heuristics.measure(batch["text"], batch["variety"], words=spec.words)
        for batch in pa.table({"text": texts, "variety": varieties}).to_batches(max_chunksize=_BATCH)
    ]
    columns: dict[str, pa.Table] = {
        "language": languages,
        "heuristics": pa.Table.from_batches(measured, heuristics.SCHEMA),
    }
    if spec.language.paragraphs:
        columns["paragraphs"] = _batched(texts, lambda batch: language.identify_paragraphs(batch, **options))
    outputs = [
        parts.write(run, f"annotations/{name}", spec.part, table, schema=name, ids=ids)
        for name, table in columns.items()
    ]
    return Made(outputs, {"documents": len(texts)})


def _batched(texts: pa.ChunkedArray, measure: Callable[[pa.Array], pa.RecordBatch]) -> pa.Table:
    table = pa.table({"text": texts})
    return pa.Table.from_batches([measure(batch.column(0)) for batch in table.to_batches(max_chunksize=_BATCH)])
