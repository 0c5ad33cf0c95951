"""Quality as tasks: a classifier is trained or taken, each part scored, and the scores ranked over the whole corpus.

The sketches of the parts travel in receipts and add up to the corpus, so no score is moved to rank it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from classifiers import embedding
from manifests import parts, schemas, storage
from manifests.receipts import Receipt, digest_of, output
from pipelines import conditions
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Labels, Quality
from pipelines.task import Made, Task

VERSION = 2
MODEL = "models/quality.model"
SKETCH = "models/quality.sketch.json"
BUCKET = "annotations/quality_bucket"
_BATCH = 4096
_FOLDS = 3
_STAGES = ("train-quality", "quality", "quality-sketch", "quality-bucket")


def run(
    conductor: Conductor, catalog: Catalog, section: Quality | None, seed: int, fresh: list[str], generation: int
) -> None:
    """Scores and ranks the fresh parts; later generations are ranked among the originals."""
    suffix = f"-{generation}" if generation else ""
    if section is None:
        conductor.forget(*(f"{stage}{suffix}" for stage in _STAGES))
        return
    path, digest = _model(conductor, catalog, section, seed, generation)
    scored = conductor.map(f"quality{suffix}", [_score_task(catalog, p, path, digest, suffix) for p in fresh])
    catalog.add(scored)
    if not generation:
        sketches = [r.digest for r in scored]
        key = digest_of("quality-sketch", VERSION, sketches)
        catalog.add([conductor.here("quality-sketch", Task("quality-sketch", "quality", key, write_sketch, scored))])
    ranked = [_bucket_task(catalog, p, section.buckets, suffix) for p in fresh]
    catalog.add(conductor.map(f"quality-bucket{suffix}", ranked))


@dataclass(frozen=True)
class _Training:
    quality: Quality
    parts: tuple[str, ...]
    seed: int


def _model(conductor: Conductor, catalog: Catalog, section: Quality, seed: int, generation: int) -> tuple[str, str]:
    """Path and digest of the recipe's own model, or of the one trained on this run's originals."""
    if section.model:
        return section.model, storage.digest(section.model)
    if generation == 0:
        used = tuple(catalog.parts())
        columns = [parts.DOCUMENTS, *conditions.ANNOTATIONS]
        digests = [catalog.digest(c, p) for p in used for c in columns]
        said = section.model_dump(mode="json", exclude={"buckets"})
        backend = embedding.source_digest(section.backend) if section.backend else ""
        key = digest_of("train-quality", VERSION, said, backend, seed, digests)
        training = Task("train-quality", "quality", key, train_quality, _Training(section, used, seed))
        catalog.add(conductor.map("train-quality", [training]))
    return MODEL, catalog.files[MODEL].digest


def train_quality(run: str, spec: _Training) -> Made:
    """Trains on the documents that the recipe's conditions choose; which ones is decided by a hash of their ids."""
    from classifiers import quality

    frames = [conditions.frame(run, p, ()).with_row_index("row").with_columns(part=pl.lit(p)) for p in spec.parts]
    documents = pl.concat(frames)
    assert spec.quality.positive is not None
    assert spec.quality.negative is not None
    texts: list[str] = []
    labels: list[str] = []
    for label, side in (("positive", spec.quality.positive), ("negative", spec.quality.negative)):
        chosen = _chosen(documents, side)
        if chosen.height < 10:
            raise ValueError(
                f"annotate.quality: only {chosen.height} documents match `{side.where}`; at least 10 are needed"
            )
        texts += _texts(run, chosen)
        labels += [label] * chosen.height
    model, report = quality.train(
        pa.array(texts, pa.large_string()),
        labels,
        positive="positive",
        kind=spec.quality.kind,
        seed=spec.seed,
        folds=_FOLDS,
        options=spec.quality.options,
    )
    model.save(storage.join(run, MODEL))
    scores = {
        "auc": round(report.auc, 4),
        "accuracy": round(report.accuracy, 4),
        "calibration_error": round(report.calibration_error, 4),
        "left_out": report.left_out,
    }
    counts = {"documents": len(texts), "positive": labels.count("positive")}
    return Made([output(run, MODEL)], counts, {"heldout": scores})


def _score_task(catalog: Catalog, part: str, path: str, digest: str, suffix: str) -> Task:
    key = catalog.key("quality", VERSION, part, [parts.DOCUMENTS], digest)
    return Task(f"quality{suffix}", part.replace("/", "."), key, score_part, (part, path))


def score_part(run: str, spec: tuple[str, str]) -> Made:
    """Scores a part; the sketch of its scores goes with the receipt."""
    from classifiers.quality import Classifier, packed, sketch

    part, path = spec
    model = Classifier.load(storage.join(run, MODEL) if path == MODEL else path)
    texts = pa.table({"text": parts.read(run, parts.DOCUMENTS, part, ["text"])["text"]})
    found = [model.score(batch.column(0)) for batch in texts.to_batches(max_chunksize=_BATCH)]
    scores = np.concatenate(found) if found else np.empty(0, np.float32)
    table = pa.table({"quality": pa.array(scores, pa.float32())}, schema=schemas.QUALITY)
    made = parts.write(run, conditions.QUALITY, part, table, schema="quality", ids=parts.ids_of(run, part))
    return Made([made], {"documents": len(scores)}, {"sketch": packed(sketch(scores))})


def write_sketch(run: str, scored: list[Receipt]) -> Made:
    from classifiers.quality import merged, packed

    total = packed(merged(r.data["sketch"] for r in scored))
    storage.write_bytes(storage.join(run, SKETCH), json.dumps(total, separators=(",", ":")).encode())
    return Made([output(run, SKETCH)])


def _bucket_task(catalog: Catalog, part: str, number: int, suffix: str) -> Task:
    key = catalog.key("quality-bucket", VERSION, part, [conditions.QUALITY], catalog.files[SKETCH].digest, number)
    return Task(f"quality-bucket{suffix}", part.replace("/", "."), key, rank_part, (part, number))


def rank_part(run: str, spec: tuple[str, int]) -> Made:
    """The bucket of each document: 0 holds the lowest scores of the corpus."""
    from classifiers.quality import buckets, merged

    part, number = spec
    counts = merged([json.loads(storage.read_bytes(storage.join(run, SKETCH)))])
    ids = parts.ids_of(run, part)
    scores = parts.read(run, conditions.QUALITY, part, ids=ids)["quality"].to_numpy()
    table = pa.table({"quality_bucket": pa.array(buckets(counts, scores, number), pa.int16())}, schemas.QUALITY_BUCKET)
    return Made([parts.write(run, BUCKET, part, table, schema="quality_bucket", ids=ids)], {"documents": len(scores)})


def _chosen(documents: pl.DataFrame, side: Labels) -> pl.DataFrame:
    matching = documents.filter(conditions.holds(documents, side.where))
    return matching.sort("id").head(side.documents).sort("part", "row")


def _texts(run: str, chosen: pl.DataFrame) -> list[str]:
    texts: list[str] = []
    for (part,), rows in chosen.group_by("part", maintain_order=True):
        column = parts.read(run, parts.DOCUMENTS, str(part), ["text"])["text"]
        texts += column.take(pa.array(rows["row"].to_list(), pa.int64())).to_pylist()
    return texts
