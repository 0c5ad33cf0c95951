"""Regression: from the mixtures and metrics of proxy runs to a surrogate that predicts any mixture's metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import scipy.stats

from manifests import storage
from mixing.families import FAMILIES, Family
from mixing.simplex import Floats

VERSION = 1
_AUTO = ("ridge", "log_linear", "power_law_concave")
_STARTS = 4
_LEAST_RUNS = 2


@dataclass(frozen=True)
class _Law:
    """A fitted law of one metric, ``mean + scale * family(x)``; a negative scale turns a metric upside down."""

    family: Family
    parameters: Floats
    mean: float
    scale: float
    noise: float  #: typical cross-validated error, in the metric's units

    def value(self, X: Floats) -> Floats:
        return np.asarray(self.mean + self.scale * self.family.value(self.parameters, X), np.float64)

    def gradient(self, X: Floats) -> Floats:
        return np.asarray(self.scale * self.family.gradient(self.parameters, X), np.float64)


class Surrogate:
    """Predicts metrics of mixtures. Made by ``fit``; kept as JSON."""

    def __init__(
        self,
        key: str,
        domains: Sequence[str],
        laws: Mapping[str, _Law],
        scores: pl.DataFrame,
        runs: Sequence[Any],
        X: Floats,
        left_out: Mapping[str, str],
    ) -> None:
        self.key, self.domains = key, tuple(domains)
        self.scores = scores  #: cross-validated: metric, family, error, rmse, r2, spearman, chosen
        self.runs = tuple(runs)  #: keys of the runs it learned from
        self.left_out = dict(left_out)  #: keys of runs it could not learn from, and why
        self._laws, self._X = dict(laws), X

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self._laws)

    @property
    def families(self) -> dict[str, str]:
        """The family that predicts each metric."""
        return {metric: law.family.name for metric, law in self._laws.items()}

    def predict(self, weights: pl.DataFrame) -> pl.DataFrame:
        """The key, one column per metric, and ``METRIC_sd``: the deviation of a new run at that mixture.

        ``weights`` has the key (numbered when absent) and every domain, in any order. ValueError otherwise.
        """
        if strange := [c for c in weights.columns if c not in (self.key, *self.domains)]:
            raise ValueError(f"unknown columns {strange}; the surrogate knows {self.key} and {list(self.domains)}")
        if missing := [d for d in self.domains if d not in weights.columns]:
            raise ValueError(f"weights lack the domains {missing}")
        keys = weights[self.key] if self.key in weights.columns else pl.Series(self.key, range(weights.height))
        X = _shares(weights.select(self.domains), keys)
        mean, sd = self.means(X), self.deviations(X)
        columns = {metric: mean[:, i] for i, metric in enumerate(self.metrics)}
        deviations = {f"{metric}_sd": sd[:, i] for i, metric in enumerate(self.metrics)}
        return pl.DataFrame({self.key: keys, **columns, **deviations})

    def means(self, X: Floats) -> Floats:
        """``float64[n, metrics]`` for mixtures ``X[n, domains]``, in the order of ``domains`` and ``metrics``."""
        return np.column_stack([law.value(X) for law in self._laws.values()])

    def gradients(self, X: Floats) -> Floats:
        """``float64[n, metrics, domains]``."""
        return np.stack([law.gradient(X) for law in self._laws.values()], axis=1)

    def deviations(self, X: Floats) -> Floats:
        """Standard deviations of a new run, ``float64[n, metrics]``.

        The cross-validated error, larger where the mixture lies far from the runs: scaled by the linearised variance
        of the prediction (Seber and Wild 1989, 5.1), so that its mean over the runs is that error.
        """
        return np.column_stack([law.noise * np.sqrt(spread(X)) for law, spread in zip(*self._spreads, strict=True)])

    def convex(self, objective: Mapping[str, float]) -> bool:
        """Whether the weighted sum of metrics is certainly convex in the mixture."""
        laws = [(self._laws[m], w) for m, w in objective.items()]
        return all(not law.family.curved or law.scale * w >= 0 for law, w in laws)

    def save(self, uri: str) -> None:
        """Writes JSON; ``load`` reads it back to the last bit."""
        laws = {
            metric: {
                "family": law.family.name,
                "parameters": law.parameters.tolist(),
                "mean": law.mean,
                "scale": law.scale,
                "noise": law.noise,
            }
            for metric, law in self._laws.items()
        }
        data = {
            "version": VERSION,
            "key": self.key,
            "domains": list(self.domains),
            "laws": laws,
            "scores": self.scores.to_dicts(),
            "runs": list(self.runs),
            "weights": self._X.tolist(),
            "left_out": self.left_out,
        }
        storage.write_bytes(uri, json.dumps(data, indent=1).encode())

    @classmethod
    def load(cls, uri: str) -> Surrogate:
        """ValueError when the file is none of ours, or of a later version."""
        try:
            data = json.loads(storage.read_bytes(uri))
            version = data["version"]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{uri} is not a surrogate: fit one with `cuvee mix fit`") from None
        if version > VERSION:
            raise ValueError(f"{uri} has version {version}; this cuvee reads up to {VERSION}: update it")
        laws = {
            metric: _Law(
                FAMILIES[d["family"]], np.array(d["parameters"]), float(d["mean"]), float(d["scale"]), float(d["noise"])
            )
            for metric, d in data["laws"].items()
        }
        scores = pl.DataFrame(data["scores"], schema=_SCORES)
        X = np.array(data["weights"], np.float64)
        return cls(data["key"], data["domains"], laws, scores, data["runs"], X, data["left_out"])

    @cached_property
    def _spreads(self) -> tuple[list[_Law], list[_Spread]]:
        laws = list(self._laws.values())
        return laws, [_Spread(law, self._X) for law in laws]


class _Spread:
    """Variance of a new run at a mixture, relative to its mean over the runs learned from."""

    def __init__(self, law: _Law, X: Floats) -> None:
        self._law = law
        J = law.family.jacobian(law.parameters, X)
        self._inverse = np.linalg.pinv(J.T @ J + law.family.penalty * np.eye(J.shape[1]), hermitian=True)
        self._mean = float((1 + self._leverage(J)).mean())

    def __call__(self, X: Floats) -> Floats:
        variance = 1 + self._leverage(self._law.family.jacobian(self._law.parameters, X))
        return np.asarray(variance / self._mean, np.float64)

    def _leverage(self, J: Floats) -> Floats:
        return np.asarray(np.maximum(np.einsum("ij,jk,ik->i", J, self._inverse, J), 0.0), np.float64)


_SCORES = {
    "metric": pl.String,
    "family": pl.String,
    "error": pl.Float64,
    "rmse": pl.Float64,
    "r2": pl.Float64,
    "spearman": pl.Float64,
    "chosen": pl.Boolean,
}


def fit(weights: pl.DataFrame, metrics: pl.DataFrame, *, key: str | None = None, family: str = "auto") -> Surrogate:
    """Learns every metric from the mixtures of the runs.

    Rows are joined on ``key``, by default the first column of both frames, in whatever order they come; every other
    column is a domain, or a metric. ``family`` is ``auto``, ``linear``, ``ridge``, ``log_linear`` or
    ``power_law_concave``; ``auto`` takes for each metric the family of least cross-validated error (table:
    ``Surrogate.scores``). Runs with a missing or non-finite metric, and runs without metrics, are left out and named
    in ``Surrogate.left_out``. ValueError for repeated or unknown keys, columns that are not numbers, weights that are
    not shares, and fewer than two usable runs.
    """
    if family != "auto" and family not in FAMILIES:
        raise ValueError(f"unknown family {family!r}; there are auto, {', '.join(FAMILIES)}")
    joined, key, domains, names, left_out = _join(weights, metrics, key)
    X = _shares(joined.select(domains), joined[key])
    candidates = [FAMILIES[f] for f in (_AUTO if family == "auto" else (family,))]
    laws, rows = {}, []
    for name in names:
        law, scores = _fit_metric(X, joined[name].cast(pl.Float64).to_numpy(), candidates)
        laws[name] = law
        rows += [{"metric": name, **s} for s in scores]
    return Surrogate(key, domains, laws, pl.DataFrame(rows, schema=_SCORES), joined[key].to_list(), X, left_out)


def _join(
    weights: pl.DataFrame, metrics: pl.DataFrame, key: str | None
) -> tuple[pl.DataFrame, str, list[str], list[str], dict[str, str]]:
    """Usable runs sorted by key (so that their order never matters), names of columns, and runs left out."""
    if key is None:
        if weights.width == 0 or metrics.width == 0 or weights.columns[0] != metrics.columns[0]:
            firsts = [f.columns[:1] for f in (weights, metrics)]
            raise ValueError(f"the first columns {firsts} differ: name the column that identifies runs as `key`")
        key = weights.columns[0]
    for name, frame in (("weights", weights), ("metrics", metrics)):
        if key not in frame.columns:
            raise ValueError(f"{name} have no column {key!r}; their columns: {frame.columns}")
        if repeated := frame[key].filter(frame[key].is_duplicated()).unique(maintain_order=True).to_list():
            raise ValueError(f"{name} name runs more than once: {_some(repeated)}")
        for column in frame.columns:
            if column != key and not frame[column].dtype.is_numeric():
                raise ValueError(f"column {column!r} of {name} is {frame[column].dtype}, not a number: leave it out")
    if weights[key].dtype != metrics[key].dtype:
        kinds = f"{weights[key].dtype} in weights and {metrics[key].dtype} in metrics"
        raise ValueError(f"key {key!r} is {kinds}: give both the same type")
    domains, names = ([c for c in f.columns if c != key] for f in (weights, metrics))
    if len(domains) < 2 or not names:
        raise ValueError(f"needs two domains and one metric at least; found {domains} and {names}")
    if both := sorted({*domains} & {*names}):
        raise ValueError(f"columns are both domain and metric: {both}")
    if unknown := metrics.join(weights, on=key, how="anti")[key].to_list():
        raise ValueError(f"metrics of runs that have no weights: {_some(unknown)}")
    left_out = {str(k): "no metrics" for k in weights.join(metrics, on=key, how="anti")[key]}
    joined = weights.join(metrics, on=key, how="inner").sort(key)
    finite = pl.all_horizontal(pl.col(n).cast(pl.Float64).is_finite().fill_null(False) for n in names)
    left_out |= {str(k): "a metric is missing or not finite" for k in joined.filter(~finite)[key]}
    joined = joined.filter(finite)
    if joined.height < _LEAST_RUNS:
        raise ValueError(f"{joined.height} usable runs; a fit needs {_LEAST_RUNS} at least ({len(left_out)} left out)")
    return joined, key, domains, names, left_out


def _shares(frame: pl.DataFrame, keys: pl.Series) -> Floats:
    """Rows on the simplex. Published weights are rounded, so a row may sum to a little more or less than one."""
    X = np.ascontiguousarray(frame.cast(pl.Float64).fill_null(float("nan")).to_numpy())
    bad = ~(np.isfinite(X).all(1) & (X >= 0).all(1) & (np.abs(X.sum(1) - 1) <= 0.05))
    if bad.any():
        i = int(np.argmax(bad))
        row = dict(zip(frame.columns, X[i].tolist(), strict=True))
        raise ValueError(f"weights of run {keys[i]!r} are not shares of one: {_some(list(row.items()))}")
    return np.asarray(X / X.sum(1, keepdims=True), np.float64)


def _fit_metric(X: Floats, y: Floats, candidates: Sequence[Family]) -> tuple[_Law, list[dict[str, Any]]]:
    """The best candidate fitted to all runs, and every candidate's cross-validated scores.

    ``error``, which decides, is the mean absolute error with each at most the metric's own deviation: laws go far
    astray at a corner of the simplex that was left out, and one such run must not decide.
    """
    folds = np.random.default_rng([0, len(y)]).permutation(len(y)) % min(8 if len(y) < 64 else 5, len(y))
    laws: list[_Law] = []
    scores: list[dict[str, Any]] = []
    for family in candidates:
        sign = _sign(family, X, y)
        left_out = np.empty(len(y))
        for fold in range(int(folds.max()) + 1):
            test = folds == fold
            left_out[test] = _fit_law(family, X[~test], y[~test], sign, 2).value(X[test])
        error = np.abs(left_out - y)
        capped = np.minimum(error, y.std())
        rmse, noise = (float(np.sqrt(np.square(e).mean())) for e in (error, capped))
        law = _fit_law(family, X, y, sign, _STARTS, noise)
        variance = float(y.var())
        laws.append(law)
        scores.append(
            {
                "family": family.name,
                "error": _six(float(capped.mean())),
                "rmse": _six(rmse),
                "r2": _six(1 - rmse**2 / variance) if variance > 0 else None,
                "spearman": _spearman(left_out, y),
                "chosen": False,
            }
        )
    best = int(np.argmin([s["error"] for s in scores]))
    scores[best]["chosen"] = True
    return laws[best], scores


def _sign(family: Family, X: Floats, y: Floats) -> int:
    """1 for a metric like a loss; -1 where the law fits better upside down, as it does an accuracy."""
    if not family.curved:
        return 1
    z = (y - y.mean()) / (float(y.std()) or 1.0)
    start = [family.prior(X.shape[1])]
    return 1 if family.fit(X, z, start)[1] <= family.fit(X, -z, start)[1] else -1


def _fit_law(family: Family, X: Floats, y: Floats, sign: int, starts: int, noise: float = float("nan")) -> _Law:
    mean, scale = float(y.mean()), sign * (float(y.std()) or 1.0)
    points = family.starts(X.shape[1], starts, np.random.default_rng(0))
    parameters, _ = family.fit(X, (y - mean) / scale, points)
    return _Law(family, parameters, mean, scale, noise)


def _spearman(a: Floats, b: Floats) -> float | None:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return _six(float(scipy.stats.spearmanr(a, b).statistic))


def _six(value: float) -> float:
    return float(f"{value:.6g}")


def _some(values: Sequence[Any]) -> str:
    shown = ", ".join(str(v) for v in values[:5])
    return shown + (f" and {len(values) - 5} more" if len(values) > 5 else "")
