"""Annotators that a recipe asks for, as tasks: personal data, addresses on lists, classifiers, blocks of datatrove.

written                         what
annotations/pii, edits/pii      how many of each kind; what stands in their place
annotations/urls                the list an address is on, and its registered domain
annotations/classifier_NAME     the likeliest label, and its probability
annotations/block_NAME, edits/block_NAME   the block's verdict and reason; what it changes in the text
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import numpy as np
import pyarrow as pa

from manifests import edits, parts, receipts, schemas, storage
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Block, Classifier, Pii, Recipe, Urls
from pipelines.task import Made, Task, Work

VERSION = 3
#: documents handled at once, which bounds the memory
_BATCH = 4096


@dataclass(frozen=True)
class _Spec:
    part: str
    section: Any
    seed: int


def run(conductor: Conductor, catalog: Catalog, recipe: Recipe, fresh: Sequence[str], suffix: str) -> None:
    """Runs those the recipe has over the fresh parts; what an earlier recipe's left is deleted."""
    annotate = recipe.annotate
    wanted: dict[str, tuple[Any, Work]] = {f"block_{b.name}": (b, judge_part) for b in annotate.blocks}
    wanted |= {f"classifier_{c.name}": (c, classify_part) for c in annotate.classifiers}
    wanted |= {"pii": (annotate.pii, redact_part)} if annotate.pii else {}
    wanted |= {"urls": (annotate.urls, look_up_part)} if annotate.urls else {}
    named = (f"block_*{suffix}", f"classifier_*{suffix}")
    left = [s for s in receipts.stages(conductor.run) if any(fnmatch(s, n) for n in named) and (suffix or "-" not in s)]
    stages = {f"{name}{suffix}" for name in wanted}
    conductor.forget(*sorted({*left, f"pii{suffix}", f"urls{suffix}"} - stages))
    for name, (section, work) in wanted.items():
        files = {"model"} if isinstance(section, Classifier) else set()
        keys = [section.model_dump(mode="json", exclude=files), _digests(section), recipe.seed]
        tasks = [
            Task(
                f"{name}{suffix}",
                parts.task_name(part),
                catalog.key(name, VERSION, part, [parts.DOCUMENTS], *keys),
                work,
                _Spec(part, section, recipe.seed),
            )
            for part in fresh
        ]
        catalog.add(conductor.map(f"{name}{suffix}", tasks))


def _digests(section: Any) -> list[str]:
    """Of the files that a section names."""
    if isinstance(section, Classifier):
        return [storage.digest(section.model)]
    if isinstance(section, Urls):
        return [storage.digest(file) for files in section.files().values() for file in files]
    return []


def redact_part(run: str, spec: _Spec) -> Made:
    """Counts of personal data by kind, and unless they are only flagged, the edits that hide them."""
    from classifiers import pii

    section: Pii = spec.section
    ids = parts.ids_of(run, spec.part)
    texts = parts.read(run, parts.DOCUMENTS, spec.part, ["text"])["text"]
    counts: list[pa.RecordBatch] = []
    rows, starts, ends, shown, by = [], [], [], [], []
    for first in range(0, len(texts), _BATCH):
        some = texts.slice(first, _BATCH)
        found = pii.find(some, section.kinds)
        counts.append(found.counts(len(some)))
        rows.append(found.row + first)
        starts.append(found.start)
        ends.append(found.end)
        by += [f"pii {kind}" for kind in found.kind]
        if section.action == "replace":
            pairs = zip(found.kind, found.value, strict=True)
            shown += [pii.stand_in(kind, value, f"{spec.seed}") for kind, value in pairs]
        else:
            shown += [pii.redacted(kind) for kind in found.kind]
    table = pa.Table.from_batches(counts, schemas.PII)
    outputs = [parts.write(run, "annotations/pii", spec.part, table, schema="pii", ids=ids)]
    if section.action != "flag":
        row, start, end = (np.concatenate([np.empty(0, np.int64), *some]) for some in (rows, starts, ends))
        cut = edits.table(len(texts), row, start, end, shown, by)
        outputs.append(parts.write(run, edits.column("pii"), spec.part, cut, schema="edits", ids=ids))
    return Made(outputs, {"documents": len(texts), "found": len(by)})


