from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.optimize
import scipy.stats

import mixing
from mixing.families import FAMILIES, PowerLawConcave
from mixing.surrogate import Surrogate

DOMAINS = ["web", "code", "prose", "pdf", "synthetic"]


def true_metrics(X: np.ndarray) -> dict[str, np.ndarray]:
    """Two losses that obey a law of their own, and an accuracy that is one upside down."""
    easy = 1 + (0.1 + X @ [1.0, 0.2, 0.6, 0.3, 0.1]) ** -0.4
    hard = 0.5 + (0.05 + np.sqrt(X) @ [0.1, 1.5, 0.2, 0.1, 0.3]) ** -0.7
    return {"bpb/web": easy, "bpb/code": hard, "accuracy": 1 / hard}


def swarm(runs: int = 16, seed: int = 0, noise: float = 0.002) -> tuple[pl.DataFrame, pl.DataFrame]:
    weights = mixing.design(dict(zip(DOMAINS, [0.6, 0.2, 0.1, 0.06, 0.04], strict=True)), runs, seed=seed)
    rng = np.random.default_rng(seed)
    values = true_metrics(weights.select(DOMAINS).to_numpy())
    noisy = {k: v + rng.normal(0, noise, runs) for k, v in values.items()}
    return weights, pl.DataFrame({"run": weights["run"], **noisy})


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    return mixing.fit(*swarm())


def test_sixteen_runs_predict_new_mixtures(surrogate: Surrogate) -> None:
    X = np.random.default_rng(9).dirichlet(np.ones(5), 200)
    frame = pl.DataFrame({"run": range(200), **dict(zip(DOMAINS, X.T, strict=True))})
    predicted = surrogate.predict(frame)
    assert predicted.columns == ["run", *true_metrics(X), *(f"{m}_sd" for m in true_metrics(X))]
    for name, truth in true_metrics(X).items():
        assert scipy.stats.spearmanr(predicted[name], truth).statistic > 0.95, name
        within = np.abs(predicted[name].to_numpy() - truth) < 2 * predicted[f"{name}_sd"].to_numpy()
        assert within.mean() > 0.8, f"{name}: the deviation should cover most errors"


def test_scores_are_of_runs_left_out(surrogate: Surrogate) -> None:
    assert surrogate.scores.height == 15
    assert surrogate.scores.filter("chosen")["metric"].to_list() == list(surrogate.metrics)
    weights, metrics = swarm()
    shuffled = metrics.with_columns(pl.col("bpb/web").shuffle(seed=1))
    assert mixing.fit(weights, shuffled).scores.filter(metric="bpb/web")["r2"].max() < 0.5


def test_rows_are_joined_by_key_in_any_order(surrogate: Surrogate) -> None:
    weights, metrics = swarm()
    other = mixing.fit(
        weights.sample(fraction=1, shuffle=True, seed=3), metrics.sample(fraction=1, shuffle=True, seed=4)
    )
    X = np.full((1, 5), 0.2)
    assert other.means(X).tolist() == surrogate.means(X).tolist()
    assert other.scores.equals(surrogate.scores)
    assert other.runs == surrogate.runs


def test_domains_may_come_in_any_order(surrogate: Surrogate) -> None:
    frame = swarm()[0]
    turned = frame.select("run", *DOMAINS[::-1])
    assert surrogate.predict(turned).equals(surrogate.predict(frame))


def test_survives_json(surrogate: Surrogate, tmp_path: Path) -> None:
    surrogate.save(str(tmp_path / "s.json"))
    again = Surrogate.load(str(tmp_path / "s.json"))
    frame = swarm(seed=5)[0]
    assert again.predict(frame).equals(surrogate.predict(frame))
    assert again.scores.equals(surrogate.scores)
    again.save(str(tmp_path / "t.json"))
    assert (tmp_path / "t.json").read_bytes() == (tmp_path / "s.json").read_bytes()
    (tmp_path / "u.json").write_text("[1]")
    with pytest.raises(ValueError, match="is not a surrogate"):
        Surrogate.load(str(tmp_path / "u.json"))


