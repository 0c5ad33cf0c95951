from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixing.repetition import worth
from mixing.upsampling import upsample


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1000, 10**6), min_size=1, max_size=5),
    st.floats(0.02, 0.98),
    st.sampled_from([1.0, 4.0, 7.0]),
)
def test_epochs_rise_with_quality_and_fill_the_budget(tokens: list[int], share: float, most: float) -> None:
    total = int(share * most * sum(tokens))
    taken = upsample(tokens, total, max_epochs=most)
    assert sum(taken) == total
    epochs = np.array(taken) / np.array(tokens)
    assert (np.diff(epochs) >= -2e-3).all()
    assert epochs.max() <= most + 2e-3
    assert epochs.min() >= 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 0.9))
def test_no_other_split_is_worth_more(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    tokens = rng.integers(10_000, 100_000, 3)
    values = np.sort(rng.uniform(0.2, 1, 3))
    total = int(share * 5 * tokens.sum())
    taken = np.array(upsample(tokens.tolist(), total, max_epochs=5.0, values=values.tolist()))

    def value(split: np.ndarray) -> float:
        return float(np.sum(values * tokens * worth(split / tokens, 15.4)))

    best = value(taken)
    for _ in range(300):
        other = rng.dirichlet(np.ones(3)) * total
        if (other <= 5 * tokens).all():
            assert value(other) <= best * (1 + 1e-4)


def test_the_worst_is_dropped_and_the_best_repeated() -> None:
    epochs = np.array(upsample([1000] * 10, 10_000, max_epochs=7.0)) / 1000
    assert epochs[0] == 0
    assert epochs[9] > epochs[8] > 1
    assert np.array(upsample([1000] * 10, 10_000, max_epochs=7.0, strength=0.0)) == pytest.approx([1000] * 10, abs=1)
    with pytest.raises(ValueError, match="more than 2 times"):
        upsample([1000, 1000], 5000, max_epochs=2.0)
    with pytest.raises(ValueError, match="must be positive and not fall"):
        upsample([1000, 1000], 500, max_epochs=2.0, values=[0.9, 0.1])
