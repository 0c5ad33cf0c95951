from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="proxies need cuvee[proxy]")
transformer = pytest.importorskip("mixing.transformer")

SHAPE = transformer.Shape(vocabulary=30, width=16, layers=2, heads=2, hidden=24)


COMPILED = jax.jit(lambda parameters, windows: transformer.token_losses(parameters, SHAPE, windows))


def losses(windows: np.ndarray) -> np.ndarray:
    parameters = jax.tree.map(lambda a: a * 5, transformer.initialise(SHAPE, 0))  # large enough for attention to matter
    return np.asarray(COMPILED(parameters, windows))


def test_a_prediction_does_not_see_what_follows() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 30, (3, 12))
    second = first.copy()
    second[:, 8:] = rng.integers(0, 30, (3, 4))
    a, b = losses(first), losses(second)
    assert a[:, :7] == pytest.approx(b[:, :7], rel=1e-5)
    assert np.abs(a[:, 8:] - b[:, 8:]).max() > 0.01


def test_a_prediction_sees_what_came_before_and_where() -> None:
    window = np.random.default_rng(1).integers(0, 30, (1, 12))
    other, turned = window.copy(), window.copy()
    other[:, 2] = (other[:, 2] + 1) % 30
    turned[:, [1, 2]] = turned[:, [2, 1]]
    assert np.abs(losses(window)[:, 9:] - losses(other)[:, 9:]).max() > 1e-4
    assert np.abs(losses(window)[:, 9:] - losses(turned)[:, 9:]).max() > 1e-5, "order matters"


def test_losses_are_those_of_a_distribution() -> None:
    window = np.random.default_rng(2).integers(0, 30, (1, 5))
    every = np.repeat(window, 30, axis=0)
    every[:, -1] = np.arange(30)
    assert np.exp(-losses(every)[:, -1]).sum() == pytest.approx(1, rel=1e-4)


def test_the_seed_decides_the_start() -> None:
    a, b, c = (transformer.initialise(SHAPE, s)["embedding"] for s in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
