from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import mixing
from mixing.constraints import Constraints, Group
from mixing.infeasible import Infeasible
from mixing.laws import Laws
from mixing.manifest import compose
from mixing.objective import Objective, Problem
from mixing.region import Region
from mixing.staging import Stage, _Joint, _repetition, solve_stages
from mixing.surrogate import Surrogate
from tests.mixing.test_solver import LOSSES, NATURAL
from tests.mixing.test_surrogate import DOMAINS, swarm

TOKENS = {d: int(1e6 * s) for d, s in NATURAL.items()}
LONG = {d: int(0.3 * n) for d, n in TOKENS.items()}
ALL = Constraints(natural=NATURAL, available=TOKENS, max_epochs=2.0, max_divergence=0.5)
STAGES = [
    Stage("pretraining", 1_000_000, TOKENS, Constraints(bounds={"code": (0.0, 0.2)})),
    Stage(
        "midtraining", 200_000, LONG, min_document=500, sequence_length=8192,
        constraints=Constraints(groups={"good": Group({"prose": 1, "pdf": 1}, at_least=0.4)}, excluded=["synthetic"]),
    ),
]  # fmt: skip
AIM = Objective(weights=LOSSES)


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    return mixing.fit(*swarm(32), family="power_law_concave")


def test_every_stage_keeps_its_constraints_and_all_keep_to_the_data(surrogate: Surrogate) -> None:
    mixture, weights = solve_stages(surrogate, AIM, ALL, STAGES)
    for stage in STAGES:
        assert sum(weights[stage.name].values()) == pytest.approx(1, abs=1e-12)
    assert weights["pretraining"]["code"] <= 0.2 + 1e-9
    assert weights["midtraining"]["prose"] + weights["midtraining"]["pdf"] >= 0.4 - 1e-9
    assert weights["midtraining"]["synthetic"] == 0
    for d in DOMAINS:
        used = sum(s.budget * weights[s.name][d] for s in STAGES)
        assert used <= 2.0 * TOKENS[d] + 1.001e-4 * 1_200_000, d
        assert 200_000 * weights["midtraining"][d] <= 2.0 * LONG[d] + 1.001e-4 * 200_000
        assert mixture.weights[d] == pytest.approx(used / 1_200_000, abs=1e-4)
    assert mixture.gap is not None
    assert mixture.gap < 2e-4
    free, _ = solve_stages(surrogate, AIM, ALL, [STAGES[0], replace(STAGES[1], constraints=Constraints())])
    assert free.objective < mixture.objective - 1e-4, "the group and the exclusion bind"
    assert any(p.constraint.startswith("midtraining: good") for p in mixture.prices)


def test_no_split_of_the_tokens_is_better(surrogate: Surrogate) -> None:
    """Against random pairs of mixtures that obey the same constraints."""
    mixture, _ = solve_stages(surrogate, AIM, Constraints(natural=NATURAL, available=TOKENS, max_epochs=2.0), STAGES)
    rng = np.random.default_rng(0)
    first, second = (rng.dirichlet(np.array(list(NATURAL.values())) * k, 60_000) for k in (20, 8))
    second[:, 4] = 0
    second /= second.sum(1, keepdims=True)
    tokens, long = (np.array([t[d] for d in DOMAINS]) for t in (TOKENS, LONG))
    allowed = (first[:, 1] <= 0.2) & (second[:, 2:4].sum(1) >= 0.4)
    allowed &= (1e6 * first + 2e5 * second <= 2 * tokens).all(1) & (2e5 * second <= 2 * long).all(1)
    assert allowed.sum() > 20
    values = (surrogate.means(first[allowed]) * 5 + surrogate.means(second[allowed])) / 6
    assert mixture.gap is not None
    assert values[:, :2].mean(1).min() >= mixture.objective - mixture.gap - 1e-9


def test_slopes_of_stages_are_those_of_their_shares_of_all_tokens(surrogate: Surrogate) -> None:
    """Against differences: a stage of a sixth of the tokens feels a change of all tokens' share sixfold."""
    joint = _Joint.of(Laws.of(surrogate), {"pretraining": 5 / 6, "midtraining": 1 / 6})
    x = np.concatenate([np.array([0.5, 0.2, 0.1, 0.1, 0.1]) * 5 / 6, np.array([0.1, 0.3, 0.2, 0.2, 0.2]) / 6])
    steps = np.eye(10) * 1e-6
    differences = (joint.means(x + steps) - joint.means(x - steps)).T / 2e-6
    assert joint.gradients(x[None])[0] == pytest.approx(differences, rel=1e-5, abs=1e-6)
    assert np.abs(differences).max() > 1


def test_what_stages_cannot_share_is_named(surrogate: Surrogate) -> None:
    greedy = [Stage(n, 500_000, TOKENS, Constraints(bounds={"pdf": (0.2, 1.0)})) for n in ("early", "late")]
    with pytest.raises(Infeasible, match=r"early/pdf ≥ 0\.1; late/pdf ≥ 0\.1; all of pdf ≤ 0\.12"):
        solve_stages(surrogate, AIM, ALL, greedy)
    with pytest.raises(ValueError, match="names that differ"):
        solve_stages(surrogate, AIM, ALL, [STAGES[0], STAGES[0]])


