"""Logistic regression on hashed words, marks and pairs of them, weighed by how few documents have them."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from classifiers.quality.learner import Floats, Labels, State
from classifiers.quality.ngrams import hashed, inverse_frequency, weighed


class Linear:
    """``options``: ``bits`` of the hash, ``limit`` in bytes of a text that are read, ``strength`` of the fit (C)."""

    kind: ClassVar[str] = "linear"
    defaults: ClassVar[dict[str, Any]] = {"bits": 18, "limit": 2000, "strength": 10.0}
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"bits": (1, 24), "limit": (1, 1 << 24), "strength": (1e-9, 1e9)}

    def __init__(self, weights: Any, intercepts: Any, idf: Any, options: dict[str, Any]) -> None:
        self._weights, self._intercepts, self._idf, self._options = weights, intercepts, idf, options

    @classmethod
    def fit(cls, texts: pa.Array, labels: Labels, classes: int, seed: int, options: dict[str, Any]) -> Linear:
        from sklearn.linear_model import LogisticRegression

        counts = hashed(texts, bits=options["bits"], limit=options["limit"])
        idf = inverse_frequency(counts)
        model = LogisticRegression(C=options["strength"], max_iter=300).fit(weighed(counts, idf), labels)
        weights = model.coef_.T.astype(np.float32)
        return cls(weights, model.intercept_.astype(np.float32), idf, options)

    @classmethod
    def restore(cls, state: State, classes: int) -> Linear:
        options = dict(state.options)
        weights, intercepts, idf = (state.arrays.get(name) for name in ("weights", "intercepts", "idf"))
        columns = 1 if classes == 2 else classes
        bits, limit = options.get("bits"), options.get("limit")
        if not (isinstance(bits, int) and isinstance(limit, int) and 1 <= bits <= cls.bounds["bits"][1] and limit > 0):
            raise ValueError("its options are not those of a linear model")
        shapes = [a.shape if a is not None and a.dtype == np.float32 else None for a in (weights, intercepts, idf)]
        if shapes != [(1 << bits, columns), (columns,), (1 << bits,)]:
            raise ValueError(f"its arrays have the shapes {shapes}")
        return cls(weights, intercepts, idf, options)

    def state(self) -> State:
        arrays = {"weights": self._weights, "intercepts": self._intercepts, "idf": self._idf}
        return State(arrays=arrays, options=self._options)

    def raw(self, texts: pa.Array) -> Floats:
        counts = hashed(texts, bits=self._options["bits"], limit=self._options["limit"])
        found = np.asarray(weighed(counts, self._idf) @ self._weights + self._intercepts, np.float64)
        return found if found.shape[1] > 1 else np.hstack([-found, found])