def look_up_part(run: str, spec: _Spec) -> Made:
    """The list that each document's address is on."""
    from classifiers import urls

    section: Urls = spec.section
    words, soft_words, inside = (
        urls.read_list(files, normalise=True) for files in (section.words, section.soft_words, section.parts)
    )
    domains, addresses = (urls.read_list(files, normalise=False) for files in (section.domains, section.addresses))
    lists = urls.Lists(
        frozenset(map(urls.canonical, domains)), addresses, words, soft_words, inside, section.soft_limit
    )
    found = urls.find(parts.read(run, parts.DOCUMENTS, spec.part, ["url"])["url"], lists)
    table = pa.Table.from_batches([found])
    made = parts.write(run, "annotations/urls", spec.part, table, schema="urls", ids=parts.ids_of(run, spec.part))
    return Made([made], {"documents": table.num_rows, "listed": table.num_rows - found["url_listed"].null_count})


def classify_part(run: str, spec: _Spec) -> Made:
    """The likeliest label of each document and its probability; of two labels, the probability of the second."""
    from classifiers import quality

    section: Classifier = spec.section
    model = quality.Classifier.load(section.model)
    texts = pa.table({"text": parts.read(run, parts.DOCUMENTS, spec.part, ["text"])["text"]})
    found = [model.probabilities(batch.column(0)) for batch in texts.to_batches(max_chunksize=_BATCH)]
    probability = np.concatenate(found) if found else np.empty((0, len(model.labels)), np.float32)
    best = probability.argmax(axis=1)
    label = pa.array(model.labels, pa.string()).take(pa.array(best))
    score = probability[:, 1] if len(model.labels) == 2 else probability.max(axis=1)
    name = f"classifier_{section.name}"
    table = pa.table([label, pa.array(score, pa.float32())], schema=schemas.classifier(section.name))
    ids = parts.ids_of(run, spec.part)
    made = parts.write(run, f"annotations/{name}", spec.part, table, schema="classifier", ids=ids)
    return Made([made], {"documents": len(best)})


def judge_part(run: str, spec: _Spec) -> Made:
    """A block's verdict on each document, and as edits what it would change in the text."""
    from classifiers import blocks

    section: Block = spec.section
    judge = blocks.load(section.block, section.options)
    wanted = ["id", "text", "url", "title"]
    documents = parts.read(run, parts.DOCUMENTS, spec.part, wanted)
    languages = parts.read(run, "annotations/language", spec.part)
    keep: list[bool] = []
    reason: list[str | None] = []
    changed: list[tuple[int, int, int, str]] = []
    for first in range(0, documents.num_rows, _BATCH):
        some = documents.slice(first, _BATCH)
        texts = [value or "" for value in some["text"].to_pylist()]
        known = some.drop_columns(["text"]).to_pylist()
        spoken: list[Mapping[str, Any]] = languages.slice(first, _BATCH).to_pylist()
        metadata = [{k: v for k, v in {**a, **b}.items() if v is not None} for a, b in zip(known, spoken, strict=True)]
        for k, judged in enumerate(blocks.apply(judge, texts, metadata)):
            keep.append(judged.keep)
            reason.append(judged.reason)
            changed += [(first + k, *edit) for edit in blocks.changes(texts[k], judged.text)]
    ids = parts.ids_of(run, spec.part)
    name = f"block_{section.name}"
    table = pa.table([pa.array(keep, pa.bool_()), pa.array(reason, pa.string())], schema=schemas.block(section.name))
    row, start, end = (np.array([c[k] for c in changed], np.int64) for k in range(3))
    shown = [c[3] for c in changed]
    cut = edits.table(len(keep), row, start, end, shown, [name] * len(shown))
    outputs = [
        parts.write(run, f"annotations/{name}", spec.part, table, schema="block", ids=ids),
        parts.write(run, edits.column(name), spec.part, cut, schema="edits", ids=ids),
    ]
    failed = sum(r is not None and k for k, r in zip(keep, reason, strict=True))
    return Made(outputs, {"documents": len(keep), "dropped": len(keep) - sum(keep), "failed": failed})
