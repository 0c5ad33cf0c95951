"""Annotators as tasks: each reads a document part and writes columns aligned with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
import pyarrow as pa

from manifests import parts, storage
from manifests.receipts import digest_of, output
from pipelines import conditions
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Annotate, Labels, LanguageModel, Quality
from pipelines.task import Made, Task

VERSION = 3
QUALITY_VERSION = 1
MODEL = "models/quality.bin"
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
    return Task(f"annotate{suffix}", _name(part), key, annotate_part, _Measuring(part, recipe.words, recipe.language))


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


@dataclass(frozen=True)
class _Training:
    quality: Quality
    parts: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Model:
    path: str
    digest: str


def quality_model(conductor: Conductor, catalog: Catalog, quality: Quality, seed: int, generation: int) -> Model:
    """The classifier to apply: the recipe's own file, or one trained on this run's originals."""
    if quality.model:
        return Model(quality.model, storage.digest(quality.model))
    if generation == 0:
        used = tuple(catalog.parts())
        columns = [parts.DOCUMENTS, *conditions.ANNOTATIONS]
        digests = [catalog.digest(c, p) for p in used for c in columns]
        key = digest_of("train-quality", QUALITY_VERSION, quality.model_dump(mode="json"), seed, digests)
        training = Task("train-quality", "quality", key, train_quality, _Training(quality, used, seed))
        catalog.add(conductor.map("train-quality", [training]))
    return Model(MODEL, catalog.files[MODEL].digest)


def train_quality(run: str, spec: _Training) -> Made:
    """Trains on the documents that the recipe's conditions choose; which ones is decided by a hash of their ids."""
    from classifiers import quality

    frames = [conditions.frame(run, p, ()).with_row_index("row").with_columns(part=pl.lit(p)) for p in spec.parts]
    documents = pl.concat(frames)
    assert spec.quality.positive is not None
    assert spec.quality.negative is not None
    texts: list[str] = []
    labels: list[bool] = []
    for label, side in ((True, spec.quality.positive), (False, spec.quality.negative)):
        chosen = _chosen(documents, side)
        if chosen.height < 10:
            raise ValueError(
                f"annotate.quality: only {chosen.height} documents match `{side.where}`; at least 10 are needed"
            )
        texts += _texts(run, chosen)
        labels += [label] * chosen.height
    with storage.replacing(storage.join(run, MODEL)) as temporary:
        report = quality.train(
            pa.array(texts, pa.large_string()),
            labels,
            str(temporary),
            seed=spec.seed,
            dim=spec.quality.dimensions,
            epochs=spec.quality.epochs,
        )
    scores = {"auc": round(report.auc, 4), "accuracy": round(report.accuracy, 4), "left_out": report.left_out}
    return Made([output(run, MODEL)], {"documents": len(texts), "positive": sum(labels)}, {"heldout": scores})


def quality_task(catalog: Catalog, part: str, model: Model, suffix: str) -> Task:
    key = catalog.key("quality", QUALITY_VERSION, part, [parts.DOCUMENTS], model.digest)
    return Task(f"quality{suffix}", _name(part), key, score_part, (part, model.path))


def score_part(run: str, spec: tuple[str, str]) -> Made:
    from classifiers.quality import QualityModel

    part, path = spec
    model = QualityModel.load(storage.join(run, MODEL) if path == MODEL else path)
    texts = parts.read(run, parts.DOCUMENTS, part, ["text"])["text"]

    def score(batch: pa.Array) -> pa.RecordBatch:
        return pa.record_batch({"quality": pa.array(model.score(batch), pa.float32())})

    table = _batched(texts, score)
    made = parts.write(run, conditions.QUALITY, part, table, schema="quality", ids=parts.ids_of(run, part))
    return Made([made], {"documents": len(texts)})


def _batched(texts: pa.ChunkedArray, measure: Callable[[pa.Array], pa.RecordBatch]) -> pa.Table:
    table = pa.table({"text": texts})
    return pa.Table.from_batches([measure(batch.column(0)) for batch in table.to_batches(max_chunksize=_BATCH)])


def _name(part: str) -> str:
    return part.replace("/", ".")


def _chosen(documents: pl.DataFrame, side: Labels) -> pl.DataFrame:
    matching = documents.filter(conditions.holds(documents, side.where))
    return matching.sort("id").head(side.documents).sort("part", "row")


def _texts(run: str, chosen: pl.DataFrame) -> list[str]:
    texts: list[str] = []
    for (part,), rows in chosen.group_by("part", maintain_order=True):
        column = parts.read(run, parts.DOCUMENTS, str(part), ["text"])["text"]
        texts += column.take(pa.array(rows["row"].to_list(), pa.int64())).to_pylist()
    return texts
