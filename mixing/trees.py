"""Gradient-boosted trees with RegMix's settings (arXiv 2407.01492), without its early stopping on test rows.

LightGBM is an extra: ``pip install 'cuvee[trees]'``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mixing.simplex import Floats

_ROUNDS = 1000
_SETTINGS = {
    "objective": "regression",
    "learning_rate": 1e-2,
    "seed": 42,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Trees:
    """A boosted model of one standardised metric, as LightGBM's own text."""

    text: str

    def mean(self, X: Floats) -> Floats:
        """``float64[n]``."""
        return np.asarray(self._booster.predict(X), np.float64)

    def variance(self, X: Floats) -> Floats:
        """Trees know none: the same everywhere."""
        return np.ones(len(X))

    @cached_property
    def _booster(self) -> Any:
        return _lightgbm().Booster(model_str=self.text)


def fit(X: Floats, z: Floats, w: Floats) -> Trees:
    """A leaf holds at most a tenth of the runs: LightGBM's twenty would leave a small swarm a constant."""
    lightgbm = _lightgbm()
    settings = _SETTINGS | {"min_data_in_leaf": int(np.clip(len(z) // 10, 2, 20))}
    booster = lightgbm.train(settings, lightgbm.Dataset(X, z, weight=w, free_raw_data=False), num_boost_round=_ROUNDS)
    return Trees(booster.model_to_string())


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError:
        raise ValueError("family lightgbm needs LightGBM: pip install 'cuvee[trees]'") from None
    return lightgbm
