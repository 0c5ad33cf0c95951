"""A quality classifier: how much a text is like one set of examples rather than another (Li et al. 2024, DCLM).

fastText (Joulin et al. 2017) over lower-case words, punctuation marks and their bigrams. Training runs in one thread
over documents in an order drawn from the seed, so the same documents give the same model, byte for byte.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

#: a text is judged by this many characters at its beginning
CHARACTERS = 20_000
#: slots for bigrams
_BUCKETS = 1 << 17
_LEARNING_RATE = 0.5
# texts are in lower case: no word of theirs can be taken for a label
_PREFIX = "__LABEL__"
_POSITIVE, _NEGATIVE = _PREFIX + "POSITIVE", _PREFIX + "NEGATIVE"
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Report:
    """What was trained on, and how the model does on the tenth of each set that it never saw.

    ``accuracy`` is the mean of both sets' shares of right answers at a score of 0.5; ``auc`` the probability that a
    positive document has the higher score.
    """

    trained: int
    heldout: int
    accuracy: float
    auc: float


def train(
    texts: pa.Array | pa.ChunkedArray,
    labels: Sequence[bool],
    path: str,
    *,
    seed: int = 0,
    dim: int = 32,
    epochs: int = 5,
) -> Report:
    """Trains on nine tenths of each set and writes the model to the local ``path``.

    ValueError when there is not one label a text, or fewer than two texts with words in either set.
    """
    import fasttext

    if len(labels) != len(texts):
        raise ValueError(f"{len(labels)} labels for {len(texts)} texts; give one a text")
    lines = _lines(texts)
    positive = np.asarray(labels, bool)
    wordy = np.array([bool(line) for line in lines], bool)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(lines))
    sides = [order[wordy[order] & (positive[order] == side)] for side in (True, False)]
    for name, side in zip(("positive", "negative"), sides, strict=True):
        if len(side) < 2:
            raise ValueError(f"{len(side)} {name} texts with words; at least 2 are needed")
    heldout = np.concatenate([side[: max(1, len(side) // 10)] for side in sides])
    trained = order[wordy[order] & ~np.isin(order, heldout)]
    with tempfile.TemporaryDirectory() as folder:
        examples = Path(folder) / "examples"
        with examples.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{_POSITIVE if positive[i] else _NEGATIVE} {lines[i]}\n" for i in trained)
        model = fasttext.train_supervised(
            str(examples),
            label=_PREFIX,
            dim=dim,
            epoch=epochs,
            lr=_LEARNING_RATE,
            wordNgrams=2,
            bucket=_BUCKETS,
            minCount=2 if len(trained) >= 100 else 1,
            thread=1,
            seed=seed % (1 << 31),
            verbose=0,
        )
    model.save_model(path)
    scores = QualityModel(model).score(pa.array([lines[i] for i in heldout], pa.large_string()))
    return _report(scores, positive[heldout], len(trained))


def _report(scores: npt.NDArray[np.float32], positive: npt.NDArray[np.bool_], trained: int) -> Report:
    from scipy.stats import rankdata

    high, low = scores[positive], scores[~positive]
    right = (np.mean(high >= 0.5) + np.mean(low < 0.5)) / 2
    ranks = rankdata(np.concatenate([high, low]))[: len(high)]
    auc = (ranks.mean() - (len(high) + 1) / 2) / len(low)
    return Report(trained, len(scores), float(right), float(auc))


class QualityModel:
    """A trained classifier."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @classmethod
    def load(cls, path: str) -> QualityModel:
        """Reads a model that ``train`` wrote to a local path; ValueError when the file is not one."""
        import fasttext

        if not Path(path).is_file():
            raise ValueError(f"no quality model at {path}")
        try:
            model = fasttext.load_model(path)
        except ValueError as error:
            raise ValueError(f"{path} is not a fastText model") from error
        if set(model.get_labels()) != {_POSITIVE, _NEGATIVE}:
            raise ValueError(f"{path} was not trained here: its labels are {', '.join(model.get_labels()[:5])}")
        return cls(model)

    def score(self, texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float32]:
        """``float32[n]``: probability of the positive set, in [0, 1]; 0 for a text without words and for null."""
        scores = np.zeros(len(texts), np.float32)
        lines = _lines(texts)
        wordy = [i for i, line in enumerate(lines) if line]
        if wordy:
            names, probabilities = self._model.predict([lines[i] for i in wordy], k=2)
            for i, pair, found in zip(wordy, names, probabilities, strict=True):
                scores[i] = min(1.0, max(0.0, float(found[list(pair).index(_POSITIVE)])))
        return scores


def _lines(texts: pa.Array | pa.ChunkedArray) -> list[str]:
    """Each text as fastText reads it: one line of lower-case words and single marks; marks alone are no words.

    Splitting marks off also takes apart ``</s>``, at which fastText would stop reading.
    """
    lines: list[str] = []
    for value in texts.to_pylist():
        tokens = _TOKEN.findall((value or "")[:CHARACTERS].lower())
        lines.append(" ".join(tokens) if any(token[0].isalnum() for token in tokens) else "")
    return lines
