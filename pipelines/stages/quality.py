"""Quality as tasks: classifiers are trained or taken, each part scored, and the scores ranked over the whole corpus.

Of several models the ranks are combined first. The sketches of the parts travel in receipts and add up to the corpus,
so no score is moved to rank it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from classifiers import embedding
from manifests import parts, schemas, storage
from manifests.receipts import Output, Receipt, digest_of, output
from pipelines import conditions
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Labels, Quality
from pipelines.task import Made, Task

VERSION = 3
MODEL = "models/quality.model"
SCORES = "annotations/quality_scores"
RANK = "annotations/quality_rank"
_BATCH = 4096
_FOLDS = 3
_STAGES = ("train-quality", "quality-scores", "quality-scores-sketch", "quality", "quality-sketch", "quality-rank")


def run(
    conductor: Conductor, catalog: Catalog, section: Quality | None, seed: int, fresh: list[str], generation: int
) -> None:
    """Scores and ranks the fresh parts; later generations are ranked among the originals."""
    suffix = f"-{generation}" if generation else ""
    if section is None:
        conductor.forget(*(f"{stage}{suffix}" for stage in _STAGES))
        return
    models = _models(conductor, catalog, section, seed, generation)
    if len(models) == 1:
        conductor.forget(f"quality-scores{suffix}", *([] if generation else ["quality-scores-sketch"]))
        scored = conductor.map(f"quality{suffix}", [_score_task(catalog, p, models, suffix) for p in fresh])
    else:
        each = conductor.map(f"quality-scores{suffix}", [_score_task(catalog, p, models, suffix) for p in fresh])
        catalog.add(each)
        _sketch(conductor, catalog, "quality-scores", each, generation)
        combining = [_combine_task(catalog, p, section.ensemble, suffix) for p in fresh]
        scored = conductor.map(f"quality{suffix}", combining)
    catalog.add(scored)
    _sketch(conductor, catalog, "quality", scored, generation)
    catalog.add(conductor.map(f"quality-rank{suffix}", [_rank_task(catalog, p, suffix) for p in fresh]))


@dataclass(frozen=True)
class _Training:
    quality: Quality
    parts: tuple[str, ...]
    seed: int


def _models(
    conductor: Conductor, catalog: Catalog, section: Quality, seed: int, generation: int
) -> tuple[tuple[str, str], ...]:
    """Path and digest of the one trained on this run's originals, if any, and of the recipe's own."""
    own = [(path, storage.digest(path)) for path in section.model]
    if not section.trained:
        if not generation:
            conductor.forget("train-quality")
        return tuple(own)
    if generation == 0:
        used = tuple(catalog.parts())
        columns = [parts.DOCUMENTS, *conditions.ANNOTATIONS]
        digests = [catalog.digest(c, p) for p in used for c in columns]
        said = section.model_dump(mode="json", exclude={"model", "ensemble"})
        backend = embedding.source_digest(section.backend) if section.backend else ""
        key = digest_of("train-quality", VERSION, said, backend, seed, digests)
        training = Task("train-quality", "quality", key, train_quality, _Training(section, used, seed))
        catalog.add(conductor.map("train-quality", [training]))
    return ((MODEL, catalog.files[MODEL].digest), *own)


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


def _score_task(catalog: Catalog, part: str, models: tuple[tuple[str, str], ...], suffix: str) -> Task:
    stage = "quality" if len(models) == 1 else "quality-scores"
    paths, digests = zip(*models, strict=True)
    key = catalog.key(stage, VERSION, part, [parts.DOCUMENTS], *digests)
    return Task(f"{stage}{suffix}", parts.task_name(part), key, score_part, (part, paths))


def score_part(run: str, spec: tuple[str, tuple[str, ...]]) -> Made:
    """Each document's probability by each model; their sketches go with the receipt."""
    from classifiers.quality import Classifier, packed, sketch

    part, paths = spec
    models = [Classifier.load(storage.join(run, MODEL) if path == MODEL else path) for path in paths]
    texts = pa.table({"text": parts.read(run, parts.DOCUMENTS, part, ["text"])["text"]})
    scores = np.empty((len(texts), len(models)), np.float32)
    first = 0
    for batch in texts.to_batches(max_chunksize=_BATCH):
        for m, model in enumerate(models):
            scores[first : first + len(batch), m] = model.score(batch.column(0))
        first += len(batch)
    if len(models) == 1:
        made = _written(run, part, conditions.QUALITY, pa.array(scores[:, 0]), schemas.QUALITY)
    else:
        each = pa.FixedSizeListArray.from_arrays(pa.array(scores.ravel()), len(models))
        made = _written(run, part, SCORES, each.cast(schemas.QUALITY_SCORES.field(0).type), schemas.QUALITY_SCORES)
    sketches = [packed(sketch(scores[:, m])) for m in range(len(models))]
    return Made([made], {"documents": len(scores)}, {"sketches": sketches})


