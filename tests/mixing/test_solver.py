from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mixing
from manifests.mix import MixManifest
from mixing.bootstrap import resample
from mixing.certificate import certify
from mixing.constraints import Constraints, Group
from mixing.infeasible import Infeasible
from mixing.manifest import Upsampling, split_tokens
from mixing.objective import Objective
from mixing.pools import PoolFile, PoolSet
from mixing.solver import optimum, state
from mixing.surrogate import Surrogate
from tests.mixing.test_surrogate import DOMAINS, swarm

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
    "groups": Constraints(
        natural=NATURAL, max_divergence=0.3,
        groups={"licensed": Group({"code": 1, "pdf": 1, "prose": 0.5}, at_least=0.3),
                "made": Group({"synthetic": 1, "pdf": 0.25}, at_most=0.05)},
    ),
    "excluded": Constraints(excluded=["web"], bounds={"code": (0.0, 0.5)}),
    "ladder": Constraints(
        budget=1_000_000, available={"web": 300_000, "code": 200_000}, max_epochs=5.0, ladders=[["code", "web"]]
    ),
}  # fmt: skip


def allowed(x: np.ndarray, c: Constraints) -> np.ndarray:
    """Which rows of mixtures obey the constraints, checked anew."""
    ok = np.ones(len(x), bool)
    for j, d in enumerate(DOMAINS):
        low, high = c.bounds.get(d, (0.0, 1.0))
        ok &= (x[:, j] >= low - 1e-9) & (x[:, j] <= high + 1e-9)
        if d in c.available:
            ok &= x[:, j] * c.budget <= c.available[d] * c.max_epochs + 1e-6
        if d in c.excluded:
            ok &= x[:, j] <= 1e-12
    for group in c.groups.values():
        share = x @ np.array([group.members.get(d, 0.0) for d in DOMAINS])
        ok &= (share >= group.at_least - 1e-9) & (share <= group.at_most + 1e-9)
    for ladder in c.ladders:
        epochs = [x[:, DOMAINS.index(d)] / c.available[d] for d in ladder]
        ok &= epochs[0] <= epochs[1] + 1e-12
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
    if constraints.excluded:
        others[:, 0] = 0
        others /= others.sum(1, keepdims=True)
    others = others[allowed(others, constraints)]
    assert len(others) > 100
    values = surrogate.means(others)[:, :2].mean(1)
    assert values.min() >= found.objective - found.gap - 1e-12


@pytest.mark.parametrize("case", list(CASES))
def test_the_certificate_bounds_what_any_point_could_gain(surrogate: Surrogate, case: str) -> None:
    """At points that are not optimal, where the bound has to lie below the optimum."""
    problem = state(surrogate, LOSSES, CASES[case])
    point = optimum(problem)
    best = problem.value(point)
    for start in [point, problem.region.nearest, *problem.region.corners(6)]:
        assert problem.excess(start) < 1e-6
        assert certify(problem, start).bound <= best + 1e-7


@pytest.mark.parametrize("case", list(CASES))
def test_the_certificate_is_tight_at_the_optimum(surrogate: Surrogate, case: str) -> None:
    """A bound that is true but idle would pass every other test: at the optimum it must be the optimum's own value."""
    problem = state(surrogate, LOSSES, CASES[case])
    point = optimum(problem)
    assert certify(problem, point).bound == pytest.approx(problem.value(point), abs=1e-6)


@pytest.mark.parametrize(("name", "limit"), [("licensed", "at_least"), ("made", "at_most")])
def test_a_group_binds_where_the_optimum_would_cross_it(surrogate: Surrogate, name: str, limit: str) -> None:
    members = {"licensed": {"web": 1.0, "prose": 0.5}, "made": {"code": 1.0, "pdf": 0.25}}[name]
    parts = np.array([members.get(d, 0.0) for d in DOMAINS])

    def solved(groups: dict[str, Group]) -> tuple[float, float, dict[str, float]]:
        found = mixing.solve(surrogate, LOSSES, Constraints(groups=groups))
        prices = {p.constraint: p.cost for p in found.prices}
        return float(parts @ list(found.weights.values())), found.objective, prices

    share, best, _ = solved({})
    edge = round(share + (0.1 if limit == "at_least" else -0.1), 2)
    held, worse, prices = solved({name: Group(members, **{limit: edge})})
    assert held == pytest.approx(edge, abs=2e-4)
    assert worse > best + 1e-5
    assert prices[f"{name} {'≥' if limit == 'at_least' else '≤'} {edge:g}"] > 0


