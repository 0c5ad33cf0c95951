"""Scores: calibration, thresholds, and sketches that rank a corpus by its parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import quality
from classifiers.quality import calibration

scores_of = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=80).map(lambda v: np.array(v, np.float32))


def test_calibrated_scores_are_probabilities_and_keep_their_order() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(size=4000)
    positive = rng.random(4000) < 1 / (1 + np.exp(-3 * raw))
    fitted = calibration.fit(raw[:2000], positive[:2000])
    found = fitted(raw[2000:])
    assert quality.calibration_error(found, positive[2000:]) < 0.04
    assert quality.calibration_error((0.5 + 0.1 * raw[2000:]).clip(0, 1).astype(np.float32), positive[2000:]) > 0.1
    order = np.argsort(raw[2000:])
    assert (np.diff(found[order]) >= 0).all()
    assert len(np.unique(found)) > 1900
    assert 0 < found.min() <= found.max() < 1


def test_auc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 6, 40).astype(np.float32)
    good = rng.random(40) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[good] for b in scores[~good]]
    assert quality.auc(scores, good) == pytest.approx(np.mean(pairs))
    assert np.isnan(quality.auc(scores, np.ones(40, bool)))


@given(scores_of, st.integers(0, 2**32), st.floats(0.05, 1))
def test_thresholds_do_what_they_say(scores: np.ndarray, seed: int, wanted: float) -> None:
    positive = np.random.default_rng(seed).random(len(scores)) < scores
    points = quality.curve(scores, positive)
    for threshold, precision, recall, kept in zip(
        points.threshold, points.precision, points.recall, points.kept, strict=True
    ):
        chosen = scores >= threshold
        assert precision == pytest.approx(positive[chosen].mean())
        assert kept == pytest.approx(chosen.mean())
        assert recall == pytest.approx((positive & chosen).sum() / max(positive.sum(), 1))
    share = (scores >= quality.threshold_for_share(scores, wanted)).mean()
    assert share >= min(1, round(wanted * len(scores)) / len(scores)) - 1e-9
    if (points.precision >= wanted).any():
        threshold = quality.threshold_for_precision(scores, positive, wanted)
        assert positive[scores >= threshold].mean() >= wanted
        assert (points.precision[points.threshold < threshold] < wanted).all()
    else:
        with pytest.raises(ValueError, match="no threshold reaches a precision"):
            quality.threshold_for_precision(scores, positive, wanted)


@given(st.lists(scores_of, min_size=1, max_size=4))
def test_sketches_of_parts_add_up(parts: list[np.ndarray]) -> None:
    whole = np.concatenate(parts)
    together = quality.merged(quality.packed(quality.sketch(p)) for p in parts)
    assert (together == quality.sketch(whole)).all()
    assert (quality.merged([quality.packed(together)]) == together).all()


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.floats(0.5, 5))
def test_buckets_hold_equal_shares_in_order(seed: int, spread: float) -> None:
    odds = np.random.default_rng(seed).normal(scale=spread, size=20_000)
    scores = (1 / (1 + np.exp(-odds))).astype(np.float32)
    found = quality.buckets(quality.sketch(scores), scores)
    assert np.bincount(found, minlength=20) == pytest.approx(np.full(20, 1000), rel=0.15)
    assert (np.diff(found[np.argsort(scores, kind="stable")]) >= 0).all()


def test_ensembles_and_drift() -> None:
    each = np.array([[0.1, 0.9], [0.5, 0.7]], np.float32)
    assert quality.combined(each, "max").tolist() == pytest.approx([0.5, 0.9])
    assert quality.combined(each, "mean").tolist() == pytest.approx([0.3, 0.8])
    with pytest.raises(ValueError, match="ensemble 'median': allowed are max, mean"):
        quality.combined(each, "median")
    rng = np.random.default_rng(2)
    sure = rng.beta(0.2, 0.2, 5000).astype(np.float32)
    reference = quality.sketch(sure)
    assert quality.drift(reference, rng.beta(0.2, 0.2, 2000).astype(np.float32)) < 0.1
    assert quality.drift(reference, sure[sure > 0.5]) < 0.1  # good texts alone are no drift
    assert quality.drift(reference, rng.uniform(0.3, 0.7, 2000).astype(np.float32)) > 0.25
