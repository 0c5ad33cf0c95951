"""Honesty of the scores, and what is chosen by them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats

import mixing
from mixing import cross_validation, noise
from mixing.laws import Laws
from mixing.predictors import Ensemble, combined
from mixing.surrogate import Surrogate
from tests.mixing.test_surrogate import DOMAINS, swarm, true_metrics


def frames(X: np.ndarray, **metrics: np.ndarray) -> tuple[pl.DataFrame, pl.DataFrame]:
    run = pl.Series("run", range(len(X)))
    return pl.DataFrame([run, *(pl.Series(d, x) for d, x in zip(DOMAINS, X.T, strict=True))]), pl.DataFrame(
        [run, *(pl.Series(k, v) for k, v in metrics.items())]
    )


def test_runs_of_one_mixture_share_a_fold() -> None:
    X = np.repeat(np.random.default_rng(0).dirichlet(np.ones(5), 30), 3, axis=0)
    fold = cross_validation.folds(noise.mixtures(X))
    assert fold.shape[1] == 90
    assert (fold.reshape(len(fold), 30, 3) == fold.reshape(len(fold), 30, 3)[:, :, :1]).all()


def test_nobody_predicts_pure_noise() -> None:
    """Every mixture was run twice: whoever saw the twin of a run left out would do well."""
    rng = np.random.default_rng(1)
    X = np.repeat(rng.dirichlet(np.ones(5), 20), 2, axis=0)
    noisy = np.repeat(rng.normal(size=20), 2)
    for family in ("auto", "lightgbm"):
        scores = mixing.fit(*frames(X, noise=noisy), family=family).scores
        assert scores["r2"].max() < 0.3, family


def test_auto_always_plans_with_a_convex_law_and_predicts_with_what_did_best() -> None:
    fitted = mixing.fit(*swarm(24))
    for metric in fitted.metrics:
        scores = fitted.scores.filter(metric=metric)
        assert scores["family"].to_list() == ["ridge", "log_linear", "power_law_concave", "gp", "ensemble"]
        assert scores.filter("plans").height == scores.filter("chosen").height == 1
        assert scores.filter("plans")["family"][0] in ("ridge", "log_linear", "power_law_concave")
        best = scores["rmse"].min()
        assert scores.filter("chosen")["rmse"][0] < 1.5 * best
    assert Laws.of(fitted).convex({"bpb/web": 1.0, "bpb/code": 1.0, "accuracy": -1.0})


def test_the_law_leads_beyond_the_runs_and_the_process_among_them() -> None:
    """A loss that falls steadily towards a corner that no run is near, with a ripple that no law of ours has."""
    rng = np.random.default_rng(3)
    X = rng.dirichlet([1, 3, 3, 1, 1], 80)
    X = X[X[:, 0] < 0.3]

    def loss(X: np.ndarray) -> np.ndarray:
        return np.asarray(1 - X[:, 0] + 0.1 * np.sin(12 * X[:, 1]))

    fitted = mixing.fit(*frames(X, loss=loss(X)))
    (calibrated,) = fitted._judges.values()
    judge = calibrated.predictor
    assert isinstance(judge, Ensemble)
    inside, corner = 0.98 * X[::7] + 0.02 / 5, np.array([[0.96, 0.01, 0.01, 0.01, 0.01]])
    law, process, mean = judge.first.mean(corner), judge.second.mean(corner), fitted.scout(corner)[0][:, 0]
    assert abs(mean - law) < abs(mean - process)
    law, process, mean = judge.first.mean(inside), judge.second.mean(inside), fitted.scout(inside)[0][:, 0]
    assert np.abs(mean - process).mean() < np.abs(mean - law).mean()
    sure = [np.square(each.deviation(inside)) for each in (judge.first, judge.second)]
    share = sure[1] / (sure[0] + sure[1])
    assert mean == pytest.approx(share * law + (1 - share) * process)
    spread = combined(share, *sure, law - process)
    assert fitted.scout(inside)[1][:, 0] == pytest.approx(np.sqrt(calibrated.factor * spread))


@pytest.mark.parametrize("family", ["gp", "lightgbm", "linear"])
def test_every_family_can_be_asked_for_and_survives_json(family: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    weights, metrics = swarm(20)
    fitted = mixing.fit(weights, metrics, family=family)
    assert set(fitted.families.values()) == {family}
    assert {law.family for law in fitted.laws.values()} == {"linear" if family == "linear" else "power_law_concave"}
    path = str(tmp_path_factory.mktemp("s") / "s")
    fitted.save(path)
    assert Surrogate.load(path).predict(weights).equals(fitted.predict(weights))


def test_intervals_hold_what_they_say() -> None:
    fitted = mixing.fit(*swarm(48, noise=0.02))
    X = np.random.default_rng(9).dirichlet(np.ones(5), 400)
    mean, sd = fitted.judge(X)
    measured = np.column_stack([*true_metrics(X).values()]) + np.random.default_rng(2).normal(0, 0.02, mean.shape)
    inside = (np.abs(mean - measured) < 1.645 * sd).mean(0)
    assert np.all((inside > 0.8) & (inside < 1)), inside
    assert fitted.scores["coverage"].min() > 0.75


def test_what_is_shown_beside_the_measured_was_not_fitted_to_it() -> None:
    weights, metrics = swarm(24, noise=0.05)
    fitted = mixing.fit(weights, metrics)
    inside = np.abs(fitted.judge(fitted.mixtures)[0] - fitted.measured).mean(0)
    held = np.abs(fitted.crossvalidated - fitted.measured).mean(0)
    assert np.all(held > 1.1 * inside)
    rmse = fitted.scores.filter("chosen")["rmse"].to_numpy()
    assert np.sqrt(np.square(fitted.crossvalidated - fitted.measured).mean(0)) == pytest.approx(rmse, rel=0.2)


def test_noisy_metrics_are_shrunk_and_not_followed() -> None:
    weights, metrics = swarm(24, noise=0.3)
    X = np.random.default_rng(9).dirichlet(np.ones(5), 200)
    law = mixing.fit(weights, metrics, family="power_law_concave").means(X)
    truth = true_metrics(X)
    for i, name in enumerate(("bpb/web", "bpb/code")):
        assert np.sqrt(np.square(law[:, i] - truth[name]).mean()) < 0.3, name


def test_repeats_tell_the_noise_and_quiet_runs_count_more() -> None:
    rng = np.random.default_rng(5)
    corner = np.array([0.96, 0.01, 0.01, 0.01, 0.01])
    X = np.vstack([np.full((6, 5), 0.2), np.tile(corner, (6, 1)), rng.dirichlet(np.ones(5), 20)])
    sd = 0.002 * np.exp(3 * np.square(X).sum(1))
    values = {k: v + rng.normal(size=len(X)) * sd for k, v in true_metrics(X).items() if k != "accuracy"}
    fitted = mixing.fit(*frames(X, **values))
    assert np.isfinite(fitted.noise.sd).all()
    assert fitted.noise.precision[0] > 5 * fitted.noise.precision[6]
    assert fitted.run_noise().tolist() == fitted.noise.sd.tolist()


def test_two_runs_are_enough_to_answer_and_are_warned_of() -> None:
    weights, metrics = swarm(16)
    fitted = mixing.fit(weights[:2], metrics[:2])
    assert "2 runs for 5 domains: fewer than one a domain" in fitted.warnings[0]
    assert np.isfinite(fitted.predict(weights).drop("run").to_numpy()).all()


@pytest.mark.parametrize("family", ["auto", "ridge"])
def test_a_metric_of_few_runs_spoils_no_other(family: str) -> None:
    weights, metrics = swarm(16)
    alone = mixing.fit(weights, metrics.select("run", "bpb/web"), family=family)
    X = weights.select(DOMAINS).to_numpy()
    fold = cross_validation.folds(noise.mixtures(X[np.argsort(weights["run"].to_numpy(), kind="stable")]))[0]
    together = weights["run"].sort().to_list()
    for number in range(2):
        pair = [run for run, f in zip(together, fold, strict=True) if f == number][:2]
        rare = pl.Series("rare", [1.0 + i if r in pair else None for i, r in enumerate(weights["run"])])
        both = mixing.fit(weights, metrics.select("run", "bpb/web").with_columns(rare), family=family)
        assert np.isfinite(both.predict(weights).drop("run").to_numpy()).all()
        assert both.families["bpb/web"] == alone.families["bpb/web"]


def test_unseen_laws_are_ranked() -> None:
    """A swarm of another kind: twelve domains, a mixed exponential truth, noise, sparse mixtures."""
    rng = np.random.default_rng(7)
    A = rng.gamma(1.0, 1.0, (4, 12))
    natural = {f"d{i}": float(w) for i, w in enumerate(rng.dirichlet(np.ones(12)))}
    weights = mixing.design(natural, 48, seed=1)

    def truth(X: np.ndarray) -> np.ndarray:
        return 2 + np.exp(-1.5 * np.sqrt(X) @ A.T).sum(1)

    y = truth(weights.drop("run").to_numpy())
    fitted = mixing.fit(weights, pl.DataFrame({"run": weights["run"], "loss": y + rng.normal(0, 0.1 * y.std(), 48)}))
    X = rng.dirichlet(np.full(12, 0.5), 300)
    assert scipy.stats.spearmanr(fitted.judge(X)[0][:, 0], truth(X)).statistic > 0.85
