from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mixing
from mixing.constraints import Constraints
from mixing.laws import Laws
from mixing.objective import Objective
from mixing.risk import worst_weights
from mixing.scenarios import errors
from mixing.solver import state
from mixing.surrogate import Surrogate
from tests.mixing.test_surrogate import DOMAINS, swarm

NATURAL = dict(zip(DOMAINS, [0.6, 0.2, 0.1, 0.06, 0.04], strict=True))


@pytest.fixture(scope="module", params=["power_law_concave", "log_linear", "ridge"])
def surrogate(request: pytest.FixtureRequest) -> Surrogate:
    return mixing.fit(*swarm(32), family=request.param)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.floats(0.01, 2.5), st.integers(0, 10**6))
def test_no_weighting_within_the_ball_is_worse(n: int, risk: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(3, 0.01, (n, 2))
    q = worst_weights(values, risk)
    assert q.sum(0) == pytest.approx([1, 1])
    within = (q * np.log(np.maximum(q * n, 1e-300))).sum(0)
    assert within.max() <= risk**2 / 2 + 1e-9
    if risk**2 / 2 < np.log(n) - 0.1:
        assert within == pytest.approx(np.full(2, risk**2 / 2), abs=1e-6), "the ball is used up"
    others = rng.dirichlet(np.full(n, 2.0), 400)
    others = others[(others * np.log(others * n)).sum(1) <= risk**2 / 2]
    if len(others):
        assert (others @ values).max(0) == pytest.approx((others @ values).max(0).clip(max=(q * values).sum(0)))


def test_normal_scenarios_are_so_many_deviations_off() -> None:
    values = np.random.default_rng(0).normal(2.0, 0.3, (200_000, 1))
    for risk in (0.5, 1.0, 2.0):
        assert float((worst_weights(values, risk) * values).sum()) == pytest.approx(2.0 + risk * 0.3, rel=0.01)
    assert worst_weights(np.ones((8, 1)), 1.0) == pytest.approx(np.full((8, 1), 1 / 8)), "nothing to choose from"


def test_scenarios_vary_as_the_laws_are_known(surrogate: Surrogate) -> None:
    """Against the deviation that the tangents give, and about the fit itself."""
    laws = Laws.of(surrogate)
    X = np.random.default_rng(1).dirichlet(np.ones(5), 50)
    at = laws.moved(errors(surrogate, laws, 512)).means(X)
    for i, metric in enumerate(surrogate.metrics):
        law = surrogate.laws[metric]
        J = law.scale * law.law.jacobian(law.parameters, X)
        sd = np.sqrt(np.einsum("np,pq,nq->n", J, surrogate.uncertainty(metric)[0], J))
        assert np.median(at[..., i].std(0) / sd) == pytest.approx(1, abs=0.25), metric
        assert np.median(np.abs(at[..., i].mean(0) - law.mean(X)) / sd) < 0.5, metric


def test_scenarios_follow_names_not_places(surrogate: Surrogate) -> None:
    """The same runs with columns in another order, and the same fit: the same risk."""
    laws = Laws.of(surrogate)
    order = [3, 0, 4, 1, 2]
    found = errors(surrogate, laws, 8)
    moved = mixing.fit(
        swarm(32)[0].select("run", *(DOMAINS[i] for i in order)), swarm(32)[1], family=surrogate.families["bpb/web"]
    )
    x = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    again = errors(moved, Laws.of(moved), 8)
    here, there = laws.moved(found).means(x), Laws.of(moved).moved(again).means(x[:, order])
    assert there == pytest.approx(here, rel=1e-2, abs=1e-2)


def test_what_is_wrong_in_common_does_not_average_out() -> None:
    """Two metrics of the same errors are together no surer than one; of independent errors they are."""
    weights, _ = swarm(40)
    rng = np.random.default_rng(5)
    base, noise, other = weights["web"].to_numpy(), rng.normal(0, 0.1, 40), rng.normal(0, 0.1, 40)
    alike = pl.DataFrame({"run": weights["run"], "a": base + noise, "b": base + noise + 1e-3 * other})
    apart = pl.DataFrame({"run": weights["run"], "a": base + noise, "b": base + other})
    added = []
    for metrics in (alike, apart):
        fitted = mixing.fit(weights, metrics, family="ridge")
        constraints = Constraints(natural=NATURAL)
        problems = [state(fitted, Objective(risk=r), constraints) for r in (0.0, 1.0)]
        x = problems[0].region.natural
        assert x is not None
        added.append(problems[1].value(x) - problems[0].value(x))
    assert added[1] < 0.85 * added[0]


def test_the_objective_at_risk_is_convex_and_its_slopes_are_right(surrogate: Surrogate) -> None:
    aim = Objective(weights={"bpb/web": 1.0, "bpb/code": 2.0}, risk=1.5)
    for constraints in (Constraints(natural=NATURAL), _scarce()):
        problem = state(surrogate, aim, constraints)
        rng = np.random.default_rng(2)
        X = rng.dirichlet(np.ones(5), 40)
        values = np.array([problem.value(x) for x in X])
        for i in range(0, 40, 2):
            middle = problem.value((X[i] + X[i + 1]) / 2)
            assert middle <= (values[i] + values[i + 1]) / 2 + 1e-9
        _, slopes, _, _ = problem.evaluate(X[0])
        step = 1e-6 * (X[1] - X[0])
        change = problem.value(X[0] + step) - problem.value(X[0] - step)
        assert change == pytest.approx(float(2 * step @ slopes[0]), rel=1e-3, abs=1e-11)


def _scarce() -> Constraints:
    tokens = {d: int(1e5 * s) for d, s in NATURAL.items()}
    return Constraints(natural=NATURAL, available=tokens, budget=200_000, decay=5.0, max_epochs=50.0)
