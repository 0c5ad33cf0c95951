from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from mixing import gaussian_process
from mixing.gaussian_process import GaussianProcess, _evidence, _features


def problem(n: int = 24, m: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.dirichlet(np.ones(m), n)
    return X, np.sqrt(X) @ np.arange(m) + rng.normal(0, 0.05, n) - 1, rng.uniform(0.5, 2, n)


def test_gradient_of_the_evidence() -> None:
    X, z, w = problem()
    theta = np.random.default_rng(0).normal(0, 0.5, 7)
    numeric = scipy.optimize.approx_fprime(theta, lambda t: _evidence(t, _features(X), z, w)[0], 1e-6)
    assert _evidence(theta, _features(X), z, w)[1] == pytest.approx(numeric, rel=1e-4, abs=1e-4)


def test_runs_left_out_in_closed_form_are_those_refitted() -> None:
    X, z, w = problem()
    whole = gaussian_process.fit(X, z, w)
    test = np.arange(24) % 5 == 0
    part = GaussianProcess(whole.theta, X[~test], z[~test], w[~test])
    assert whole.without(test) == pytest.approx(part.mean(X[test]), abs=1e-8)
    alone = np.arange(24) == 7
    part = GaussianProcess(whole.theta, X[~alone], z[~alone], w[~alone])
    noise = np.exp(whole.theta[-1])
    assert whole.left_out_variance()[7] == pytest.approx(part.variance(X[7:8])[0] + noise * (1 / w[7] - 1), rel=1e-6)


def test_it_is_less_sure_far_from_what_it_has_seen() -> None:
    X, z, w = problem()
    near, far = X[:1], np.array([[0.0, 0.0, 0.0, 1.0]])
    found = gaussian_process.fit(X, z, w)
    assert found.variance(far)[0] > 1.5 * found.variance(near)[0]
