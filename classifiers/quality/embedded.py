"""Ridge regression on sentence embeddings, as in FineWeb-Edu (Penedo et al. 2024, arXiv:2406.17557)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from classifiers import embedding
from classifiers.quality.learner import Floats, Labels, State


class Embedded:
    """``options``: ``backend`` (import path), ``characters`` of a text that it reads, ``penalty`` of the ridge."""

    kind: ClassVar[str] = "embedding"
    defaults: ClassVar[dict[str, Any]] = {"backend": "", "characters": 2000, "penalty": 1.0}
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"characters": (1, 1 << 24), "penalty": (0.0, 1e12)}

    def __init__(self, weights: Any, intercepts: Any, options: dict[str, Any]) -> None:
        self._weights, self._intercepts, self._options = weights, intercepts, options
        self._backend = embedding.load(options["backend"])

    @classmethod
    def fit(cls, texts: pa.Array, labels: Labels, classes: int, seed: int, options: dict[str, Any]) -> Embedded:
        from sklearn.linear_model import Ridge

        vectors = _vectors(embedding.load(options["backend"]), texts, options["characters"])
        model = Ridge(alpha=options["penalty"]).fit(vectors, np.eye(classes)[labels])
        return cls(model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32), options)

    @classmethod
    def restore(cls, state: State, classes: int) -> Embedded:
        options = dict(state.options)
        weights, intercepts = (state.arrays.get(name) for name in ("weights", "intercepts"))
        if not (isinstance(options.get("backend"), str) and isinstance(options.get("characters"), int)):
            raise ValueError("its options are not those of an embedding model")
        if weights is None or intercepts is None or weights.ndim != 2 or weights.shape[1:] != (classes,):
            raise ValueError("its arrays are not those of an embedding model")
        return cls(weights, intercepts, options)

    def state(self) -> State:
        return State(arrays={"weights": self._weights, "intercepts": self._intercepts}, options=self._options)

    def raw(self, texts: pa.Array) -> Floats:
        vectors = _vectors(self._backend, texts, self._options["characters"])
        if len(vectors) and vectors.shape[1] != len(self._weights):
            raise ValueError(
                f"embedding backend {self._options['backend']} makes vectors of {vectors.shape[1]} numbers; "
                f"the model was trained on {len(self._weights)}"
            )
        return np.asarray(vectors @ self._weights + self._intercepts, np.float64)


def _vectors(backend: embedding.Backend, texts: pa.Array, characters: int) -> embedding.Floats:
    return embedding.encode(backend, [(text or "")[:characters] for text in texts.to_pylist()])
