from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mixing
from mixing.simplex import UNITS, round_weights

NATURAL = {"web": 0.7, "code": 0.2, "prose": 0.07, "pdf": 0.02, "synthetic": 0.01}


def weights(frame: pl.DataFrame) -> np.ndarray:
    return frame.drop("run").to_numpy()


def log_det(x: np.ndarray) -> float:
    F = np.hstack([np.ones((len(x), 1)), x, np.sqrt(x)])
    return float(np.linalg.slogdet(F.T @ F + 1e-3 * np.eye(F.shape[1]))[1])


def test_rows_are_exact_mixtures() -> None:
    swarm = mixing.design(NATURAL, 16, seed=3)
    assert swarm.columns == ["run", *NATURAL]
    assert swarm["run"].to_list() == [f"r{i:03d}" for i in range(16)]
    units = weights(swarm) * UNITS
    assert np.allclose(units, units.round(), atol=1e-9)
    assert np.all(units.round().sum(1) == UNITS)
    assert weights(swarm)[0].tolist() == list(NATURAL.values())
    assert len(swarm.drop("run").unique()) == 16


def test_seed_decides_everything() -> None:
    assert mixing.design(NATURAL, 12, seed=1).equals(mixing.design(NATURAL, 12, seed=1))
    assert not mixing.design(NATURAL, 12, seed=1).equals(mixing.design(NATURAL, 12, seed=2))


def test_designed_rows_inform_more_than_random_ones() -> None:
    rng = np.random.default_rng(0)
    random = [log_det(rng.dirichlet(np.ones(5), 16)) for _ in range(20)]
    assert log_det(weights(mixing.design(NATURAL, 16, seed=0, anchor=0))) > max(random)


def test_mixtures_keep_clear_of_the_corners() -> None:
    x = weights(mixing.design(NATURAL, 16, seed=0, anchor=0.2))
    assert np.all(x >= 0.2 * np.array(list(NATURAL.values())) - 1e-4)
    assert x.max(0).min() > 0.4, "and yet every domain is seen at a large weight"


def test_small_weights_become_zero() -> None:
    x = weights(mixing.design(NATURAL, 20, seed=0, min_weight=0.05))[1:]
    assert np.all((x == 0) | (x > 0.0499))


@pytest.mark.parametrize(
    ("natural", "runs", "message"),
    [({"web": 1.0}, 8, "two domains"), (NATURAL, 1, "needs 2 or more"), ({"a": 0.0, "b": 0.0}, 8, "not all zero"),
     ({"a": float("nan"), "b": 1.0}, 8, "finite"), ({"run": 0.5, "b": 0.5}, 8, "cannot be called 'run'")],
)  # fmt: skip
def test_refusals(natural: dict[str, float], runs: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixing.design(natural, runs, seed=0)


def test_the_anchor_is_checked() -> None:
    with pytest.raises(ValueError, match="anchor is 1; it must be"):
        mixing.design(NATURAL, 8, seed=0, anchor=1.0)


def test_many_domains_and_an_absent_one() -> None:
    natural = {f"d{i:02d}": float(i) for i in range(40)}
    swarm = mixing.design(natural, 60, seed=0, natural_runs=3)
    assert len(swarm) == 60
    assert np.all(weights(swarm)[:3] == weights(swarm)[0])
    assert swarm["d00"].max() > 0, "a domain may be given weight though it is small today"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30).filter(lambda w: sum(w) > 0))
def test_rounding_moves_nothing_by_a_unit(raw: list[float]) -> None:
    w = np.array(raw)
    rounded = round_weights(w)
    assert round(rounded.sum() * UNITS) == UNITS
    assert np.all(np.abs(rounded - w / w.sum()) < 1 / UNITS)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_rounding_keeps_bounds_on_the_grid(m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    w = rng.dirichlet(np.ones(m))
    low, high = (
        np.floor(w * UNITS - rng.integers(0, 3, m)).clip(0) / UNITS,
        np.ceil(w * UNITS + rng.integers(0, 3, m)) / UNITS,
    )
    rounded = round_weights(w, low, high)
    assert round(rounded.sum() * UNITS) == UNITS
    assert np.all(rounded >= low - 1e-12)
    assert np.all(rounded <= high + 1e-12)


def test_no_mixture_is_trained_twice() -> None:
    swarm = mixing.design({"a": 0.5, "b": 0.5}, 120, seed=0)
    assert len(swarm.drop("run").unique()) == 120
