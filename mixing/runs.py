"""Proxy runs: tables of weights and metrics joined by the run's own id, and what cannot be used set aside by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mixing.noise import mixtures
from mixing.simplex import Floats

Flags = npt.NDArray[np.bool_]
_ROUNDED = 0.05  #: published weights are rounded: a row may sum to this much more or less than one


@dataclass(frozen=True)
class Runs:
    """Runs sorted by key, so that the order of rows never matters."""

    key: str
    keys: tuple[Any, ...]
    domains: tuple[str, ...]
    metrics: tuple[str, ...]
    X: Floats  #: ``float64[runs, domains]``, on the simplex
    Y: Floats  #: ``float64[runs, metrics]``; NaN where a run has no such value
    left_out: dict[str, str] = field(default_factory=dict)  #: runs, or values of them, that cannot be used, and why
    warnings: tuple[str, ...] = ()


def join(weights: pl.DataFrame, metrics: pl.DataFrame, key: str | None = None) -> Runs:
    """The usable runs of both tables. ValueError when columns are no domains or metrics, or too little is left."""
    key = _key(weights, metrics, key)
    weights, metrics = _same_keys(weights, metrics, key)
    domains, names = ([c for c in f.columns if c != key] for f in (weights, metrics))
    if len(domains) < 2 or not names:
        raise ValueError(f"needs two domains and one metric at least; found {some(domains)} and {some(names)}")
    if both := sorted({*domains} & {*names}):
        raise ValueError(f"columns are both domain and metric: {both}")
    if named := [f"{m}_sd" for m in names if f"{m}_sd" in names]:
        raise ValueError(f"metrics {some(named)}: predictions call deviations so; rename them, or leave them out")
    _check_domains(weights.select(domains))
    left_out = dict[str, str]()
    weights = _unique(weights, key, "weights", left_out)
    metrics = _unique(metrics, key, "metrics", left_out)
    alone = {str(k): "metrics without weights" for k in metrics.join(weights, on=key, how="anti")[key]}
    alone |= {str(k): "weights without metrics" for k in weights.join(metrics, on=key, how="anti")[key]}
    left_out = {**alone, **left_out}  # where an id names several rows, that is why
    weights = weights.filter(pl.col(key).is_in(metrics[key].implode())).sort(key)
    metrics = metrics.filter(pl.col(key).is_in(weights[key].implode())).sort(key)
    X, faults = shares(weights.select(domains))
    Y = metrics.select(pl.col(names).cast(pl.Float64)).to_numpy().copy()
    Y[~np.isfinite(Y)] = np.nan
    missing = np.isnan(Y)
    for i, name in enumerate(weights[key]):
        if faults[i]:
            left_out[str(name)] = faults[i]
        elif missing[i].all():
            left_out[str(name)] = "no metric is a finite number"
        elif missing[i].any():
            left_out[str(name)] = (
                f"not a finite number: {some([n for n, gone in zip(names, missing[i], strict=True) if gone])}"
            )
    usable = np.array([not f for f in faults], bool) & ~missing.all(1)
    keys = tuple(weights[key].filter(pl.Series(usable)))
    if len(keys) < 2:
        reasons = "; ".join(f"{k}: {v}" for k, v in list(left_out.items())[:3])
        raise ValueError(
            f"{len(keys)} usable runs; a fit needs 2 at least"
            + (f" ({len(left_out)} left out: {reasons}{' …' if len(left_out) > 3 else ''})" if left_out else "")
        )
    X, Y = X[usable], Y[usable]
    if mixtures(X).max() == 0:
        raise ValueError(f"all {len(keys)} usable runs have the same mixture; a fit needs two that differ")
    seen = (~np.isnan(Y)).sum(0)
    if gone := [n for n, s in zip(names, seen, strict=True) if s < 2]:
        if len(gone) == len(names):
            raise ValueError(f"no metric has two finite values: {some(gone)}")
        kept = seen >= 2
        Y, names = Y[:, kept], [n for n in names if n not in gone]
    warnings = _warnings(weights.filter(pl.Series(usable)).select(domains), X, Y, names, gone, left_out)
    return Runs(key, keys, tuple(domains), tuple(names), X, Y, left_out, warnings)


def shares(frame: pl.DataFrame) -> tuple[Floats, list[str]]:
    """Rows on the simplex, ``float64[n, m]``, and for each row what is wrong with it (empty: nothing; else it is 0)."""
    X = np.ascontiguousarray(frame.cast(pl.Float64).fill_null(float("nan")).to_numpy())
    total = X.sum(1)
    faults = []
    for x, sums_to in zip(X, total, strict=True):
        if not np.isfinite(x).all():
            faults.append(f"a weight is missing or not finite: {some(_where(frame.columns, ~np.isfinite(x)))}")
        elif (x < 0).any():
            faults.append(f"a weight is negative: {some(_where(frame.columns, x < 0))}")
        elif abs(sums_to - 1) > _ROUNDED:
            faults.append(f"weights sum to {sums_to:.4g}, not 1")
        else:
            faults.append("")
    good = np.array([not f for f in faults], bool)
    on = np.zeros_like(X)
    on[good] = X[good] / total[good, None]
    return on, faults


def _key(weights: pl.DataFrame, metrics: pl.DataFrame, key: str | None) -> str:
    if key is None:
        if weights.width == 0 or metrics.width == 0 or weights.columns[0] != metrics.columns[0]:
            firsts = [f.columns[:1] for f in (weights, metrics)]
            raise ValueError(f"the first columns {firsts} differ: name the column that identifies runs as `key`")
        key = weights.columns[0]
    for name, frame in (("weights", weights), ("metrics", metrics)):
        if key not in frame.columns:
            raise ValueError(f"{name} have no column {key!r}; their columns: {some(frame.columns)}")
        for column in frame.columns:
            if column != key and not frame[column].dtype.is_numeric():
                raise ValueError(f"column {column!r} of {name} is {frame[column].dtype}, not a number: leave it out")
    return key


def _same_keys(weights: pl.DataFrame, metrics: pl.DataFrame, key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    kinds = [f[key].dtype for f in (weights, metrics)]
    if all(k.is_integer() for k in kinds):
        return weights.with_columns(pl.col(key).cast(pl.Int64)), metrics.with_columns(pl.col(key).cast(pl.Int64))
    if kinds[0] != kinds[1]:
        raise ValueError(f"key {key!r} is {kinds[0]} in weights and {kinds[1]} in metrics: give both the same type")
    as_text = pl.col(key).cast(pl.String)  # dates, numbers with a point: a name like any other
    return weights.with_columns(as_text), metrics.with_columns(as_text)


def _check_domains(frame: pl.DataFrame) -> None:
    """Refuses columns that number runs, and shares given in per cent, before they pass for weights."""
    X = frame.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    total = np.nanmedian(np.where(np.isfinite(X).all(1), X.sum(1), np.nan)) if len(X) else 1.0
    large = [c for c, x in zip(frame.columns, X.T, strict=True) if np.nanmedian(np.append(x, 0.0)) > 1 + _ROUNDED]
    if abs(total - 100) <= 100 * _ROUNDED:
        raise ValueError("weights sum to 100: they look like per cent; divide them by 100")
    if large:
        raise ValueError(f"columns are no weights, as their values exceed 1: {some(large)}: leave them out")


def _unique(frame: pl.DataFrame, key: str, name: str, left_out: dict[str, str]) -> pl.DataFrame:
    """Without runs whose id is missing, or names rows that differ; rows that are the same count once."""
    if missing := frame[key].null_count():
        left_out[f"{missing} rows of {name}"] = "no id"
        frame = frame.filter(pl.col(key).is_not_null())
    frame = frame.unique(maintain_order=True)
    repeated = frame[key].filter(frame[key].is_duplicated()).unique(maintain_order=True)
    left_out |= {str(k): f"the id names several different rows of {name}" for k in repeated}
    return frame.filter(~pl.col(key).is_in(repeated.implode()))


def _warnings(
    given: pl.DataFrame, X: Floats, Y: Floats, names: Sequence[str], gone: Sequence[str], left_out: dict[str, str]
) -> tuple[str, ...]:
    n, m = X.shape
    said = []
    if left_out:
        named = some([f"{run} ({why})" for run, why in left_out.items()])
        said.append(
            f"{len(left_out)} run{'s are' if len(left_out) > 1 else ' is'} left out, wholly or in part: {named}"
        )
    if gone:
        said.append(f"metrics with fewer than two finite values are left out: {some(gone)}")
    if n < m + 1:
        said.append(f"{n} runs for {m} domains: fewer than one a domain; predictions lean on the prior")
    elif n < 2 * (m + 1):
        said.append(f"{n} runs for {m} domains: {2 * (m + 1)} or more are advised")
    total = given.cast(pl.Float64).to_numpy().sum(1)
    if off := int((np.abs(total - 1) > 1e-6).sum()):
        said.append(f"weights of {off} runs sum to {total.min():.4g} to {total.max():.4g}, not 1, and were scaled")
    still = [d for d, x in zip(given.columns, X.T, strict=True) if np.ptp(x) < 1e-9]
    if still:
        said.append(f"domains that never vary teach nothing: {some(still)}")
    constant = [name for name, y in zip(names, Y.T, strict=True) if np.ptp(y[~np.isnan(y)]) == 0]
    if constant:
        said.append(f"constant metrics: {some(constant)}")
    return tuple(said)


def _where(names: Sequence[str], flags: Flags) -> list[str]:
    return [name for name, flag in zip(names, flags, strict=True) if flag]


def some(values: Sequence[Any]) -> str:
    """The first few, for a message."""
    shown = ", ".join(str(v) for v in values[:5])
    return shown + (f" and {len(values) - 5} more" if len(values) > 5 else "")
