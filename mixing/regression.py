"""Regression: from the mixtures and metrics of proxy runs to a surrogate that predicts any mixture's metrics.

Every metric gets one convex law, which plans, and a judge, which predicts: the law's mean with a Gaussian process, or
the law alone, whichever predicts runs left out better.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from threadpoolctl import threadpool_limits

from mixing import cross_validation, gaussian_process, noise, runs, trees
from mixing.cross_validation import Scores
from mixing.families import FAMILIES, Family
from mixing.predictors import Calibrated, Ensemble, Law, Predictor, Standardised, combined
from mixing.runs import Runs, some
from mixing.simplex import Floats
from mixing.surrogate import Surrogate, scores_table

PLANNERS = ("ridge", "log_linear", "power_law_concave")  #: of which ``auto`` takes the best for each metric
CHOICES = ("auto", *FAMILIES, "gp", "lightgbm")
_ENSEMBLE = "ensemble"
_LAW_ALONE = 0.95  #: share of the ensemble's merit below which a law judges alone
_STRAY = 10  #: typical errors (by the median) beyond which a run is named
_REFITTED = 200  #: runs up to which a process learns its hyperparameters anew in every fold

Flags = npt.NDArray[np.bool_]


def fit(weights: pl.DataFrame, metrics: pl.DataFrame, *, key: str | None = None, family: str = "auto") -> Surrogate:
    """Learns every metric from the mixtures of the runs.

    Rows are joined on ``key``, by default the first column of both frames, in whatever order they come; every other
    column is a domain, or a metric. ``family`` is one of ``CHOICES``: a law plans and judges alone; ``gp`` and
    ``lightgbm`` judge what the power law plans; ``auto`` chooses both by cross-validation (``Surrogate.scores``). Runs
    that cannot be used are left out and named in ``Surrogate.left_out``; what deserves a second look is in
    ``Surrogate.warnings``. ValueError for columns that are no domains or metrics, and fewer than two usable runs.
    """
    if family not in CHOICES:
        raise ValueError(f"unknown family {family!r}; there are {', '.join(CHOICES)}")
    table = runs.join(weights, metrics, key)
    with threadpool_limits(limits=1):  # small matrices: threads of BLAS cost more than they bring, and change last bits
        return _Fit(table, family).surrogate()


@dataclass(frozen=True)
class _Candidate:
    """A model of one metric, and what it predicts for each run from the others."""

    predictor: Predictor
    predicted: Floats  #: ``float64[repeats, runs of the metric]``
    scores: Scores

    @property
    def calibrated(self) -> Calibrated:
        return Calibrated(self.predictor, self.scores.factor)


class _Fit:
    def __init__(self, table: Runs, family: str) -> None:
        self.table, self.family = table, family
        self.noise = noise.measure(table.X, table.Y)
        self.fold = cross_validation.folds(noise.mixtures(table.X))
        self.known = ~np.isnan(table.Y)

    def surrogate(self) -> Surrogate:
        planners = PLANNERS if self.family == "auto" else (self.family if self.family in FAMILIES else PLANNERS[-1],)
        laws = [self._laws(FAMILIES[name]) for name in planners]
        plans, judges, rows = {}, {}, []
        crossvalidated = np.full(self.table.Y.shape, np.nan)
        others = self._others()
        for t, metric in enumerate(self.table.metrics):
            candidates = {name: fitted[t] for name, fitted in zip(planners, laws, strict=True)}
            planner = min(candidates, key=lambda name: candidates[name].scores.merit)
            if others:
                candidates[others[t].predictor.family] = others[t]
            judge = self._judge(t, candidates, planner)
            plans[metric], judges[metric] = candidates[planner].calibrated, candidates[judge].calibrated
            crossvalidated[self.known[:, t], t] = candidates[judge].predicted.mean(0)
            for name, c in candidates.items():
                marks = {"plans": name == planner, "chosen": name == judge}
                rows.append({"metric": metric, "family": name, **marks, "scores": c.scores})
        table = replace(self.table, warnings=(*self.table.warnings, *self._strays(crossvalidated)))
        return Surrogate(table, plans, judges, scores_table(rows), self.noise, crossvalidated)

    def _strays(self, crossvalidated: Floats) -> list[str]:
        """Runs far off what the others predict: a diverged run whose loss is still a number, or a wrong row."""
        found = []
        for t, metric in enumerate(self.table.metrics):
            rows = self.known[:, t]
            off = np.abs(crossvalidated[rows, t] - self.table.Y[rows, t])
            limit = max(_STRAY * 1.4826 * float(np.median(off)), float(self.table.Y[rows, t].std()))
            keys = [key for key, known in zip(self.table.keys, rows, strict=True) if known]
            if far := [key for key, o in zip(keys, off, strict=True) if o > limit > 0]:
                found.append(f"{metric} of these runs is far from what the others predict: {some(far)}")
        return found

    def _judge(self, t: int, candidates: dict[str, _Candidate], planner: str) -> str:
        """Adds the ensemble, where there is one, and names the judge.

        A process never judges alone: runs left out lie among the others and do not show how it strays beyond them.
        """
        if self.family in FAMILIES:
            return planner
        if self.family != "auto":
            return self.family
        law = candidates[planner]
        candidates[_ENSEMBLE] = self._ensemble(t, law, candidates["gp"])
        return planner if law.scores.merit < _LAW_ALONE * candidates[_ENSEMBLE].scores.merit else _ENSEMBLE

    def _ensemble(self, t: int, first: _Candidate, second: _Candidate) -> _Candidate:
        """Each counts by the inverse of its squared error; for runs left out, of its error in the other folds."""
        rows = self.known[:, t]
        y, fold = self.table.Y[rows, t], self.fold[:, rows]
        errors = [np.square(np.minimum(np.abs(c.predicted - y), y.std())) for c in (first, second)]
        predicted = np.empty_like(first.predicted)
        for repeat, test in cross_validation.splits(fold):
            share = _share(errors[0][repeat, ~test], errors[1][repeat, ~test])
            mean = share * first.predicted + (1 - share) * second.predicted
            predicted[repeat, test] = mean[repeat, test]
        share = _share(*errors)
        own = [c.calibrated.left_out_variance() for c in (first, second)]
        variance = combined(share, own[0], own[1], first.predicted - second.predicted)
        predictor = Ensemble(first.calibrated, second.calibrated, share)
        return _Candidate(predictor, predicted, self._score(t, predicted, variance))

    def _laws(self, family: Family) -> list[_Candidate]:
        """One law a metric, and its predictions of runs left out, all folds and metrics fitted in one stack.

        A fold starts where all runs led, and its sign is theirs.
        """
        X, Y = self.table.X, self.table.Y
        W = np.where(self.known, self.noise.precision[:, None], 0.0).T
        problem = _standardised(Y.T, W)
        sign = self._signs(family, problem)
        full = problem.turned(sign)
        P, noise_left = family.fit(X, full.Z, W, np.zeros(len(W), np.int64))
        split = list(cross_validation.splits(self.fold))
        held = np.concatenate([np.where(test, 0.0, W) for _, test in split])
        part = _standardised(np.tile(Y.T, (len(split), 1)), held).turned(np.tile(sign, len(split)))
        groups = np.repeat(np.arange(len(split)), len(W))
        parts, _ = family.fit(X, part.Z, held, groups, np.tile(P, (len(split), 1)))
        values = part.centre[:, None] + part.scale[:, None] * family.value(parts, X)
        predicted = np.empty((len(self.fold), *Y.T.shape))
        for i, (repeat, test) in enumerate(split):
            here = slice(i * len(W), (i + 1) * len(W))
            nothing = ~(held[here] > 0).any(1, keepdims=True)  # a metric of few runs: all of them are left out
            predicted[repeat][:, test] = np.where(nothing, full.centre[:, None], values[here])[:, test]
        found = []
        for t in range(len(W)):
            rows = self.known[:, t]
            numbers = float(full.centre[t]), float(full.scale[t]), float(noise_left[t])
            law = Law(family, P[t], *numbers, X[rows], self.noise.precision[rows])
            mine = predicted[:, t, rows]
            found.append(_Candidate(law, mine, self._score(t, mine, law.left_out_variance())))
        return found

    def _signs(self, family: Family, problem: _Problems) -> Floats:
        """1 for a metric like a loss; -1 where the law fits better upside down, as it does an accuracy."""
        ones = np.ones(len(problem.Z))
        if not family.curved:
            return ones
        losses = [family.loss(self.table.X, problem.turned(s * ones).Z, problem.W) for s in (1, -1)]
        return np.where(losses[0] <= losses[1], ones, -ones)

    def _others(self) -> list[_Candidate]:
        """The process, or trees, of every metric; empty where a law does it all."""
        if self.family in FAMILIES:
            return []
        fitter = trees.fit if self.family == "lightgbm" else gaussian_process.fit
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            return list(pool.map(lambda t: self._other(t, fitter), range(len(self.table.metrics))))

    def _other(self, t: int, fitter: Callable[[Floats, Floats, Floats], Any]) -> _Candidate:
        rows = self.known[:, t]
        X, y, w = self.table.X[rows], self.table.Y[rows, t], self.noise.precision[rows]

        def learn(at: Flags) -> Standardised:
            centre, scale = _moments(y[at], w[at])
            return Standardised(fitter(X[at], (y[at] - centre) / scale, w[at]), centre, scale, int(at.sum()))

        whole = learn(np.ones(len(y), bool))
        closed = fitter is gaussian_process.fit and len(y) > _REFITTED
        predicted = np.empty((len(self.fold), len(y)))
        for repeat, left_out in cross_validation.splits(self.fold):
            test = left_out[rows]
            if not test.any():
                continue
            if closed:
                predicted[repeat, test] = whole.centre + whole.scale * whole.model.without(test)  # type: ignore[union-attr]
            else:
                predicted[repeat, test] = learn(~test).mean(X[test]) if (~test).any() else y.mean()
        return _Candidate(whole, predicted, self._score(t, predicted, whole.left_out_variance()))

    def _score(self, t: int, predicted: Floats, variance: Floats) -> Scores:
        rows = self.known[:, t]
        return cross_validation.score(predicted, self.table.Y[rows, t], variance, self.fold[:, rows])


@dataclass(frozen=True)
class _Problems:
    """Standardised metrics, a row each; ``centre`` and ``scale`` lead back."""

    Z: Floats
    W: Floats
    centre: Floats
    scale: Floats

    def turned(self, sign: Floats) -> _Problems:
        return _Problems(sign[:, None] * self.Z, self.W, self.centre, sign * self.scale)


def _standardised(Y: Floats, W: Floats) -> _Problems:
    """By mean and deviation of the runs that count; the others become 0."""
    moments = [_moments(y[w > 0], w[w > 0]) if (w > 0).any() else (0.0, 1.0) for y, w in zip(Y, W, strict=True)]
    centre, scale = (np.array(m) for m in zip(*moments, strict=True))
    Z = np.where(W > 0, (np.where(W > 0, Y, 0.0) - centre[:, None]) / scale[:, None], 0.0)
    return _Problems(Z, W, centre, scale)


def _share(first: Floats, second: Floats) -> float:
    """Of the first, by squared errors of runs left out."""
    a, b = (float(e.mean()) if e.size else 0.0 for e in (first, second))
    return b / (a + b) if a + b > 0 else 0.5


def _moments(y: Floats, w: Floats) -> tuple[float, float]:
    return float(np.average(y, weights=w)), float(y.std()) or 1.0