@pytest.mark.parametrize(
    ("whole", "own", "available", "message"),
    [
        ({"code": (0.0, 0.2)}, {"code": (0.5, 1.0)}, TOKENS, r"stage midtraining: code ≥ 0\.5 and ≤ 0\.2"),
        ({}, {"code": (0.5, 0.1)}, TOKENS, r"code ≥ 0\.5 and ≤ 0\.1"),
        ({}, {"code": (0.5, 1.0)}, {**TOKENS, "code": 10}, r"code ≥ 0\.5 and ≤ 0\.0001 \(10 tokens × 2 epochs"),
    ],
)
def test_what_one_stage_cannot_keep_is_named(
    surrogate: Surrogate, whole: dict[str, tuple[float, float]], own: dict[str, tuple[float, float]],
    available: dict[str, int], message: str,
) -> None:  # fmt: skip
    late = replace(STAGES[1], available=available, constraints=Constraints(bounds=own))
    with pytest.raises(Infeasible, match=message):
        solve_stages(surrogate, AIM, replace(ALL, bounds=whole), [STAGES[0], late])


def test_what_holds_for_the_whole_holds_for_every_stage(surrogate: Surrogate) -> None:
    whole = replace(ALL, frozen=[{"prose": 2, "pdf": 1}], groups={"good": Group({"code": 1}, at_most=0.1)})
    _, weights = solve_stages(surrogate, AIM, whole, STAGES)
    for found in weights.values():
        assert found["prose"] == pytest.approx(2 * found["pdf"], abs=2e-4)
        assert found["code"] <= 0.1, "a stage's group of the same name is another"
    assert weights["midtraining"]["prose"] + weights["midtraining"]["pdf"] >= 0.4 - 1e-9
    for limit in (0.011, 0.03, 0.07, 0.1, 0.2):
        early = [replace(STAGES[0], constraints=Constraints()), replace(STAGES[1], constraints=Constraints())]
        mixture, _ = solve_stages(surrogate, AIM, replace(ALL, max_divergence=limit), early)
        assert mixture.divergence is not None
        assert mixture.divergence <= limit, "rounding draws inwards"
    with pytest.raises(ValueError, match="ladders are for a blend of one stage"):
        solve_stages(surrogate, AIM, replace(ALL, budget=1, ladders=[["code", "web"]]), STAGES)


def test_stages_are_in_the_manifest(surrogate: Surrogate) -> None:
    mixture, weights = solve_stages(surrogate, AIM, ALL, STAGES)
    made = compose(
        mixture, surrogate, budget=1_200_000, objective=AIM, constraints=ALL,
        stages=[(s, weights[s.name]) for s in STAGES],
    )  # fmt: skip
    assert [s.budget for s in made.stages] == [1_000_000, 200_000]
    assert made.stages[1].min_document == 500
    assert sum(s.domains["web"].tokens for s in made.stages) == made.domains["web"].tokens
    assert "synthetic" in made.stages[0].domains


def test_what_stages_repeat_between_them_decays(surrogate: Surrogate) -> None:
    """Two stages without constraints of their own are one: there the counted passes must be the same."""
    decaying = replace(ALL, decay=2.0, budget=1_200_000, max_epochs=20.0, max_divergence=None)
    free = [replace(s, constraints=Constraints(), available=TOKENS) for s in STAGES]
    together = mixing.solve(surrogate, AIM, decaying)
    mixture, weights = solve_stages(surrogate, AIM, decaying, free)
    assert mixture.objective == pytest.approx(together.objective, abs=2e-4)
    assert mixture.gap is None, "what a pass is worth depends on the other stage: not convex"
    for stage in free:
        assert weights[stage.name] == pytest.approx(together.weights, abs=0.03)
    assert mixture.predicted["bpb/web"] == pytest.approx(together.predicted["bpb/web"], abs=2e-3)
    plain, _ = solve_stages(surrogate, AIM, replace(decaying, decay=None), free)
    assert plain.objective < mixture.objective - 1e-3
    least = [replace(s, constraints=Constraints(bounds={"pdf": (0.3, 1.0)})) for s in free]
    forced, _ = solve_stages(surrogate, AIM, decaying, least)
    assert forced.objective > mixture.objective


@pytest.mark.parametrize("family", ["power_law_concave", "log_linear", "ridge"])
def test_slopes_of_decaying_stages(family: str) -> None:
    """Against differences, at a mixture that repeats some domains and not others."""
    fitted = mixing.fit(*swarm(32), family=family)
    decaying = replace(ALL, decay=3.0, budget=1_200_000, max_epochs=20.0)
    region = Region([f"{s.name}/{d}" for s in STAGES for d in sorted(DOMAINS)], Constraints())
    shares = {"pretraining": 5 / 6, "midtraining": 1 / 6}
    laws = _Joint.of(Laws.of(fitted), shares)
    aim = Objective(weights={m: 1.0 for m in laws.metrics if "bpb" in m}, kind="worst")
    problem = Problem(laws, aim, region, np.full(10, 0.1), (), _repetition(region, decaying, shares, 1_200_000))
    x = np.concatenate([np.array([0.1, 0.4, 0.1, 0.1, 0.3]) * 5 / 6, np.array([0.3, 0.1, 0.2, 0.1, 0.3]) / 6])
    along = np.concatenate([np.array([1, -2, 1, 1, -1.0]), np.array([-1, 1, 2, -1, -1.0])]) * 1e-6
    differences = problem.evaluate(x + along)[0] - problem.evaluate(x - along)[0]
    assert differences == pytest.approx(2 * problem.evaluate(x)[1] @ along, rel=1e-4, abs=1e-10)
    assert np.abs(differences).max() > 1e-8


def test_risk_counts_in_every_stage(surrogate: Surrogate) -> None:
    wary = replace(AIM, risk=2.0)
    bold, _ = solve_stages(surrogate, AIM, ALL, STAGES)
    mixture, _ = solve_stages(surrogate, wary, ALL, STAGES)
    assert mixture.objective > bold.objective
    assert mixture.gap is not None
    assert mixture.gap < 2e-4
