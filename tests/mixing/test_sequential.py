from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mixing
from mixing.constraints import Constraints, Group
from mixing.sequential import propose, search
from mixing.simplex import UNITS
from mixing.swarm import candidates, informative, unimax
from tests.mixing.test_surrogate import DOMAINS, swarm, true_metrics

NATURAL = dict(zip(DOMAINS, [0.6, 0.2, 0.1, 0.06, 0.04], strict=True))
LOSSES = {"bpb/web": 1.0, "bpb/code": 1.0}


def loss(X: np.ndarray) -> np.ndarray:
    return (true_metrics(X)["bpb/web"] + true_metrics(X)["bpb/code"]) / 2


def test_batches_find_the_best_of_a_pool_and_then_stop() -> None:
    rng = np.random.default_rng(0)
    pool = rng.dirichlet(np.full(5, 0.6), 300)
    taken = rng.permutation(300)[:12].tolist()
    batches = []
    for _ in range(3):
        weights = pl.DataFrame({"run": taken, **dict(zip(DOMAINS, pool[taken].T, strict=True))})
        metrics = pl.DataFrame({"run": taken, "loss": loss(pool[taken])})
        surrogate = mixing.fit(weights, metrics, family="power_law_concave")
        rest = np.setdiff1d(np.arange(300), taken)
        batches.append(propose(surrogate, pool[rest], 4))
        found = batches[-1].mixtures.select(DOMAINS).to_numpy()
        assert batches[-1].mixtures["run"].to_list() == [f"r{len(taken) + i:03d}" for i in range(4)]
        taken += [int(np.flatnonzero((pool == x).all(1))[0]) for x in found]
    assert int(loss(pool).argmin()) in taken
    assert batches[-1].gain < batches[0].gain


def test_searched_mixtures_keep_the_limits_and_beat_the_runs() -> None:
    surrogate = mixing.fit(*swarm(24), family="power_law_concave")
    limits = Constraints({"code": (0.0, 0.3)}, {"made": Group({"pdf": 1, "synthetic": 1}, 0.2, 0.4)})
    pool = search(surrogate, NATURAL, seed=0, objective=LOSSES, constraints=limits)
    assert np.allclose(pool * UNITS, (pool * UNITS).round(), atol=1e-9)
    assert np.allclose(pool.sum(1), 1)
    assert pool[:, 1].max() <= 0.3
    made = pool[:, 3:].sum(1)
    assert made.min() >= 0.2 - 1e-9
    assert made.max() <= 0.4 + 1e-9
    batch = propose(surrogate, pool, 4, objective=LOSSES)
    allowed = loss(candidates(NATURAL, 500, seed=3, constraints=limits))
    assert loss(batch.mixtures.select(DOMAINS).to_numpy())[0] < np.quantile(allowed, 0.05)
    with pytest.raises(ValueError, match="unknown metrics speed"):
        propose(surrogate, pool, objective={"speed": 1.0})
    with pytest.raises(ValueError, match="natural names web; the surrogate knows"):
        search(surrogate, {"web": 1.0}, seed=0)
    with pytest.raises(ValueError, match="every mixture that could be proposed has been run"):
        propose(surrogate, surrogate.mixtures)


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 10), st.integers(0, 2**32 - 1))
def test_limits_hold_for_every_candidate(m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"d{i}" for i in range(m)]
    inside = rng.dirichlet(np.ones(m))  # so that there is a mixture within the limits
    bounds = {
        n: (max(0.0, x - rng.uniform(0, 0.3)), min(1.0, x + rng.uniform(0.02, 0.5)))
        for n, x in zip(names, inside, strict=True)
    }
    parts = dict(zip(names, rng.choice([0.0, 0.4, 1.0], m), strict=True))  # of a domain a part may count
    counted = np.array([*parts.values()])
    total = float(inside @ counted)
    least, most = max(0.0, total - rng.uniform(0.02, 0.2)), min(1.0, total + rng.uniform(0.02, 0.2))
    group = Group(parts, least, most)
    X = candidates(dict.fromkeys(names, 1.0), 200, seed=1, constraints=Constraints(bounds, {"g": group}))
    assert len(X) > 20
    assert np.allclose(X.sum(1), 1, atol=1e-9)
    for j, name in enumerate(names):
        assert X[:, j].min() >= bounds[name][0] - 1e-6
        assert X[:, j].max() <= bounds[name][1] + 1e-6
    assert (X @ counted).min() >= least - 1e-6
    assert (X @ counted).max() <= most + 1e-6


@pytest.mark.parametrize(
    ("limits", "message"),
    [(Constraints({"books": (0, 1)}), "unknown domains in bounds: books"),
     (Constraints({"web": (0.5, 0.2)}), "bounds of web are 0.5 to 0.2"),
     (Constraints({"web": (0.7, 1), "code": (0.7, 1)}), "no mixture meets these together: web ≥ 0.7; code ≥ 0.7"),
     (Constraints({}, {"g": Group({"pdf": 1}, 0.5, 2)}), "limits of group 'g' are 0.5 to 2")],
)  # fmt: skip
def test_limits_that_cannot_be(limits: Constraints, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixing.design(NATURAL, 8, seed=0, constraints=limits)


def test_the_order_of_information_is_that_of_the_determinant() -> None:
    X = np.random.default_rng(4).dirichlet(np.ones(4), 30)
    F = np.hstack([np.ones((30, 1)), X, np.sqrt(X)])
    A, order, taken = 1e-3 * np.eye(9), informative(X), np.zeros(30, bool)
    for _ in range(12):
        i = next(order)
        gains = np.array([np.linalg.slogdet(A + np.outer(f, f))[1] for f in F])
        assert not taken[i]
        assert gains[i] == pytest.approx(gains[~taken].max(), rel=1e-9)
        taken[i] = True
        A = A + np.outer(F[i], F[i])


def test_unimax_is_even_where_the_data_allow() -> None:
    assert unimax({"a": 10, "b": 1000, "c": 1000}, 1000, 4.0) == pytest.approx({"a": 0.04, "b": 0.48, "c": 0.48})
    assert unimax({"a": 1, "b": 1}, 1000) == {"a": 0.5, "b": 0.5}
    with pytest.raises(ValueError, match="UniMax needs"):
        unimax({"a": 1}, 0)


def test_a_swarm_with_repeats_unimax_and_limits() -> None:
    even = dict.fromkeys(DOMAINS, 0.2)
    limits = Constraints({"web": (0.3, 0.8)})
    x = mixing.design(NATURAL, 20, seed=0, natural_runs=3, unimax=even, constraints=limits).select(DOMAINS).to_numpy()
    assert (x[:3] == list(NATURAL.values())).all()
    assert x[3].tolist() == [0.2] * 5
    assert x[4:, 0].min() >= 0.3
    assert x[4:, 0].max() <= 0.8
