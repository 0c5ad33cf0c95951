"""Swarm design: which mixtures to train proxies on, so that few runs tell much."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from mixing.simplex import Floats, round_weights

#: total Dirichlet concentrations per domain, from nearly one-hot to nearly natural (RegMix, arXiv 2407.01492, uses
#: 15 log-spaced values over about this range)
_STRENGTHS = np.geomspace(0.1, 5.0, 15)
_RIDGE = 1e-3


def design(
    natural: Mapping[str, float],
    runs: int,
    *,
    seed: int,
    strength: float = 1.0,
    anchor: float = 0.2,
    min_weight: float = 0.0,
    natural_runs: int = 1,
) -> pl.DataFrame:
    """A swarm of ``runs`` mixtures: column ``run`` (r000 …) and one column of weights per domain of ``natural``.

    The first ``natural_runs`` rows are the natural proportions. The others are chosen greedily from Dirichlet
    candidates around the natural proportions so that the determinant of the information matrix of [x, √x] grows most
    (D-optimality): designed so, 64 runs inform as much as several hundred random ones. ``strength`` scales the
    candidates' concentration (small: sparser mixtures). Each keeps a share ``anchor`` of the natural mixture: corners
    of the simplex inform most by count and least about any mixture one would train on, as laws bend sharply there.
    Weights below ``min_weight`` become zero. Every weight is a
    multiple of 1e-4 and every row sums to one. ValueError for fewer than two domains or runs.
    """
    names = list(natural)
    if len(names) < 2:
        raise ValueError(f"a swarm needs two domains or more; found {names}")
    if not 1 <= natural_runs < runs:
        raise ValueError(f"runs is {runs}; a swarm needs {natural_runs + 1} or more, {natural_runs} of them natural")
    shares = np.array([natural[n] for n in names], np.float64)
    if not np.all(np.isfinite(shares)) or shares.min() < 0 or shares.sum() <= 0:
        raise ValueError(f"natural shares must be finite, not negative and not all zero; found {dict(natural)}")
    shares /= shares.sum()
    if not 0 <= anchor < 1:
        raise ValueError(f"anchor is {anchor:g}; it must be at least 0 and below 1")
    candidates = _candidates(shares, runs, seed, strength, anchor, min_weight)
    chosen = _choose(round_weights(shares), candidates, runs, natural_runs)
    return pl.DataFrame({"run": [f"r{i:03d}" for i in range(runs)]} | dict(zip(names, chosen.T, strict=True)))


def _candidates(shares: Floats, runs: int, seed: int, strength: float, anchor: float, min_weight: float) -> Floats:
    """Distinct rounded mixtures, in the order drawn."""
    rng = np.random.default_rng([seed, len(shares)])
    # Square roots of the shares: small domains would else hardly ever be drawn at weights that teach something.
    centre = np.sqrt(np.maximum(shares, 1e-4))
    centre /= centre.sum()
    n = max(2000, 20 * runs)
    concentration = rng.choice(_STRENGTHS, n) * strength * len(shares)
    draws = rng.standard_gamma(np.maximum(concentration[:, None] * centre, 1e-2))
    draws[draws.sum(1) <= 0] = shares
    draws = anchor * shares + (1 - anchor) * draws / draws.sum(1, keepdims=True)
    draws[draws < min_weight] = 0.0
    kept = draws[draws.sum(1) > 0]
    rounded = np.array([round_weights(d) for d in kept])
    _, first = np.unique(rounded, axis=0, return_index=True)
    return np.asarray(rounded[np.sort(first)])


def _choose(natural: Floats, candidates: Floats, runs: int, natural_runs: int) -> Floats:
    """Greedy D-optimal rows; the inverse information matrix follows by rank-one updates."""

    def features(x: Floats) -> Floats:
        return np.hstack([np.ones((len(x), 1)), x, np.sqrt(x)])

    if len(candidates) < runs - natural_runs:
        raise ValueError(f"only {len(candidates)} distinct mixtures can be drawn for {runs} runs: lower min_weight")
    F = features(candidates)
    inverse = np.eye(F.shape[1]) / _RIDGE
    rows = [natural] * natural_runs

    def learn(f: Floats) -> None:
        v = inverse @ f
        inverse[:] -= np.outer(v, v) / (1.0 + f @ v)

    for row in rows:
        learn(features(row[None])[0])
    free = np.ones(len(F), bool)
    while len(rows) < runs:
        gain = np.einsum("ij,jk,ik->i", F, inverse, F)
        best = int(np.argmax(np.where(free, gain, -np.inf)))
        free[best] = False
        learn(F[best])
        rows.append(candidates[best])
    return np.array(rows)
