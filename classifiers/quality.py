"""Quality models: a linear classifier over words and word pairs, trained on what the user calls good and bad.

The model is fastText's (Joulin et al. 2017, arXiv:1607.01759), the kind that chose the documents of DCLM (Li et al.
2024, arXiv:2406.11794). One thread trains it, so the same texts, labels and seed give the same bytes.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests import storage, text

_GOOD, _BAD = "__label__good", "__label__bad"
#: one in so many texts of each label measures the model and does not train it
_HELD_OUT = 10
_LEARNING_RATE = 0.5
# a model file begins with magic number, version and dimensions, and ends with the numbers of each label, before which
# stand whether they are compressed, how many labels and how many dimensions (fastText, src/fasttext.cc)
_HEAD, _MAGIC = struct.Struct("<iii"), (793712314, 12)
_TAIL = struct.Struct("<?qq")


@dataclass(frozen=True)
class Report:
    """What a model was made of, and how well it tells the held-out texts apart."""

    good: int  #: distinct texts that trained it
    bad: int
    left_out: int  #: copies of the same content, and texts without any or under both labels
    heldout: int
    auc: float  #: probability that a good text of the held-out ones scores above a bad one; ties count half
    accuracy: float  #: share of the held-out texts on the right side of one half


def train(
    texts: pa.Array | pa.ChunkedArray,
    labels: Sequence[bool],
    path: str,
    *,
    seed: int,
    dim: int = 32,
    epochs: int = 5,
    buckets: int = 1 << 18,
    min_count: int = 1,
) -> Report:
    """Trains a model to tell the texts labelled True from the others and writes it to the local ``path``.

    ``dim`` numbers stand for each word seen ``min_count`` times and each of ``buckets`` hashed word pairs; the file
    holds about ``4 · dim · (words + buckets)`` bytes. ValueError when labels and texts differ in number, or when
    fewer than two distinct texts have a label.
    """
    import fasttext

    if len(texts) != len(labels):
        raise ValueError(f"{len(texts)} texts have {len(labels)} labels; each text needs one")
    rows = _distinct(texts, labels)
    good = np.asarray(labels, bool)[rows]
    for name, found in (("good", good.sum()), ("bad", (~good).sum())):
        if found < 2:
            raise ValueError(f"{found} distinct texts are labelled {name}; a quality model needs at least 2 of them")
    rows = np.random.Generator(np.random.PCG64(seed)).permutation(rows)  # fastText reads them in this order
    good = np.asarray(labels, bool)[rows]
    heldout = np.zeros(len(rows), bool)
    for side in (good, ~good):
        heldout[np.flatnonzero(side)[::_HELD_OUT]] = True

    lines = _lines(texts.take(pa.array(rows[~heldout])))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts")
        with file.open("w", encoding="utf-8", newline="\n") as out:
            for line, label in zip(lines, good[~heldout].tolist(), strict=True):
                out.write(f"{_GOOD if label else _BAD} {line}\n")
        found = fasttext.train_supervised(
            str(file),
            lr=_LEARNING_RATE,
            dim=dim,
            epoch=epochs,
            wordNgrams=2,
            bucket=buckets,
            minCount=min_count,
            seed=seed % (1 << 31),  # fastText's is 32 bits wide
            thread=1,
            verbose=0,
        )
    with storage.replacing(path) as temporary:
        found.save_model(str(temporary))
    scores = QualityModel(found).score(texts.take(pa.array(rows[heldout])))
    return Report(
        good=int((good & ~heldout).sum()),
        bad=int((~good & ~heldout).sum()),
        left_out=len(texts) - len(rows),
        heldout=int(heldout.sum()),
        auc=auc(scores, good[heldout]),
        accuracy=float(((scores > 0.5) == good[heldout]).mean()),
    )


class QualityModel:
    """A model that ``train`` wrote. It does not pickle: load it where it is used."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @classmethod
    def load(cls, path: str) -> QualityModel:
        """Reads a model from a path or URI. ValueError when there is none, or one that ``train`` did not write."""
        import fasttext

        if not storage.is_file(path):
            raise ValueError(f"{path} does not exist; it should be a model that classifiers.quality.train wrote")
        with tempfile.TemporaryDirectory() as folder:
            if storage.is_local(path):
                file = storage.local_path(path)
            else:
                file = Path(folder, "model")
                file.write_bytes(storage.read_bytes(path))
            _check(path, file)
            model = fasttext.load_model(str(file))
        if set(model.get_labels()) != {_GOOD, _BAD}:
            raise ValueError(
                f"{path} knows the labels {', '.join(model.get_labels())}; a quality model knows good, bad"
            )
        return cls(model)

    def score(self, texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float32]:
        """``float32[n]``: the probability of good, in [0, 1]; 0 for a text without any word or mark."""
        scores = np.zeros(len(texts), np.float32)
        for i, line in enumerate(_lines(texts)):
            if line:
                # the binding's own predict() copies each answer through lists; this call is what it wraps
                for probability, label in self._model.f.predict(line + "\n", 2, 0.0, "strict"):
                    if label == _GOOD:
                        scores[i] = min(1.0, probability)
        return scores


def _check(path: str, file: Path) -> None:
    """ValueError for a file that fastText would misread: it takes any length it finds, and may allocate without end."""
    with file.open("rb") as content:
        head = content.read(_HEAD.size).ljust(_HEAD.size, b"\0")
        magic, version, dim = _HEAD.unpack(head)
        if (magic, version) != _MAGIC:
            raise ValueError(f"{path} is no fastText model")
        matrix = _TAIL.size + 2 * 4 * dim
        content.seek(max(0, file.stat().st_size - matrix))
        tail = content.read(_TAIL.size).ljust(_TAIL.size, b"\0")
    if _TAIL.unpack(tail) != (False, 2, dim):
        raise ValueError(f"{path} is cut short, or has other labels than good and bad; train the model again")


def auc(scores: npt.NDArray[np.float32], good: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney 1947); NaN when either side is empty."""
    from scipy.stats import rankdata

    n, m = int(good.sum()), int((~good).sum())
    if n == 0 or m == 0:
        return float("nan")
    return float((rankdata(scores)[good].sum() - n * (n + 1) / 2) / (n * m))


def _lines(texts: pa.Array | pa.ChunkedArray) -> list[str]:
    from classifiers.spacing import spaced

    lines: list[str] = spaced(texts).to_pylist()
    return lines


def _distinct(texts: pa.Array | pa.ChunkedArray, labels: Sequence[bool]) -> npt.NDArray[np.int64]:
    """The first row of each content that is not empty and has one label only, in order."""
    sides: dict[str, set[bool]] = {}
    first: dict[str, int] = {}
    nothing = text.content_hash(pa.array([""]))[0].as_py()
    for i, (content, label) in enumerate(zip(text.content_hash(texts).to_pylist(), labels, strict=True)):
        sides.setdefault(content, set()).add(bool(label))
        first.setdefault(content, i)
    return np.array([i for c, i in first.items() if c != nothing and len(sides[c]) == 1], np.int64)
