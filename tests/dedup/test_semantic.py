"""Comparison of vectors: as of every pair, clusters as of plain distances."""

from __future__ import annotations

import numpy as np
import pytest

from dedup import semantic


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, 40, 1300])
def test_survivors_are_those_of_comparing_all(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "_BLOCK", 64)
    rng = np.random.default_rng(n)
    vectors = unit(
        rng.normal(size=(max(n // 3, 1), 6))[rng.integers(0, max(n // 3, 1), n)] + rng.normal(0, 0.1, (n, 6))
    )
    fixed = rng.random(n) < 0.1
    survivor, score = semantic.resolve(vectors, 0.97, fixed)
    cosines = np.round(vectors.astype(np.float64) @ vectors.T, 4)
    for i in range(n):
        stay = np.flatnonzero(survivor[:i] < 0)
        best = cosines[i, stay].max(initial=-1.0)
        if fixed[i] or best < 0.9699:
            assert survivor[i] == -1
        elif best > 0.9701:
            assert survivor[i] in stay
            assert cosines[i, survivor[i]] >= best - 2e-4
            assert score[i] == pytest.approx(best, abs=2e-4)


def test_nearest_centres_and_the_same_training_twice() -> None:
    rng = np.random.default_rng(1)
    vectors = unit(rng.normal(size=(5, 8))[rng.integers(0, 5, 600)] + rng.normal(0, 0.05, (600, 8)))
    found = semantic.centres(vectors, 5, seed=3)
    assert (found == semantic.centres(vectors, 5, seed=3)).all()
    distances = ((vectors[:, None] - found) ** 2).sum(axis=2)
    assert (semantic.nearest(vectors, found) == distances.argmin(axis=1)).mean() > 0.99
    assert len(semantic.centres(vectors[:3], 5, seed=3)) == 3


def test_a_cluster_too_large_is_clustered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    base = unit(rng.normal(size=(400, 8)))
    assert (semantic.divided(base, 0) == 0).all()
    monkeypatch.setattr(semantic, "LARGEST", 100)
    monkeypatch.setattr(semantic, "TYPICAL", 50)
    labels = semantic.divided(np.concatenate([base, base]), 0)
    assert (labels[:400] == labels[400:]).all()
    assert np.bincount(labels).max() < 300
