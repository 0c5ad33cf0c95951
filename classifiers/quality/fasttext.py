"""fastText's linear classifier over words and word pairs (Joulin et al. 2017, arXiv:1607.01759).

The kind that chose the documents of DCLM (Li et al. 2024, arXiv:2406.11794). One thread trains it, so the same texts,
labels and seed give the same bytes.
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from classifiers.quality.learner import Floats, Labels, State

_LEARNING_RATE = 0.5
_MIN_COUNT = 1
_LABEL = "__label__"
# a model file begins with magic number, version and dimensions, and ends with the numbers of each label, before which
# stand whether they are compressed, how many labels and how many dimensions (fastText, src/fasttext.cc)
_HEAD, _MAGIC = struct.Struct("<iii"), (793712314, 12)
_TAIL = struct.Struct("<?qq")
#: a probability of nought or one would be endless as log-odds
_LEAST = 1e-6


class FastText:
    """``options``: ``dimensions`` stand for each word and each of ``buckets`` hashed word pairs; ``epochs``."""

    kind: ClassVar[str] = "fasttext"
    defaults: ClassVar[dict[str, Any]] = {"dimensions": 32, "epochs": 5, "buckets": 1 << 18}
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "dimensions": (1, 4096),
        "epochs": (1, 10_000),
        "buckets": (1, 1 << 26),
    }

    def __init__(self, model: Any, content: bytes, classes: int) -> None:
        self._model, self._content, self._classes = model, content, classes

    @classmethod
    def fit(cls, texts: pa.Array, labels: Labels, classes: int, seed: int, options: dict[str, Any]) -> FastText:
        import fasttext

        with tempfile.TemporaryDirectory() as folder:
            file, made = Path(folder, "texts"), Path(folder, "model")
            with file.open("w", encoding="utf-8", newline="\n") as out:
                for line, label in zip(_lines(texts), labels.tolist(), strict=True):
                    out.write(f"{_LABEL}{label} {line}\n")
            model = fasttext.train_supervised(
                str(file),
                lr=_LEARNING_RATE,
                dim=options["dimensions"],
                epoch=options["epochs"],
                wordNgrams=2,
                bucket=options["buckets"],
                minCount=_MIN_COUNT,
                seed=seed % (1 << 31),  # fastText's is 32 bits wide
                thread=1,
                verbose=0,
            )
            model.save_model(str(made))
            return cls(model, made.read_bytes(), classes)

    @classmethod
    def restore(cls, state: State, classes: int) -> FastText:
        import fasttext

        content = state.files.get("fasttext.bin", b"")
        _check(content, classes)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "model")
            file.write_bytes(content)
            return cls(fasttext.load_model(str(file)), content, classes)

    def state(self) -> State:
        return State(files={"fasttext.bin": self._content})

    def raw(self, texts: pa.Array) -> Floats:
        """Log-odds of each label; the least there is for a text without any word or mark."""
        found = np.zeros((len(texts), self._classes))
        for i, line in enumerate(_lines(texts)):
            if line:
                # the binding's own predict() copies each answer through lists; this call is what it wraps
                for probability, label in self._model.f.predict(line + "\n", self._classes, 0.0, "strict"):
                    found[i, int(label.removeprefix(_LABEL))] = probability
        found = found.clip(_LEAST, 1 - _LEAST)
        odds: Floats = np.log(found / (1 - found))
        return odds


def _check(content: bytes, classes: int) -> None:
    """ValueError for a file that fastText would misread: it takes any length it finds, and may allocate without end."""
    magic, version, dim = _HEAD.unpack(content[: _HEAD.size].ljust(_HEAD.size, b"\0"))
    if (magic, version) != _MAGIC:
        raise ValueError("it holds no fastText model")
    at = len(content) - _TAIL.size - classes * 4 * dim
    if at < 0 or dim < 1 or _TAIL.unpack(content[at : at + _TAIL.size]) != (False, classes, dim):
        raise ValueError("its fastText model is cut short, or has other labels; train it again")


def _lines(texts: pa.Array) -> list[str]:
    from classifiers.spacing import spaced

    lines: list[str] = spaced(texts).to_pylist()
    return lines
