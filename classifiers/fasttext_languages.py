"""Languages by a fastText model of the user's: lid.176, GlotLID, OpenLID, or one with labels like theirs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifiers import scripts
from classifiers.language_codes import iso_639_3

_LABEL = "__label__"
#: a text of fewer bytes is not judged by the model alone: its script has a say
_SHORT = 24


@lru_cache(maxsize=2)
def _load(path: str) -> Any:
    import fasttext

    try:
        model = fasttext.load_model(path)
    except (ValueError, MemoryError) as error:
        raise ValueError(f"language model {path}: cannot be read as a fastText model: {error}") from None
    labels = model.get_labels()
    if not labels or not all(one.startswith(_LABEL) for one in labels):
        raise ValueError(f"language model {path}: no classifier of languages: it has no labels such as {_LABEL}en")
    return model


def code(label: str) -> str:
    """ISO 639-3 code of a label: of ``__label__en``, ``__label__eng``, ``__label__eng_Latn``."""
    return iso_639_3(label.removeprefix(_LABEL).split("_")[0].split("-")[0])


def predict(
    path: str,
    samples: pa.LargeStringArray,
    guessed: npt.NDArray[np.object_],
    guess_score: npt.NDArray[np.float32],
    script: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float32]]:
    """Languages and their probabilities. Texts without letters keep the guess; so do short ones (``_SHORT``
    bytes) for which the model names a language that is not written in the text's script."""
    model = _load(path)
    names, scores = guessed.copy(), guess_score.copy()
    judged = np.flatnonzero(script >= 0)
    values = samples.take(pa.array(judged)).to_pylist()
    if not values:
        return names, scores
    labels, probabilities = model.predict([v.replace("\n", " ") for v in values])
    for k, label, probability, value in zip(judged.tolist(), labels, probabilities, values, strict=True):
        if not label:
            continue
        found = code(label[0])
        if len(value.encode()) < _SHORT and not scripts.may_be(found, int(script[k])):
            continue
        names[k], scores[k] = found, min(float(probability[0]), 1.0)
    return names, scores
