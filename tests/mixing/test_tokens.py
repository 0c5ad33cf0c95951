from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixing.tokens import Curriculum, TokenStream


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(any), st.integers(1, 12))
def test_windows_cover_the_ring(sizes: list[int], length: int) -> None:
    arrays = np.split(np.arange(sum(sizes), dtype=np.uint16), np.cumsum(sizes)[:-1])
    stream = TokenStream(arrays, length, seed=[0])
    ring = np.arange(sum(sizes))
    out = np.empty(length + 1, np.int32)
    predicted = set()
    for window in stream.order(stream.windows).tolist():
        stream.read(window, out)
        assert (
            out.tolist()
            == np.take(ring, np.arange(window * length, window * length + length + 1), mode="wrap").tolist()
        )
        predicted |= set(out[1:].tolist())
    assert predicted == set(ring.tolist()), "an epoch predicts every token"


def test_epochs_are_whole_and_the_order_only_grows() -> None:
    stream = TokenStream([np.arange(100)], 10, seed=[1])
    order = stream.order(25)
    assert sorted(order[:10]) == sorted(order[10:20]) == list(range(10))
    assert order[:10].tolist() != order[10:20].tolist()
    assert stream.order(7).tolist() == order[:7].tolist()


def test_a_limit_repeats_part_of_the_data() -> None:
    stream = TokenStream([np.arange(1000)], 10, seed=[1], limit=200)
    assert stream.windows == 20
    assert len(set(stream.order(60).tolist())) == 20


def make(weights: list[list[float]], fraction: float | None = None) -> Curriculum:
    train = {"a": [np.zeros(500, np.uint16)], "b": [np.ones(300, np.uint16)], "c": []}
    return Curriculum(
        train, np.array(weights), ["a", "b", "c"], length=10, batch=4, steps=25, seed=5, fraction=fraction
    )


def test_runs_read_their_exact_shares() -> None:
    curriculum = make([[0.7, 0.3, 0], [0.25, 0.75, 0], [1, 0, 0]])
    read = np.concatenate([curriculum.read(s) for s in range(25)], axis=1)
    assert read.shape == (3, 100, 11)
    assert read[:, :, 0].sum(1).tolist() == [30, 75, 0]
    halves = read[0, :50, 0].sum(), read[0, 50:, 0].sum()
    assert min(halves) > 5, "domains are spread over the training, not one after the other"


def test_a_run_does_not_depend_on_its_stack() -> None:
    together, alone = make([[0.7, 0.3, 0], [0.25, 0.75, 0]]), make([[0.25, 0.75, 0]])
    for step in range(25):
        assert np.array_equal(together.read(step)[1], alone.read(step)[0])


def test_weight_without_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="domain 'c' has weight in the swarm but no training tokens"):
        make([[0.7, 0.2, 0.1]])