def _sketch(conductor: Conductor, catalog: Catalog, stage: str, scored: list[Receipt], generation: int) -> None:
    """The corpus's sketch by each model, from the originals' receipts."""
    if not generation:
        key = digest_of(f"{stage}-sketch", VERSION, [r.digest for r in scored])
        catalog.add(
            [conductor.here(f"{stage}-sketch", Task(f"{stage}-sketch", stage, key, write_sketch, (stage, scored)))]
        )


def write_sketch(run: str, spec: tuple[str, list[Receipt]]) -> Made:
    from classifiers.quality import merged, packed

    stage, scored = spec
    total = [packed(merged(some)) for some in zip(*(r.data["sketches"] for r in scored), strict=True)]
    storage.write_bytes(storage.join(run, _sketched(stage)), json.dumps(total, separators=(",", ":")).encode())
    return Made([output(run, _sketched(stage))])


def _sketched(stage: str) -> str:
    return f"models/{stage}.sketch.json"


def _sketches(run: str, stage: str) -> list[npt.NDArray[np.int64]]:
    from classifiers.quality import merged

    return [merged([one]) for one in json.loads(storage.read_bytes(storage.join(run, _sketched(stage))))]


def _combine_task(catalog: Catalog, part: str, ensemble: str, suffix: str) -> Task:
    key = catalog.key("quality", VERSION, part, [SCORES], catalog.files[_sketched("quality-scores")].digest, ensemble)
    return Task(f"quality{suffix}", parts.task_name(part), key, combine_part, (part, ensemble))


def combine_part(run: str, spec: tuple[str, str]) -> Made:
    """The highest or the mean of each document's ranks by the models (Su et al. 2024, arXiv:2412.02595)."""
    from classifiers.quality import combined, packed, quantiles, sketch

    part, ensemble = spec
    counts = _sketches(run, "quality-scores")
    read = parts.read(run, SCORES, part, ids=parts.ids_of(run, part))["quality_scores"]
    scores = read.combine_chunks().flatten().to_numpy().reshape(-1, len(counts))
    ranks = np.stack([quantiles(one, scores[:, m]) for m, one in enumerate(counts)])
    quality = combined(ranks, ensemble)
    made = _written(run, part, conditions.QUALITY, pa.array(quality), schemas.QUALITY)
    return Made([made], {"documents": len(quality)}, {"sketches": [packed(sketch(quality))]})


def _rank_task(catalog: Catalog, part: str, suffix: str) -> Task:
    key = catalog.key("quality-rank", VERSION, part, [conditions.QUALITY], catalog.files[_sketched("quality")].digest)
    return Task(f"quality-rank{suffix}", parts.task_name(part), key, rank_part, part)


def rank_part(run: str, part: str) -> Made:
    """The share of the corpus of lower quality than each document."""
    from classifiers.quality import quantiles

    (counts,) = _sketches(run, "quality")
    scores = parts.read(run, conditions.QUALITY, part, ids=parts.ids_of(run, part))["quality"].to_numpy()
    made = _written(run, part, RANK, pa.array(quantiles(counts, scores)), schemas.QUALITY_RANK)
    return Made([made], {"documents": len(scores)})


def _written(run: str, part: str, column: str, values: pa.Array, schema: pa.Schema) -> Output:
    table = pa.table([values], schema=schema)
    return parts.write(run, column, part, table, schema=column.split("/")[-1], ids=parts.ids_of(run, part))


def _chosen(documents: pl.DataFrame, side: Labels) -> pl.DataFrame:
    matching = documents.filter(conditions.holds(documents, side.where))
    return matching.sort("id").head(side.documents).sort("part", "row")


def _texts(run: str, chosen: pl.DataFrame) -> list[str]:
    texts: list[str] = []
    for (part,), rows in chosen.group_by("part", maintain_order=True):
        column = parts.read(run, parts.DOCUMENTS, str(part), ["text"])["text"]
        texts += column.take(pa.array(rows["row"].to_list(), pa.int64())).to_pylist()
    return texts