def test_unusable_runs_are_left_out_and_named() -> None:
    weights, metrics = swarm(20)
    broken = metrics.with_columns(
        pl.when(pl.col("run") == "r003").then(None).when(pl.col("run") == "r005").then(float("nan"))
        .otherwise("bpb/web").alias("bpb/web")
    ).filter(pl.col("run") != "r007")  # fmt: skip
    fitted = mixing.fit(weights, broken, family="ridge")
    assert fitted.left_out == {
        "r003": "not a finite number: bpb/web",
        "r005": "not a finite number: bpb/web",
        "r007": "weights without metrics",
    }
    assert "3 runs are left out" in fitted.warnings[0]
    assert len(fitted.runs) == 19
    clean = metrics.filter(~pl.col("run").is_in(["r003", "r005", "r007"]))
    X = np.full((1, 5), 0.2)
    expected = mixing.fit(weights, clean, family="ridge").means(X)
    assert fitted.means(X)[0, 0] == pytest.approx(expected[0, 0], rel=1e-9)
    assert fitted.means(X)[0, 1] != expected[0, 1], "r003 and r005 still teach the other metrics"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w, m: (w, m.with_columns(diverged=False)), "column 'diverged' of metrics is Boolean, not a number"),
        (lambda w, m: (w, m.rename({"run": "id"})), "name the column that identifies runs as `key`"),
        (lambda w, m: (w, m.with_columns(pl.arange(16).alias("run"))), "key 'run' is String in weights and Int64"),
        (lambda w, m: (w, m.rename({"accuracy": "web"})), "both domain and metric: \\['web'\\]"),
        (lambda w, m: (w[:1], m[:1]), "1 usable runs; a fit needs 2"),
        (lambda w, m: (w.with_columns(web=pl.lit(3.0)), m), "no weights, as their values exceed 1: web"),
        (lambda w, m: (w.with_columns(web=-pl.col("web")), m), "0 usable runs.*r000: a weight is negative: web"),
        (lambda w, m: (w.with_columns(pl.col(DOMAINS) * 100), m), "divide them by 100"),
        (lambda w, m: (w, m.select("run")), "needs two domains and one metric"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused(change: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixing.fit(*change(*swarm()))  # type: ignore[operator]


def test_prediction_checks_its_input(surrogate: Surrogate) -> None:
    frame = swarm()[0]
    with pytest.raises(ValueError, match=r"lack the domains \['code'\]"):
        surrogate.predict(frame.drop("code"))
    with pytest.raises(ValueError, match=r"unknown columns \['books'\]"):
        surrogate.predict(frame.with_columns(books=0.0))
    with pytest.raises(ValueError, match="unknown family 'forest'; there are auto, linear"):
        mixing.fit(*swarm(), family="forest")


def test_a_constant_metric_is_predicted_as_it_is() -> None:
    weights, metrics = swarm()
    fitted = mixing.fit(weights, metrics.select("run", flat=pl.lit(2.5)))
    assert fitted.means(np.full((1, 5), 0.2))[0, 0] == pytest.approx(2.5, abs=1e-6)


def test_one_wild_run_does_not_bend_the_law() -> None:
    weights, metrics = swarm(32)
    wild = metrics.with_columns(pl.when(pl.col("run") == "r009").then(9.0).otherwise("bpb/web").alias("bpb/web"))
    X = np.random.default_rng(9).dirichlet(np.ones(5), 200)
    fitted = mixing.fit(weights, wild.select("run", "bpb/web"), family="power_law_concave")
    predicted = fitted.means(X)[:, 0]
    assert fitted.warnings == ("bpb/web of these runs is far from what the others predict: r009",)
    assert scipy.stats.spearmanr(predicted, true_metrics(X)["bpb/web"]).statistic > 0.9


@pytest.mark.parametrize("name", list(FAMILIES))
def test_derivatives(name: str) -> None:
    family, rng = FAMILIES[name], np.random.default_rng(1)
    p = family.prior(4) + rng.normal(0, 0.5, len(family.prior(4)))
    X = rng.dirichlet(np.ones(4), 3)
    for i in range(3):
        x = X[i]
        by_p = scipy.optimize.approx_fprime(p, lambda q, x=x: family.value(q, x[None]), 1e-7)
        by_x = scipy.optimize.approx_fprime(x, lambda y: family.value(p, y[None]), 1e-8)
        assert family.jacobian(p, X)[i] == pytest.approx(by_p.ravel(), rel=1e-4, abs=1e-5)
        assert family.gradient(p, X)[i] == pytest.approx(by_x.ravel(), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_laws_are_convex(name: str) -> None:
    family, rng = FAMILIES[name], np.random.default_rng(2)
    for _ in range(50):
        p = family.prior(4) + rng.normal(0, 1.5, len(family.prior(4)))
        a, b = rng.dirichlet(np.full(4, 0.3), (2, 20))
        middle = family.value(p, (a + b) / 2)
        assert np.all(middle <= (family.value(p, a) + family.value(p, b)) / 2 + 1e-9 * np.abs(middle))


def test_prior_is_a_law(surrogate: Surrogate) -> None:
    assert np.all(np.isfinite(PowerLawConcave().value(PowerLawConcave().prior(5), np.eye(5))))
    assert {law.family for law in surrogate.laws.values()} <= set(FAMILIES)


_ROOT = Path(__file__).parents[2]
REGMIX = (_ROOT / os.environ.get("CUVEE_TEST_DATA", "../shared/data") / "mixing" / "regmix").resolve()


@pytest.mark.skipif(not REGMIX.is_dir(), reason="needs CUVEE_TEST_DATA with mixing/regmix")
def test_published_proxy_runs_are_predicted() -> None:
    """RegMix's runs (arXiv 2407.01492): 64 of its 512 rank unseen mixtures as well as LightGBM does with all 512."""
    weights, metrics = (pl.read_csv(REGMIX / f"train_{n}_1m.csv") for n in ("mixture", "pile_loss"))
    chosen = np.random.default_rng(0).permutation(512)[:64].tolist()
    fitted = mixing.fit(weights[chosen], metrics[chosen])
    for scale, least in (("1m", 97.5), ("60m", 97.2), ("1B", 94.0)):
        predicted = fitted.predict(pl.read_csv(REGMIX / f"test_mixture_{scale}.csv"))
        truth = predicted.select("index").join(
            pl.read_csv(REGMIX / f"test_pile_loss_{scale}.csv"), on="index", how="left"
        )
        rho = [100 * scipy.stats.spearmanr(predicted[m], truth[m]).statistic for m in fitted.metrics]
        assert np.mean(rho) > least, scale
