from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from test_surrogate import DOMAINS, swarm

import mixing
from manifests.mix import MixManifest
from mixing.manifest import split_tokens
from mixing.pools import PoolFile, PoolSet
from mixing.solver import Constraints, Infeasible, _Space
from mixing.surrogate import Surrogate

NATURAL = dict(zip(DOMAINS, [0.6, 0.2, 0.1, 0.06, 0.04], strict=True))


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    weights, metrics = swarm(32)
    return mixing.fit(weights, metrics, family="power_law_concave")


LOSSES = {"bpb/web": 1.0, "bpb/code": 1.0}
CASES = {
    "free": Constraints(),
    "bounds": Constraints(bounds={"code": (0.0, 0.2), "pdf": (0.1, 1.0)}, natural=NATURAL),
    "data": Constraints(available={d: int(1e6 * s) for d, s in NATURAL.items()}, budget=2_000_000, max_epochs=3.0),
    "near": Constraints(natural=NATURAL, max_divergence=0.05),
    "all": Constraints(
        bounds={"pdf": (0.07, 1.0)}, natural=NATURAL, max_divergence=0.1, budget=1_000_000,
        available={d: int(1e6 * s) for d, s in NATURAL.items()}, max_epochs=1.5,
    ),
}  # fmt: skip


def allowed(x: np.ndarray, c: Constraints) -> np.ndarray:
    """Which rows of mixtures obey the constraints, checked anew."""
    ok = np.ones(len(x), bool)
    for j, d in enumerate(DOMAINS):
        low, high = c.bounds.get(d, (0.0, 1.0))
        ok &= (x[:, j] >= low - 1e-9) & (x[:, j] <= high + 1e-9)
        if c.budget:
            ok &= x[:, j] * c.budget <= c.available[d] * c.max_epochs + 1e-6
    if c.max_divergence is not None:
        q = np.array(list(NATURAL.values()))
        ok &= np.sum(x * np.log(np.maximum(x, 1e-300) / q), axis=1) <= c.max_divergence + 1e-9
    return ok


@pytest.mark.parametrize("case", list(CASES))
def test_no_other_mixture_is_better_than_the_certificate_says(surrogate: Surrogate, case: str) -> None:
    constraints = CASES[case]
    found = mixing.solve(surrogate, LOSSES, constraints)
    x = np.array(list(found.weights.values()))
    assert list(found.weights) == DOMAINS
    assert round(x.sum() * 10_000) == 10_000
    assert np.allclose(x * 10_000, (x * 10_000).round(), atol=1e-9)
    assert allowed(x[None], constraints).all()
    assert found.gap is not None
    assert 0 <= found.gap < 2e-4

    rng = np.random.default_rng(0)
    near = np.clip(x + rng.normal(0, 0.03, (40_000, 5)), 0, None)
    others = np.vstack([rng.dirichlet(np.ones(5), 20_000), near / near.sum(1, keepdims=True)])
    others = others[allowed(others, constraints)]
    assert len(others) > 100
    values = surrogate.means(others)[:, :2].mean(1)
    assert values.min() >= found.objective - found.gap - 1e-12


@pytest.mark.parametrize("case", list(CASES))
def test_the_gap_bounds_what_any_point_could_gain(surrogate: Surrogate, case: str) -> None:
    """At points that are not optimal, where the certificate has to be large."""
    space = _Space(surrogate.domains, CASES[case])
    best = mixing.solve(surrogate, LOSSES, CASES[case]).objective
    coefficients = np.array([0.5, 0.5, 0.0])
    centre = np.array([0.5, 0.2, 0.1, 0.12, 0.08])
    points = np.random.default_rng(3).dirichlet(centre * 40, 3000)
    points = points[allowed(points, CASES[case])][:30]
    assert len(points) > 3
    for x in points:
        gain = float(surrogate.means(x[None])[0] @ coefficients) - best
        gap = space.gap(x, coefficients @ surrogate.gradients(x[None])[0])
        assert gap >= gain - 1e-6
        assert gap < 30 * gain + 0.05, "and yet says something"


def test_the_optimum_beats_the_natural_mixture(surrogate: Surrogate) -> None:
    found = mixing.solve(surrogate, LOSSES, CASES["near"])
    assert found.natural_objective is not None
    assert found.objective < found.natural_objective
    assert found.divergence == pytest.approx(0.05, abs=2e-3), "the trust region binds here"
    at = surrogate.predict(pl.DataFrame([found.weights]))
    assert found.predicted == pytest.approx({m: at[m][0] for m in surrogate.metrics}, rel=1e-12)
    natural = surrogate.predict(pl.DataFrame([NATURAL]))
    assert found.natural_predicted["bpb/web"] == pytest.approx(natural["bpb/web"][0], rel=1e-12)


def test_a_metric_that_should_rise_has_a_negative_weight(surrogate: Surrogate) -> None:
    up = mixing.solve(surrogate, {"accuracy": -1.0})
    down = mixing.solve(surrogate, {"bpb/code": 1.0})
    assert up.weights == pytest.approx(down.weights, abs=0.15), "accuracy is the code loss upside down"
    assert up.gap is not None
    assert mixing.solve(surrogate, {"accuracy": 1.0}).gap is None, "no certificate for the least of a concave law"


