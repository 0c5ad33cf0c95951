"""Trees and the choice among blocks, against plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.html.forest import DEPTH, Forest, best_choice, probabilities


def test_a_forest_is_the_sum_of_its_trees() -> None:
    rng = np.random.default_rng(1)
    trees, splits = 7, (1 << DEPTH) - 1
    threshold = rng.standard_normal((trees, splits)).astype(np.float32)
    threshold[0, 3:] = np.inf
    forest = Forest(
        rng.integers(0, 5, (trees, splits), np.uint8), threshold,
        rng.standard_normal((trees, 1 << DEPTH)).astype(np.float32), -0.25,
    )  # fmt: skip
    rows = rng.standard_normal((70, 6)).astype(np.float32)
    for row, probability in zip(rows, probabilities(forest, rows), strict=True):
        score = -0.25
        for t in range(trees):
            k = 0
            while k < splits:
                k = 2 * k + (1 if row[forest.column[t, k]] <= threshold[t, k] else 2)
            score += float(forest.value[t, k - splits])
        assert abs(probability - 1 / (1 + np.exp(-score))) < 1e-5


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 50)), min_size=1, max_size=12))
@settings(deadline=None)
def test_the_choice_has_the_best_expected_f1_of_all_thresholds(blocks: list[tuple[int, int]]) -> None:
    probability = np.array([p / 100 for p, _ in blocks], np.float32)
    weight = np.array([w for _, w in blocks], np.float32)

    def f1(keep: np.ndarray) -> float:
        hit = float((probability * weight)[keep].sum())
        return 2 * hit / (float(weight[keep].sum()) + float((probability * weight).sum()) + 1e-9)

    chosen = best_choice(probability, weight)
    assert chosen.any()
    assert f1(chosen) >= max(f1(probability >= t) for t in probability) - 1e-5