@pytest.mark.parametrize("family", ["log_linear", "power_law_concave"])
def test_shadow_prices_are_what_loosening_brings(family: str) -> None:
    """Each price against a second solve with that constraint a little looser."""
    surrogate = mixing.fit(*swarm(32), family=family)

    def solved(licensed: float = 0.6, code: float = 0.3, near: float = 0.2) -> tuple[float, dict[str, float]]:
        constraints = Constraints(
            bounds={"code": (0.0, code)}, natural=NATURAL, max_divergence=near,
            groups={"licensed": Group({"code": 1, "pdf": 1, "prose": 1}, at_least=licensed)},
        )  # fmt: skip
        problem = state(surrogate, LOSSES, constraints)
        x = optimum(problem)
        return problem.value(x), {p.constraint: p.cost for p in certify(problem, x).prices}

    value, prices = solved()
    assert prices, "something binds here"
    step = 1e-3
    looser = {
        "licensed ≥ 0.6": solved(licensed=0.6 - step),
        "code ≤ 0.3": solved(code=0.3 + step),
        "divergence from natural ≤ 0.2 nats": solved(near=0.2 + step),
    }
    for name, (other, _) in looser.items():
        assert (value - other) / step / 100 == pytest.approx(prices.get(name, 0.0), rel=0.06, abs=3e-6), name


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


def test_a_domain_without_tokens_gets_none_however_often_it_may_be_repeated(surrogate: Surrogate) -> None:
    free = mixing.solve(surrogate, LOSSES).weights
    most = max(free, key=lambda d: free[d])
    empty = Constraints(available={d: 10**6 * (d != most) for d in DOMAINS}, budget=10**6, max_epochs={"pdf": 4.0})
    assert mixing.solve(surrogate, LOSSES, empty).weights[most] == 0


def test_a_domain_without_natural_share_may_still_be_used(surrogate: Surrogate) -> None:
    absent = {**NATURAL, "code": 0.0}
    assert mixing.solve(surrogate, LOSSES, Constraints(natural=absent)).weights["code"] > 0.1
    assert mixing.solve(surrogate, LOSSES, Constraints(natural=absent, max_divergence=0.1)).weights["code"] == 0


