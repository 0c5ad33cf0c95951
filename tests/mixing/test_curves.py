from __future__ import annotations

import numpy as np
import pytest

import mixing
from mixing.constraints import Constraints
from mixing.curves import marginal, pareto
from mixing.objective import Objective
from mixing.surrogate import Surrogate
from tests.mixing.test_solver import LOSSES, NATURAL
from tests.mixing.test_surrogate import swarm

LIMITS = Constraints(natural=NATURAL, max_divergence=0.5)


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    return mixing.fit(*swarm(32), family="power_law_concave")


def test_no_mixture_is_better_in_both_metrics_than_the_front(surrogate: Surrogate) -> None:
    front = pareto(surrogate, Objective(weights=LOSSES), LIMITS, ("bpb/web", "bpb/code"))
    x, y = front["x"].to_numpy(), front["y"].to_numpy()
    assert (np.diff(x) >= -1e-6).all(), "from the best of the first metric to the best of the second"
    assert (np.diff(y) <= 1e-6).all()
    X = np.random.default_rng(0).dirichlet(np.array(list(NATURAL.values())) * 8, 20_000)
    q = np.array(list(NATURAL.values()))
    X = X[np.sum(X * np.log(np.maximum(X, 1e-300) / q), axis=1) <= 0.5]
    values = surrogate.means(X)[:, :2]
    for a, b in zip(x, y, strict=True):
        assert not ((values[:, 0] < a - 1e-6) & (values[:, 1] < b - 1e-6)).any()


def test_the_front_is_between_the_metrics_that_disagree(surrogate: Surrogate) -> None:
    front = pareto(surrogate, Objective(weights={**LOSSES, "accuracy": -1.0}), LIMITS)
    C = np.corrcoef(surrogate.measured.T)
    a, b = (surrogate.metrics.index(front[c][0]) for c in ("first", "second"))
    assert pytest.approx(C.min()) == C[a, b]
    with pytest.raises(ValueError, match="unknown metrics"):
        pareto(surrogate, Objective(), LIMITS, ("bpb/web", "bpb/fen"))


def test_more_of_any_domain_is_no_better_at_a_free_optimum(surrogate: Surrogate) -> None:
    aim = Objective(weights=LOSSES)
    found = mixing.solve(surrogate, aim)
    curves = marginal(surrogate, aim, Constraints(), found)
    assert curves["domain"].n_unique() == 5
    assert curves["objective"].min() >= found.objective - 1e-4
    for name in ("web", "code"):
        curve = curves.filter(domain=name)
        best = curve["weight"][int(curve["objective"].arg_min())]
        assert best == pytest.approx(found.weights[name], abs=0.06)
