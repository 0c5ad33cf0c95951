from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import mixing
from mixing.constraints import Constraints
from mixing.reuse import Changes, carry, collapse, expand
from tests.mixing.test_solver import LOSSES, NATURAL
from tests.mixing.test_surrogate import DOMAINS, swarm, true_metrics

RUNS = pl.DataFrame({"run": ["a", "b", "c"], "web": [0.5, 0.2, 1.0], "code": [0.5, 0.3, 0.0], "spam": [0.0, 0.5, 0.0]})


def test_runs_are_carried_over_to_the_new_domains() -> None:
    changes = Changes(
        removed=["spam"], added=["books"], renamed={"code": "programs"}, split={"web": {"new": 0.25, "old": 0.75}}
    )
    moved, left_out = carry(RUNS, "run", changes)
    assert moved.to_dicts() == [
        {"run": "a", "new": 0.125, "old": 0.375, "programs": 0.5, "books": 0.0},
        {"run": "c", "new": 0.25, "old": 0.75, "programs": 0.0, "books": 0.0},
    ]
    assert left_out == {"b": "drew from removed domains: spam"}
    merged, _ = carry(RUNS, "run", Changes(renamed={"web": "all", "code": "all"}))
    assert merged["all"].to_list() == [1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (Changes(removed=["books"]), "unknown domains books; the runs have web, code, spam"),
        (Changes(removed=["web"], renamed={"web": "w"}), "domains changed in two ways: web"),
        (Changes(split={"web": {"a": 0.5, "b": 0.6}}), "must be positive and sum to 1"),
        (Changes(added=["code"]), "added domains that the runs already have: code"),
        (Changes(split={"web": {"a": float("nan")}}), "must be positive and sum to 1"),
        (Changes(renamed={"web": "run"}), "a domain cannot be called 'run'"),
        (Changes(removed=["web", "code", "spam"]), "no domain of the runs is left"),
    ],
)
def test_changes_are_checked(changes: Changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        carry(RUNS, "run", changes)


def test_frozen_domains_keep_their_proportions() -> None:
    surrogate = mixing.fit(*swarm(32), family="power_law_concave")
    old = mixing.solve(surrogate, LOSSES, Constraints(natural=NATURAL))
    frozen = {d: old.weights[d] for d in ("web", "code", "prose")}
    found = mixing.solve(surrogate, {"bpb/web": 1.0}, Constraints(natural=NATURAL, frozen=[frozen])).weights
    share = sum(found[d] for d in frozen)
    for d, w in frozen.items():
        assert found[d] / share == pytest.approx(w / sum(frozen.values()), abs=1.5e-4 / share)
    free = mixing.solve(surrogate, {"bpb/web": 1.0}, Constraints(natural=NATURAL)).weights
    assert free != found


@pytest.mark.parametrize("frozen", [{"web": 1.0, "code": 2**0.5}, {"web": 0.4567, "code": 0.3, "prose": 0.2433}])
def test_proportions_that_whole_ten_thousandths_cannot_hold_cost_nothing(frozen: dict[str, float]) -> None:
    surrogate = mixing.fit(*swarm(32), family="power_law_concave")
    found = mixing.solve(surrogate, LOSSES, Constraints(natural=NATURAL, frozen=[frozen], max_divergence=0.2))
    held = sum(found.weights[d] for d in frozen)
    for d, w in frozen.items():
        assert found.weights[d] == pytest.approx(held * w / sum(frozen.values()), abs=2.5e-4)
    assert found.gap is not None
    assert found.gap < 1e-4, "as good as proportions kept exactly"
    assert found.divergence is not None
    assert found.divergence <= 0.2


def test_a_few_runs_over_a_held_blend_find_the_weight_of_a_new_domain() -> None:
    """The optimum over the held blend and one new domain, by eight runs in place of a swarm over all."""
    held = {"web": 0.5, "code": 0.3, "prose": 0.15, "pdf": 0.05}
    outer, inner = collapse({**{d: 0.9 * w for d, w in held.items()}, "synthetic": 0.1}, "held", ["synthetic"])
    assert outer == pytest.approx({"held": 0.9, "synthetic": 0.1})
    design = mixing.design(outer, 8, seed=0)
    full = expand(design, "held", inner)
    assert full.select(DOMAINS).sum_horizontal().to_numpy() == pytest.approx(np.ones(8))
    values = pl.DataFrame({"run": full["run"], **true_metrics(full.select(DOMAINS).to_numpy())})
    small = mixing.fit(design, values, family="power_law_concave")
    found = mixing.solve(small, LOSSES).weights["synthetic"]
    grid = np.linspace(0, 1, 201)
    X = np.column_stack([(1 - grid)[:, None] * np.array([inner[d] for d in DOMAINS[:-1]]), grid])
    truth = np.mean([true_metrics(X)[m] for m in LOSSES], axis=0)
    at = true_metrics(np.append((1 - found) * np.array([inner[d] for d in DOMAINS[:-1]]), found)[None])
    assert np.mean([at[m][0] for m in LOSSES]) - truth.min() < 0.01 * np.ptp(truth)
