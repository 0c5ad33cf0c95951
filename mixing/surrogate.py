"""The surrogate: what a regression leaves behind. It predicts any mixture's metrics, and is kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from manifests import storage
from mixing import runs
from mixing.noise import Noise
from mixing.predictors import Calibrated, Ensemble, Law, from_json, to_json
from mixing.runs import Runs
from mixing.simplex import Floats

VERSION = 2
_LEAST_VARIANCE = 1e-9  #: of a standardised metric: of one that does not vary, none is left

_SCORES = {
    "metric": pl.String,
    "family": pl.String,
    "error": pl.Float64,
    "rmse": pl.Float64,
    "r2": pl.Float64,
    "spearman": pl.Float64,
    "coverage": pl.Float64,
    "plans": pl.Boolean,
    "chosen": pl.Boolean,
}


class Surrogate:
    """Every metric has two models: a convex law, which plans, and a judge, which predicts. Made by ``mixing.fit``.

    ``laws``, ``means`` and ``uncertainty`` speak of the law; ``predict`` and ``judge`` of the judge.
    """

    def __init__(
        self,
        table: Runs,
        plans: Mapping[str, Calibrated],
        judges: Mapping[str, Calibrated],
        scores: pl.DataFrame,
        noise: Noise,
        crossvalidated: Floats,
    ) -> None:
        self.key, self.domains, self.metrics = table.key, table.domains, table.metrics
        #: cross-validated: metric, family, error (capped), rmse, r2, spearman, coverage of 90 % intervals, and whether
        #: the family plans, and predicts (chosen)
        self.scores = scores
        self.runs = table.keys  #: keys of the runs it learned from
        self.mixtures = table.X  #: ``float64[runs, domains]``
        self.measured = table.Y  #: ``float64[runs, metrics]``, NaN where a run has no such value
        #: ``float64[runs, metrics]``: what the judge predicts for each run from others alone, the mean of all repeats
        self.crossvalidated = crossvalidated
        self.left_out = dict(table.left_out)  #: keys of runs it could not learn from, wholly or in part, and why
        self.warnings = table.warnings
        self.noise = noise
        self._table, self._plans, self._judges = table, dict(plans), dict(judges)

    @property
    def families(self) -> dict[str, str]:
        """The family that predicts each metric."""
        return dict(self.scores.filter("chosen").select("metric", "family").iter_rows())

    @property
    def laws(self) -> dict[str, Law]:
        """The convex law that plans each metric."""
        return {metric: self._law(metric) for metric in self.metrics}

    def predict(self, weights: pl.DataFrame) -> pl.DataFrame:
        """The key, one column per metric, and ``METRIC_sd``: the deviation of a new run at that mixture.

        ``weights`` has the key (numbered when absent) and every domain, in any order. ValueError otherwise.
        """
        if strange := [c for c in weights.columns if c not in (self.key, *self.domains)]:
            raise ValueError(f"unknown columns {strange}; the surrogate knows {self.key} and {list(self.domains)}")
        if missing := [d for d in self.domains if d not in weights.columns]:
            raise ValueError(f"weights lack the domains {missing}")
        keys = weights[self.key] if self.key in weights.columns else pl.Series(self.key, range(weights.height))
        X, faults = runs.shares(weights.select(self.domains))
        if bad := [f"{key}: {fault}" for key, fault in zip(keys, faults, strict=True) if fault]:
            raise ValueError(f"{len(bad)} rows are no mixtures: {'; '.join(bad[:3])}{' …' if len(bad) > 3 else ''}")
        mean, sd = self.judge(X)
        columns = {metric: mean[:, i] for i, metric in enumerate(self.metrics)}
        deviations = {f"{metric}_sd": sd[:, i] for i, metric in enumerate(self.metrics)}
        return pl.DataFrame({self.key: keys, **columns, **deviations})

    def judge(self, X: Floats) -> tuple[Floats, Floats]:
        """Predicted metrics and the deviations of a new run, each ``float64[n, metrics]``, for ``X[n, domains]``."""
        judges = [self._judges[m] for m in self.metrics]
        return np.column_stack([j.mean(X) for j in judges]), np.column_stack([j.deviation(X) for j in judges])

    def scout(self, X: Floats) -> tuple[Floats, Floats]:
        """As ``judge``, for mixtures that may lie far from the runs: there the law leads, the process knows nothing."""
        found = []
        for judge in (self._judges[m] for m in self.metrics):
            if isinstance(judge.predictor, Ensemble):
                mean, variance = judge.predictor.by_precision(X)
                found.append((mean, np.sqrt(judge.factor * variance)))
            else:
                found.append((judge.mean(X), judge.deviation(X)))
        mean, sd = (np.column_stack(columns) for columns in zip(*found, strict=True))
        return mean, sd

    def means(self, X: Floats) -> Floats:
        """Of the laws, ``float64[n, metrics]``, for mixtures ``X[n, domains]``, in the order of ``domains``."""
        return np.column_stack([self._law(m).mean(X) for m in self.metrics])

    def uncertainty(self, metric: str) -> tuple[Floats, float]:
        """Covariance ``float64[p, p]`` of the law's parameters, and the variance of a standardised run about it.

        By the cross-validated errors: a law that does not fit is not known well, however many runs it was fitted to.
        """
        law = self._law(metric)
        variance = max(self._plans[metric].factor / law.scale**2, _LEAST_VARIANCE)
        return law.covariance(variance), variance

    def run_noise(self) -> Floats:
        """Deviation of one run from what its mixture would give on average, ``float64[metrics]``.

        From repeats where there are any, else what the judge takes for noise.
        """
        learned = np.sqrt([self._judges[m].predictor.noise_variance() for m in self.metrics])
        return np.where(np.isnan(self.noise.sd), learned, self.noise.sd)

    def save(self, uri: str) -> None:
        """Writes JSON; ``load`` reads it back to the last bit."""
        data = {
            "version": VERSION,
            "key": self.key,
            "domains": list(self.domains),
            "metrics": list(self.metrics),
            "warnings": list(self.warnings),
            "left_out": self.left_out,
            "noise": _plain(self.noise.sd),
            "scores": self.scores.to_dicts(),
            "laws": {m: {**to_json(c.predictor), "factor": c.factor} for m, c in self._plans.items()},
            "judges": {m: {**to_json(c.predictor), "factor": c.factor} for m, c in self._judges.items()},
            "runs": list(self.runs),
            "precision": self.noise.precision.tolist(),
            "weights": self.mixtures.tolist(),
            "values": [_plain(row) for row in self.measured],
            "crossvalidated": [_plain(row) for row in self.crossvalidated],
        }
        storage.write_bytes(uri, json.dumps(data, indent=1, allow_nan=False).encode())

    @classmethod
    def load(cls, uri: str) -> Surrogate:
        """ValueError when the file is none of ours, or of another version."""
        try:
            data = json.loads(storage.read_bytes(uri))
            version = int(data["version"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{uri} is not a surrogate: fit one with `cuvee mix fit`") from None
        if version > VERSION:
            raise ValueError(f"{uri} has version {version}; this cuvee reads up to {VERSION}: update it")
        if version < VERSION:
            raise ValueError(f"{uri} has version {version}, of an earlier cuvee: fit it again, or run its recipe")
        try:
            return cls._of(data)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{uri} is a damaged surrogate ({error!r:.100}): fit it again") from None

    @classmethod
    def _of(cls, data: Mapping[str, Any]) -> Surrogate:
        X = np.array(data["weights"], np.float64)
        Y = np.array(data["values"], np.float64)
        crossvalidated = np.array(data["crossvalidated"], np.float64)
        precision = np.array(data["precision"], np.float64)
        metrics = tuple(data["metrics"])
        known = ~np.isnan(Y)
        if (
            X.shape != (len(Y), len(data["domains"]))
            or Y.shape[1] != len(metrics)
            or precision.shape != (len(Y),)
            or crossvalidated.shape != Y.shape
        ):
            raise ValueError("its arrays do not fit together")

        def models(of: str) -> dict[str, Calibrated]:
            found = {}
            for t, m in enumerate(metrics):
                rows = known[:, t]
                d = data[of][m]
                predictor = from_json(d, X[rows], Y[rows, t], precision[rows])
                found[m] = Calibrated(predictor, float(d["factor"]))
            return found

        names = tuple(data["runs"]), tuple(data["domains"]), metrics
        table = Runs(data["key"], *names, X, Y, data["left_out"], tuple(data["warnings"]))
        noise = Noise(np.array(data["noise"], np.float64), precision)
        scores = pl.DataFrame(data["scores"], schema=_SCORES)
        return cls(table, models("laws"), models("judges"), scores, noise, crossvalidated)

    def _law(self, metric: str) -> Law:
        law = self._plans[metric].predictor
        assert isinstance(law, Law)
        return law


def scores_table(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows of metric, family, plans, chosen and ``scores``, to six digits."""
    measures = ("error", "rmse", "r2", "spearman", "coverage")
    flat = [
        {k: v for k, v in row.items() if k != "scores"} | {k: _six(getattr(row["scores"], k)) for k in measures}
        for row in rows
    ]
    return pl.DataFrame(flat, schema=_SCORES)


def _six(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(f"{value:.6g}")


def _plain(values: Floats) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in values]