def test_all_metrics_count_alike_by_default_and_only_shares_matter(surrogate: Surrogate) -> None:
    alike = dict.fromkeys(surrogate.metrics, 7.0)
    assert mixing.solve(surrogate).weights == mixing.solve(surrogate, alike).weights


def test_fixed_weights_are_kept(surrogate: Surrogate) -> None:
    bounds = {d: (s, s) for d, s in NATURAL.items()}
    found = mixing.solve(surrogate, LOSSES, Constraints(bounds=bounds, natural=NATURAL))
    assert found.weights == pytest.approx(NATURAL)
    assert found.gap == pytest.approx(0, abs=1e-9)


def test_a_domain_without_natural_share_may_still_be_used(surrogate: Surrogate) -> None:
    absent = {**NATURAL, "code": 0.0}
    assert mixing.solve(surrogate, LOSSES, Constraints(natural=absent)).weights["code"] > 0.1
    assert mixing.solve(surrogate, LOSSES, Constraints(natural=absent, max_divergence=0.1)).weights["code"] == 0


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (
            Constraints(bounds={"web": (0.7, 1), "code": (0.4, 1)}),
            r"least weights sum to 1\.1.*web ≥ 0\.7, code ≥ 0\.4",
        ),
        (
            Constraints(available=dict.fromkeys(DOMAINS, 100_000), budget=1_000_000, max_epochs=1.0),
            r"at most 0\.5 of the budget can be filled: web ≤ 0\.1 \(100,000 tokens × 1 epochs\).*to 500,000 or less",
        ),
        (
            Constraints(bounds={"web": (0.5, 1)}, available={"web": 100}, budget=1000, max_epochs=2.0),
            r"web must have at least 0\.5 of 1,000 tokens, but web ≤ 0\.2",
        ),
        (Constraints(bounds={"web": (0.6, 0.4)}), r"bounds of web are 0\.6 to 0\.4"),
        (
            Constraints(bounds={"pdf": (0.5, 1)}, natural=NATURAL, max_divergence=0.1),
            r"max_divergence 0\.1 cannot be met: .* force a divergence of 0\.7",
        ),
    ],
)
def test_what_cannot_be_met_is_named(surrogate: Surrogate, constraints: Constraints, message: str) -> None:
    with pytest.raises(Infeasible, match=message):
        mixing.solve(surrogate, LOSSES, constraints)


@pytest.mark.parametrize(
    ("objective", "constraints", "message"),
    [
        ({"bpb/books": 1.0}, Constraints(), r"unknown metrics \['bpb/books'\]"),
        ({"bpb/web": 0.0}, Constraints(), "not all zero"),
        (None, Constraints(bounds={"books": (0, 1)}), r"bounds name unknown domains \['books'\]"),
        (None, Constraints(max_divergence=0.1), "needs the natural proportions"),
    ],
)
def test_bad_requests(
    surrogate: Surrogate, objective: dict[str, float], constraints: Constraints, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        mixing.solve(surrogate, objective, constraints)


def test_the_manifest_says_it_all(surrogate: Surrogate, tmp_path: Path) -> None:
    files = [
        PoolFile(f"{d}~s~permissive~{o}", "train", f"pools/{d}~{o}/train-p.npy", int(5e5 * s), 10, 9, "")
        for d, s in NATURAL.items()
        for o in ("human", "synthetic")
    ]
    pools = PoolSet.open(str(tmp_path), files)
    constraints = Constraints(
        available=pools.tokens(), budget=1_000_003, max_epochs=2.0, natural=pools.natural, max_divergence=0.2
    )
    found = mixing.solve(surrogate, LOSSES, constraints)
    made = mixing.compose(
        found, surrogate, pools, tokenizer="ab", budget=1_000_003, seed=4, policy="permissive-only", objective=LOSSES,
        constraints=constraints,
    )  # fmt: skip
    assert sum(d.tokens for d in made.domains.values()) == 1_000_003
    assert made.domains["web"].pools == ["web~s~permissive~human", "web~s~permissive~synthetic"]
    assert all(d.epochs <= 2.0001 for d in made.domains.values())
    assert made.metrics["bpb/web"].weight == 0.5
    assert made.metrics["accuracy"].weight == 0
    assert made.constraints["max_divergence"] == 0.2
    assert made.runs == 32
    made.write(str(tmp_path / "mix.yaml"))
    assert MixManifest.read(str(tmp_path / "mix.yaml")) == made
    assert str(tmp_path) not in (tmp_path / "mix.yaml").read_text()


def test_tokens_are_split_exactly() -> None:
    assert split_tokens(10, {"a": 0.3333, "b": 0.3333, "c": 0.3334}) == {"a": 3, "b": 3, "c": 4}
    big = split_tokens(10**15 + 7, {"a": 0.1, "b": 0.2, "c": 0.7})
    assert sum(big.values()) == 10**15 + 7
