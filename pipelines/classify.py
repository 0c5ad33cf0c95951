"""What ``cuvee classifier`` does: labels in, a model out; a model and documents in, scores or measures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifiers import quality
from classifiers.quality import Classifier
from manifests import storage
from pipelines.errors import CuveeError
from pipelines.tables import batches

_RELIABLE = 30  #: documents of a source below which its measures say little


@dataclass
class Labelled:
    """Texts with a label each, and the source where the file names one."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    @property
    def column(self) -> pa.Array:
        return pa.array(self.texts, pa.large_string())


def read_labels(
    paths: Sequence[str], *, text: str, label: str, source: str, names: dict[str, str] | None = None
) -> Labelled:
    """Rows of labelled files. ``names``: the labels to read and what they become; others are passed over."""
    found = Labelled()
    for path in paths:
        for batch in batches(path, [text, label, *([source] if source else [])]):
            given = batch[source] if source else [""] * len(batch[text])
            for said, named, origin in zip(batch[text], batch[label], given, strict=True):
                called = "" if named is None or named != named else str(named)  # NaN is how some write none
                if not called or (names and called not in names):
                    continue
                _add(found, path, text, said, names[called] if names else called, str(origin))
    if not found.texts:
        raise CuveeError(f"{', '.join(paths)}: no row is labelled {' or '.join(names) if names else 'at all'}")
    return found


def read_corpora(corpora: Mapping[str, Sequence[str]], *, text: str, source: str) -> Labelled:
    """Whole files as one label each."""
    found = Labelled()
    for label, paths in corpora.items():
        for path in paths:
            for batch in batches(path, [text, *([source] if source else [])]):
                given = batch[source] if source else [""] * len(batch[text])
                for said, origin in zip(batch[text], given, strict=True):
                    _add(found, path, text, said, label, str(origin))
    return found


def _add(found: Labelled, path: str, column: str, text: Any, label: str, source: str) -> None:
    if text is not None and not isinstance(text, str):
        raise CuveeError(f"{path}: column {column!r} holds a {type(text).__name__}; it must hold text")
    found.texts.append(valid(text or ""))
    found.labels.append(label)
    found.sources.append(source)


def valid(text: str) -> str:
    """Without lone surrogates, which JSON can spell and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def load(path: str) -> Classifier:
    try:
        return Classifier.load(path)
    except ValueError as error:
        raise CuveeError(str(error)) from None


@dataclass(frozen=True)
class Scored:
    ids: list[str]
    probabilities: list[npt.NDArray[np.float32]]  #: per model ``float32[n, labels]``
    sources: list[str]


def score_documents(models: Sequence[Classifier], path: str, *, text: str, identifier: str, source: str = "") -> Scored:
    """Scores every row of a file by every model; a row without an id is named by its number."""
    ids: list[str] = []
    sources: list[str] = []
    found: list[list[npt.NDArray[np.float32]]] = [[] for _ in models]
    for batch in batches(path, [text, *([source] if source else [])], optional=[identifier]):
        if any(not isinstance(t, str) for t in batch[text] if t is not None):
            raise CuveeError(f"{path}: column {text!r} must hold text")
        column = pa.array([valid(t or "") for t in batch[text]], pa.large_string())
        for scores, model in zip(found, models, strict=True):
            scores.append(model.probabilities(column))
        named = batch.get(identifier, [None] * len(column))
        ids += [str(i) if i is not None else str(len(ids) + k) for k, i in enumerate(named)]
        sources += [str(s) for s in batch[source]] if source else []
    if not ids:
        raise CuveeError(f"{path}: it has no rows")
    return Scored(ids, [np.concatenate(scores) for scores in found], sources)


def write_scores(models: Sequence[Classifier], scored: Scored, ensemble: str, to: str) -> int:
    """``id`` and ``score``; with more than two labels also ``label``, the likeliest, whose probability ``score`` is.

    Of several models the score is the ``max`` or ``mean`` of their quantiles over these documents.
    """
    columns: dict[str, Any] = {"id": pa.array(scored.ids, pa.string())}
    if len(models) == 1:
        model, found = models[0], scored.probabilities[0]
        if len(model.labels) > 2:
            columns["label"] = pa.array([model.labels[i] for i in found.argmax(axis=1)], pa.string())
            score = found.max(axis=1)
        else:
            score = found[:, -1]
    else:
        if any(len(m.labels) > 2 for m in models):
            raise CuveeError("an ensemble combines models of two labels each")
        each = [quality.quantiles(quality.sketch(found[:, -1]), found[:, -1]) for found in scored.probabilities]
        score = quality.combined(np.stack(each), ensemble)
    columns["score"] = pa.array(score, pa.float32())
    storage.write_table(to, pa.table(columns), {})
    return len(score)


def measured(model: Classifier, labelled: Labelled) -> dict[str, Any]:
    """How a model does on labelled texts: in all, and apart for each source that has both labels."""
    number = {name: i for i, name in enumerate(model.labels)}
    if unknown := sorted(set(labelled.labels) - set(number)):
        raise CuveeError(f"label {unknown[0]!r} is unknown to the model; it knows: {', '.join(model.labels)}")
    truth = np.array([number[label] for label in labelled.labels])
    found = model.probabilities(labelled.column)
    classes = [1] if len(model.labels) == 2 else range(len(model.labels))
    out: dict[str, Any] = {
        "documents": len(truth),
        "auc": _rounded(_mean(quality.auc(found[:, c], truth == c) for c in classes)),
        "accuracy": float((found.argmax(axis=1) == truth).mean()),
        "calibration_error": _mean(quality.calibration_error(found[:, c], truth == c) for c in classes),
    }
    if len(model.labels) == 2:
        points = quality.curve(found[:, 1], truth == 1)
        some = np.unique(np.linspace(0, len(points.threshold) - 1, 21).round().astype(int))
        names = ("threshold", "precision", "recall", "kept")
        out["curve"] = [{n: round(float(getattr(points, n)[i]), 4) for n in names} for i in some]
    if any(labelled.sources):
        sources = np.array(labelled.sources)
        out["sources"] = {
            name: {
                "documents": int((sources == name).sum()),
                "positive": int(((sources == name) & (truth == classes[-1])).sum()),
                "mean_score": round(float(found[sources == name, -1].mean()), 4),
                "auc": _rounded(quality.auc(found[sources == name, -1], truth[sources == name] == classes[-1])),
            }
            for name in sorted(set(labelled.sources))
        }
    return out


def drifted(model: Classifier, scored: Scored) -> list[tuple[str, int, float, float, float, str]]:
    """Per source: documents, mean score, share above one half, drift of the model's certainty, and what that means."""
    score, sources = scored.probabilities[0][:, -1], np.array(scored.sources or ["all"] * len(scored.ids))
    rows = []
    for name in sorted(set(sources.tolist())):
        here = score[sources == name]
        index = quality.drift(model.reference, here)
        word = (
            "too few to say"
            if len(here) < _RELIABLE
            else "little"
            if index < 0.1
            else "some"
            if index < 0.25
            else "much"
        )
        rows.append((name, len(here), float(here.mean()), float((here > 0.5).mean()), index, word))
    return rows


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