@pytest.mark.parametrize(
    ("constraints", "named", "unnamed"),
    [
        (
            Constraints(bounds={"web": (0.7, 1), "code": (0.4, 1), "pdf": (0.0, 0.5), "prose": (0.01, 1)}),
            ["web ≥ 0.7", "code ≥ 0.4"], ["pdf", "prose"],
        ),
        (
            Constraints(available=dict.fromkeys(DOMAINS, 100_000), budget=1_000_000, max_epochs=1.0),
            ["web ≤ 0.1 (100,000 tokens × 1 epochs", "at most 0.5 of the blend", "lower the budget to 499,999"], [],
        ),
        (
            Constraints(bounds={"web": (0.5, 1)}, available={"web": 100, "code": 900}, budget=1000, max_epochs=2.0),
            ["web ≥ 0.5", "web ≤ 0.2 (100 tokens × 2 epochs of a budget of 1,000)"], ["code"],
        ),
        (
            Constraints(bounds={"pdf": (0.5, 1), "web": (0.1, 0.9)}, natural=NATURAL, max_divergence=0.1),
            ["pdf ≥ 0.5", "divergence from natural ≤ 0.1 nats"], ["web"],
        ),
        (
            Constraints(groups={"licensed": Group({"code": 1, "pdf": 1}, at_least=0.6)}, excluded=["code"],
                        bounds={"pdf": (0.0, 0.5), "web": (0.0, 0.3)}),
            ["licensed ≥ 0.6", "code is excluded", "pdf ≤ 0.5"], ["web"],
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_met_is_named_and_nothing_else(
    surrogate: Surrogate, constraints: Constraints, named: list[str], unnamed: list[str]
) -> None:
    with pytest.raises(Infeasible, match="no mixture meets these together") as error:
        mixing.solve(surrogate, LOSSES, constraints)
    for text in named:
        assert text in str(error.value)
    for text in unnamed:
        assert text not in str(error.value)


@pytest.mark.parametrize(
    ("objective", "constraints", "message"),
    [
        ({"bpb/books": 1.0}, Constraints(), r"unknown metrics \['bpb/books'\]"),
        ({"bpb/web": 0.0}, Constraints(), "not all zero"),
        (None, Constraints(bounds={"books": (0, 1)}), "unknown domains in bounds: books; there are code, pdf"),
        (None, Constraints(excluded=["books"]), "unknown domains in excluded: books"),
        (None, Constraints(groups={"g": Group({"books": 1})}), "unknown domains in group 'g': books"),
        (None, Constraints(bounds={"web": (0.6, 0.4)}), r"bounds of web are 0\.6 to 0\.4"),
        (None, Constraints(decay=15.0), "needs `available` tokens and a `budget`"),
        (None, Constraints(max_divergence=0.1), "needs the natural proportions"),
        (None, Constraints(frozen=[{"web": np.inf, "code": 1}]), "frozen proportions must be finite"),
        (None, Constraints(budget=-1), "budget is -1; it must not be negative"),
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
        found, surrogate, pools, tokenizer="ab", budget=1_000_003, seed=4, policy="permissive-only",
        objective=Objective(weights=LOSSES), constraints=constraints,
    )  # fmt: skip
    assert sum(d.tokens for d in made.domains.values()) == 1_000_003
    assert made.domains["web"].pools == ["web~s~permissive~human", "web~s~permissive~synthetic"]
    assert all(d.epochs <= 2.0001 for d in made.domains.values())
    assert made.metrics["bpb/web"].weight == 0.5
    assert made.metrics["accuracy"].weight == 0
    assert made.constraints["max_divergence"] == 0.2
    assert made.runs == 32
    assert made.pools["web~s~permissive~human"].tokens == 300_000
    assert made.domains["code"].natural == pytest.approx(0.2)
    made.write(str(tmp_path / "mix.yaml"))
    assert MixManifest.read(str(tmp_path / "mix.yaml")) == made
    assert str(tmp_path) not in (tmp_path / "mix.yaml").read_text()


def test_tokens_are_split_exactly() -> None:
    assert split_tokens(10, {"a": 0.3333, "b": 0.3333, "c": 0.3334}) == {"a": 3, "b": 3, "c": 4}
    big = split_tokens(10**15 + 7, {"a": 0.1, "b": 0.2, "c": 0.7})
    assert sum(big.values()) == 10**15 + 7


def test_worst_case_is_the_least_of_the_largest_change(surrogate: Surrogate) -> None:
    aim = Objective(weights={"bpb/web": 1.0, "bpb/code": 1.0}, kind="worst")
    found = mixing.solve(surrogate, aim, Constraints(natural=NATURAL))
    laws = surrogate.means(np.random.default_rng(1).dirichlet(np.ones(5), 30_000))[:, :2]
    natural = surrogate.means(np.array([list(NATURAL.values())]))[0, :2]
    assert found.gap is not None
    assert (laws - natural).max(1).min() >= found.objective - found.gap
    mean = mixing.solve(surrogate, LOSSES, Constraints(natural=NATURAL))
    at_mean = surrogate.means(np.array([list(mean.weights.values())]))[0, :2] - natural
    assert found.objective < at_mean.max(), "the mean's optimum serves one metric less"


def test_groups_of_metrics_are_averaged_within(surrogate: Surrogate) -> None:
    aim = Objective(weights=LOSSES, kind="worst", groups={"all": ["bpb/web", "bpb/code"]})
    one = mixing.solve(surrogate, aim, Constraints(natural=NATURAL))
    mean = mixing.solve(surrogate, LOSSES, Constraints(natural=NATURAL))
    assert one.weights == pytest.approx(mean.weights, abs=2e-4), "one group is the mean"


@pytest.mark.parametrize("epsilon", [0.0, 0.05])
def test_no_metric_gets_worse_than_allowed(surrogate: Surrogate, epsilon: float) -> None:
    aim = Objective(weights={"bpb/code": 1.0, "bpb/web": 1e-9, "accuracy": -1e-9}, no_worse=epsilon)
    found = mixing.solve(surrogate, aim, Constraints(natural=NATURAL))
    laws = surrogate.means(np.array([list(found.weights.values()), list(NATURAL.values())]))
    worse = (laws[0] - laws[1]) * [1, 1, -1]
    assert worse.max() <= epsilon + 1e-9
    free = mixing.solve(surrogate, {"bpb/code": 1.0}, Constraints(natural=NATURAL))
    assert free.objective < found.objective < surrogate.means(np.array([list(NATURAL.values())]))[0, 1]


def test_risk_keeps_to_what_is_known(surrogate: Surrogate) -> None:
    bold, wary = (mixing.solve(surrogate, Objective(weights=LOSSES, risk=r)) for r in (0.0, 2.5))
    sd = [surrogate.judge(np.array([list(m.weights.values())]))[1][0, :2] for m in (bold, wary)]
    assert np.linalg.norm(sd[1]) < np.linalg.norm(sd[0])
    assert wary.gap is not None
    assert wary.gap < 2e-4
    with pytest.raises(ValueError, match=r"risk is 3; it must be within 0 and 2\.5"):
        mixing.solve(surrogate, Objective(risk=3.0))


def test_repeated_tokens_are_worth_less(surrogate: Surrogate) -> None:
    tokens = {d: int(1e5 * s) for d, s in NATURAL.items()}
    free, decayed = (
        mixing.solve(
            surrogate, LOSSES, Constraints(available=tokens, budget=400_000, max_epochs=40.0, natural=NATURAL, decay=d)
        )
        for d in (None, 3.0)
    )
    most = [max(m.weights[d] * 400_000 / tokens[d] for d in DOMAINS) for m in (free, decayed)]
    assert most[1] < most[0], "the most repeated domain is repeated less"
    assert decayed.objective > free.objective
    assert decayed.gap is not None
    assert decayed.gap < 1e-3


def test_an_optimum_far_from_all_runs_is_flagged(surrogate: Surrogate) -> None:
    assert not mixing.solve(surrogate, LOSSES, CASES["near"]).observed.outside
    corner = mixing.solve(surrogate, LOSSES, Constraints(bounds={"synthetic": (0.97, 1)})).observed
    assert corner.outside
    assert corner.deviation > corner.usual_deviation
    assert corner.confirm[0]["synthetic"] >= 0.97
    for mixture in corner.confirm:
        assert sum(mixture.values()) == pytest.approx(1)


def test_the_bootstrap_tells_noise_from_signal(surrogate: Surrogate) -> None:
    sure = resample(surrogate, Objective(weights=LOSSES), Constraints(natural=NATURAL), draws=20)
    best = mixing.solve(surrogate, LOSSES, Constraints(natural=NATURAL)).weights
    assert sure.indistinguishable is False
    assert all(low - 0.02 <= best[d] <= high + 0.02 for d, (low, high) in sure.intervals.items())
    weights, metrics = swarm(32)
    noise = metrics.with_columns(pl.Series("bpb/web", np.random.default_rng(5).normal(1, 0.1, 32))).select(
        "run", "bpb/web"
    )
    nothing = resample(mixing.fit(weights, noise, family="log_linear"), None, Constraints(natural=NATURAL), draws=20)
    assert nothing.indistinguishable is True
    assert resample(surrogate, draws=2).gain is None, "nothing natural to compare with"


def test_draws_whose_laws_allow_no_mixture_come_as_near_as_they_can(surrogate: Surrogate) -> None:
    aim = Objective(weights={"bpb/code": 1.0, "bpb/web": 1e-9, "accuracy": -1e-9}, no_worse=0.01)
    tight = Constraints(natural=NATURAL, bounds={"code": (0.35, 1.0)})
    assert mixing.solve(surrogate, aim, tight).weights["code"] == 0.35, "there is hardly room for more"
    with pytest.raises(Infeasible, match=r"code ≥ 0\.4; bpb/web no worse than natural"):
        mixing.solve(surrogate, aim, replace(tight, bounds={"code": (0.4, 1.0)}))
    found = resample(surrogate, aim, tight, draws=20)
    assert all(low <= high for low, high in found.intervals.values())
    assert found.intervals["code"][0] >= 0.35 - 1e-4


def test_a_draw_is_judged_by_runs_that_it_left_out() -> None:
    """Metrics of pure noise: by its own runs every optimum gains, by others' it may lose."""
    weights, _ = swarm(40)
    rng = np.random.default_rng(11)
    noise = pl.DataFrame({"run": weights["run"], **{f"m{i}": rng.normal(1, 0.1, 40) for i in range(3)}})
    nothing = mixing.fit(weights, noise, family="ridge")
    found = resample(nothing, None, Constraints(natural=NATURAL), draws=60)
    assert found.gain is not None
    assert found.gain[0] < -0.02, "a sure gain would be that of draws judged by themselves"
    assert found.gain[1] > 0
    assert found.indistinguishable is True


def test_buckets_of_quality_are_repeated_by_quality(surrogate: Surrogate, tmp_path: Path) -> None:
    files = [
        PoolFile(f"{d}~s~permissive~eng~human~q{q}", "train", f"pools/{d}{q}/train-p.npy", int(5e5 * s / 4), 10, 9, "")
        for d, s in NATURAL.items()
        for q in range(1, 5)
    ]
    pools = PoolSet.open(str(tmp_path), files)
    constraints = Constraints(available=pools.tokens(), budget=900_000, max_epochs=3.0, natural=pools.natural)
    found = mixing.solve(surrogate, LOSSES, constraints)
    made = mixing.compose(
        found, surrogate, pools, budget=900_000, constraints=constraints, upsampling=Upsampling(7.0, 0.25, 15.4)
    )
    for name, domain in made.domains.items():
        epochs = [b.epochs for b in domain.buckets]
        assert epochs == sorted(epochs), name
        assert sum(b.tokens for b in domain.buckets) == domain.tokens
        assert sorted(s for b in domain.buckets for s in b.pools) == sorted(domain.pools)
    assert max(b.epochs for d in made.domains.values() for b in d.buckets) > max(
        d.epochs for d in made.domains.values()
    )
    without = mixing.compose(found, surrogate, pools, budget=900_000, constraints=constraints)
    assert not any(d.buckets for d in without.domains.values())
