"""Models that tell labels apart: quality, topic, format. Trained, measured on what they had not seen, calibrated, kept.

Every text gets a score from a model that was trained without its fold; where sources are given, without its source. On
these scores a model is measured and its probabilities are calibrated, and then it learns from all texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifiers.quality import calibration, measures, model_file, sketch
from classifiers.quality.calibration import Calibration
from classifiers.quality.embedded import Embedded
from classifiers.quality.fasttext import FastText
from classifiers.quality.learner import Floats, Labels, Learner, State
from classifiers.quality.linear import Linear
from classifiers.quality.sketch import Counts
from manifests import text

KINDS: dict[str, type[Learner]] = {k.kind: k for k in (Linear, FastText, Embedded)}
_FOLDS = 5


@dataclass(frozen=True)
class Report:
    """What a model was made of, and how it does on texts that it had not seen."""

    labels: dict[str, int]  #: distinct texts of each
    left_out: int  #: copies of the same content, texts without any, and texts under several labels
    sources: int  #: so many were left out in turn; 0: rows were
    unscored: int  #: texts without a score, as without their source a label has none
    auc: float  #: of the positive label, or the mean over labels, each against the rest
    accuracy: float
    calibration_error: float  #: calibrated on the other folds
    truth: npt.NDArray[np.int64]  #: of the scored texts, the number of the label
    row: npt.NDArray[np.int64]  #: their rows in what was given
    score: npt.NDArray[np.float32]  #: calibrated on the other folds, ``[scored, labels]``


class Classifier:
    """A trained model. It does not pickle: load it where it is used."""

    def __init__(
        self, learner: Learner, labels: tuple[str, ...], calibrations: tuple[Calibration, ...], reference: Counts
    ) -> None:
        """``reference``: the sketch of the scores that its texts had while unseen."""
        self._learner, self.labels, self._calibrations = learner, labels, calibrations
        self.reference = reference

    @property
    def kind(self) -> str:
        return self._learner.kind

    def probabilities(self, texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float32]:
        """``float32[n, labels]``: calibrated, in the order of ``labels``; all zero for a text without word or mark."""
        from classifiers.spacing import spaced

        whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        if not len(whole):
            return np.zeros((0, len(self.labels)), np.float32)
        found = _calibrated(self._learner.raw(whole), self._calibrations)
        found[np.diff(text.buffers(spaced(whole))[0]) == 0] = 0
        return found

    def score(self, texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float32]:
        """``float32[n]``: the probability of the last label, which of two is the positive one."""
        return self.probabilities(texts)[:, -1]

    def save(self, path: str) -> None:
        state = self._learner.state()
        knots: dict[str, npt.NDArray[Any]] = {"reference": self.reference}
        knots |= {f"calibration{i}": np.stack([c.raw, c.probability]) for i, c in enumerate(self._calibrations)}
        about = {"kind": self.kind, "labels": list(self.labels)}
        model_file.write(path, about, State({**state.arrays, **knots}, state.files, state.options))

    @classmethod
    def load(cls, path: str) -> Classifier:
        """Reads a model from a path or URI. ValueError when there is none, or one that ``save`` did not write."""
        saved = model_file.read(path)
        labels, kind = saved.about.get("labels"), saved.about.get("kind")
        if not isinstance(labels, list) or len(labels) < 2 or kind not in KINDS:
            raise ValueError(f"{path} is a model of kind {kind!r} for the labels {labels!r}; known: {', '.join(KINDS)}")
        try:
            learner = KINDS[kind].restore(saved.state, len(labels))
            calibrations = [_knots(saved.state.arrays.get(f"calibration{i}")) for i in range(_columns(len(labels)))]
            reference = saved.state.arrays.get("reference")
            if reference is None or reference.shape != (sketch.CELLS,) or reference.dtype != np.int64:
                raise ValueError("its sketch of scores is missing or damaged")
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return cls(learner, tuple(map(str, labels)), tuple(calibrations), reference)


def train(
    texts: pa.Array | pa.ChunkedArray,
    labels: Sequence[str],
    *,
    positive: str | None = None,
    sources: Sequence[str] | None = None,
    kind: str = Linear.kind,
    seed: int = 0,
    folds: int = _FOLDS,
    options: dict[str, Any] | None = None,
) -> tuple[Classifier, Report]:
    """Trains a model on texts with one label each.

    ``positive`` names the label whose probability ``score`` is; it may be left out of more than two. With ``sources``,
    those of one name are left out together, so that the measures speak of sources not seen. ValueError when texts,
    labels and sources differ in number, a label has fewer than two distinct texts, or an option is
    unknown or out of its bounds.
    """
    chosen = _options(kind, options or {})
    if len(texts) != len(labels) or (sources is not None and len(sources) != len(labels)):
        raise ValueError(f"{len(texts)} texts have {len(labels)} labels; each text needs one, and a source or none has")
    names = sorted(set(labels), key=lambda name: (name == positive, name))
    if positive is not None and positive not in names:
        raise ValueError(f"no text is labelled {positive!r}; there are: {', '.join(names) or 'none'}")
    if len(names) < 2:
        raise ValueError(f"every text is labelled {names[0]!r}; a model needs two labels" if names else "no text")
    number = {name: i for i, name in enumerate(names)}
    truth = np.array([number[label] for label in labels], np.int64)
    rows = _distinct(texts, truth)
    counts = np.bincount(truth[rows], minlength=len(names))
    for name, count in zip(names, counts.tolist(), strict=True):
        if count < 2:
            raise ValueError(f"{count} distinct texts are labelled {name}; a model needs at least 2 of them")
    rows = np.random.Generator(np.random.PCG64(seed)).permutation(rows)  # fastText learns in this order
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    whole, truth = whole.take(pa.array(rows)), truth[rows]
    parts = _by_source([sources[r] for r in rows], folds) if sources else _by_row(truth, min(folds, int(counts.min())))

    raw = np.full((len(rows), len(names)), np.nan)
    for seen, unseen in _splits(parts, truth, len(names)):
        part = KINDS[kind].fit(whole.take(pa.array(seen)), truth[seen], len(names), seed, chosen)
        raw[unseen] = part.raw(whole.take(pa.array(unseen)))
    scored = np.flatnonzero(~np.isnan(raw[:, 0]))
    if len(np.unique(truth[scored])) < len(names):
        raise ValueError("without any one of the sources a label has no texts left; give fewer sources, or none")
    score = np.empty((len(scored), len(names)), np.float32)
    for k in np.unique(parts[scored]):
        here = parts[scored] == k
        others = scored[~here] if len(np.unique(truth[scored[~here]])) == len(names) else scored
        score[here] = _calibrated(raw[scored[here]], _calibrations(raw[others], truth[others]))
    learner = KINDS[kind].fit(whole, truth, len(names), seed, chosen)
    calibrations = _calibrations(raw[scored], truth[scored])
    model = Classifier(learner, tuple(names), calibrations, sketch.sketch(score[:, -1]))
    sides = [truth[scored] == c for c in range(len(names))]
    judged = range(1, 2) if len(names) == 2 else range(len(names))
    report = Report(
        labels=dict(zip(names, counts.tolist(), strict=True)),
        left_out=len(texts) - len(rows),
        sources=len(set(sources)) if sources else 0,
        unscored=len(rows) - len(scored),
        auc=float(np.mean([measures.auc(raw[scored, c], sides[c]) for c in judged])),
        accuracy=float((score.argmax(axis=1) == truth[scored]).mean()),
        calibration_error=float(np.mean([calibration.error(score[:, c], sides[c]) for c in judged])),
        truth=truth[scored],
        row=rows[scored],
        score=score,
    )
    return model, report


def _options(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r}: allowed are {', '.join(KINDS)}")
    defaults = KINDS[kind].defaults
    if unknown := sorted(set(given) - set(defaults)):
        raise ValueError(f"option {unknown[0]!r}: a model of kind {kind} has {', '.join(defaults)}")
    for name, (least, most) in KINDS[kind].bounds.items():
        if name in given and not (isinstance(given[name], int | float) and least <= given[name] <= most):
            raise ValueError(f"option {name} is {given[name]!r}; allowed are {least:,} to {most:,}")
    return {**defaults, **given}


def _columns(labels: int) -> int:
    return 1 if labels == 2 else labels


def _calibrations(raw: Floats, truth: Labels) -> tuple[Calibration, ...]:
    """One a label; of two labels, of the second alone."""
    classes = range(1, 2) if raw.shape[1] == 2 else range(raw.shape[1])
    return tuple(calibration.fit(raw[:, c], truth == c) for c in classes)


def _calibrated(raw: Floats, calibrations: Sequence[Calibration]) -> npt.NDArray[np.float32]:
    if raw.shape[1] == 2:
        found = calibrations[0](raw[:, 1])
        return np.stack([1 - found, found], axis=1)
    each = np.stack([c(raw[:, i]) for i, c in enumerate(calibrations)], axis=1)
    return np.asarray(each / each.sum(axis=1, keepdims=True), np.float32)


def _knots(knots: npt.NDArray[Any] | None) -> Calibration:
    if knots is None or knots.ndim != 2 or len(knots) != 2 or not knots.shape[1] or not np.isfinite(knots).all():
        raise ValueError("its calibration is missing or damaged")
    return Calibration(knots[0].astype(np.float64), knots[1].astype(np.float64))


def _splits(parts: Labels, truth: Labels, classes: int) -> Iterator[tuple[Labels, Labels]]:
    """Texts seen and unseen, a fold at a time; folds without which a label has no text are passed over."""
    for k in np.unique(parts):
        seen, unseen = np.flatnonzero(parts != k), np.flatnonzero(parts == k)
        if len(np.unique(truth[seen])) == classes:
            yield seen, unseen


def _by_row(truth: Labels, folds: int) -> Labels:
    """Each label's texts dealt to the folds in turn."""
    parts = np.empty(len(truth), np.int64)
    for c in np.unique(truth):
        side = np.flatnonzero(truth == c)
        parts[side] = np.arange(len(side)) % max(folds, 2)
    return parts


def _by_source(sources: Sequence[str], folds: int) -> Labels:
    """Whole sources to folds, the largest first, each to the fold that has least."""
    names, where, sizes = np.unique(np.array(sources), return_inverse=True, return_counts=True)
    load = np.zeros(min(folds, len(names)), np.int64)
    part = np.empty(len(names), np.int64)
    for i in np.argsort(-sizes, kind="stable"):
        part[i] = load.argmin()
        load[part[i]] += sizes[i]
    return part[where]


def _distinct(texts: pa.Array | pa.ChunkedArray, labels: Labels) -> npt.NDArray[np.int64]:
    """The first row of each content that is not empty and has one label only, in order."""
    sides: dict[str, set[int]] = {}
    first: dict[str, int] = {}
    nothing = text.content_hash(pa.array([""]))[0].as_py()
    for i, (content, label) in enumerate(zip(text.content_hash(texts).to_pylist(), labels.tolist(), strict=True)):
        sides.setdefault(content, set()).add(label)
        first.setdefault(content, i)
    return np.array([i for c, i in first.items() if c != nothing and len(sides[c]) == 1], np.int64)
