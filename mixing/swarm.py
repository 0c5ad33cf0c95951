"""Swarm design: which mixtures to train proxies on, so that few runs tell much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from mixing.constraints import Constraints
from mixing.raking import Raking
from mixing.simplex import Floats, round_weights

#: total Dirichlet concentrations per domain, from nearly one-hot to nearly natural (RegMix, arXiv 2407.01492, uses
#: 15 log-spaced values over about this range)
_STRENGTHS = np.geomspace(0.1, 5.0, 15)
_RIDGE = 1e-3
_ANYTHING = Constraints()


def design(
    natural: Mapping[str, float],
    runs: int,
    *,
    seed: int,
    strength: float = 1.0,
    temperature: float = 0.5,
    anchor: float = 0.2,
    min_weight: float = 0.0,
    natural_runs: int = 1,
    unimax: Mapping[str, float] | None = None,
    constraints: Constraints = _ANYTHING,
) -> pl.DataFrame:
    """A swarm of ``runs`` mixtures: column ``run`` (r000 …) and one column of weights per domain of ``natural``.

    The first ``natural_runs`` rows are the natural proportions (several are repeats, which tell the noise), the next is
    ``unimax`` where given. The others are chosen greedily from ``candidates`` so that the determinant of the
    information matrix of [x, √x] grows most (D-optimality): designed so, 64 runs inform as much as several hundred
    random ones. ``constraints`` hold for all but the anchors: bounds, caps, exclusions and groups. Every weight is a
    multiple of 1e-4 and every row sums to one. ValueError for fewer than two domains or runs, and where too few
    mixtures can be drawn.
    """
    names = list(natural)
    shares = _shares(natural)
    anchors = [round_weights(shares)] * natural_runs
    if unimax is not None:
        anchors.append(round_weights(np.array([unimax.get(n, 0.0) for n in names])))
    if natural_runs < 1 or len(anchors) >= runs:
        raise ValueError(f"runs is {runs}; a swarm needs {len(anchors) + 1} or more, {len(anchors)} of them anchors")
    drawn = candidates(
        natural, max(2000, 20 * runs), seed=seed, strength=strength, temperature=temperature, anchor=anchor,
        min_weight=min_weight, constraints=constraints,
    )  # fmt: skip
    box = Raking.of(names, constraints)
    rows, taken = list(anchors), {row.tobytes() for row in anchors}
    for i in informative(drawn, np.array(anchors)):
        row = round_weights(drawn[i], box.low, box.high)
        if row.tobytes() not in taken:
            taken.add(row.tobytes())
            rows.append(row)
        if len(rows) == runs:
            return pl.DataFrame({"run": numbered(runs)} | dict(zip(names, np.array(rows).T, strict=True)))
    raise ValueError(
        f"only {len(taken)} distinct mixtures can be drawn for {runs} runs: lower min_weight or widen the constraints"
    )


def candidates(
    natural: Mapping[str, float],
    count: int,
    *,
    seed: int,
    strength: float = 1.0,
    temperature: float = 0.5,
    anchor: float = 0.0,
    min_weight: float = 0.0,
    constraints: Constraints = _ANYTHING,
) -> Floats:
    """About ``count`` mixtures, ``float64[n, domains]``: Dirichlet, around the natural shares to a power.

    At 1 small domains are hardly ever drawn at weights that teach something, at 0 all domains are alike. ``strength``
    scales the concentration (small: sparser mixtures). Each keeps a share ``anchor`` of the natural mixture: corners of
    the simplex inform most by count and least about any mixture one would train on, as laws bend sharply there. Weights
    below ``min_weight`` become zero, but for what ``constraints`` ask.
    """
    shares = _shares(natural)
    for name, value, least, most in (("anchor", anchor, 0, 1), ("min_weight", min_weight, 0, 1)):
        if not least <= value < most:
            raise ValueError(f"{name} is {value:g}; it must be at least {least} and below {most}")
    for name, value in (("strength", strength), ("temperature", temperature)):
        if not (value > 0 or (name == "temperature" and value == 0)) or not np.isfinite(value):
            raise ValueError(f"{name} is {value:g}; it must be positive")
    rng = np.random.default_rng([seed, len(shares)])
    centre = np.maximum(shares, 1e-4) ** temperature
    centre /= centre.sum()
    concentration = rng.choice(_STRENGTHS, count) * strength * len(shares)
    draws = rng.standard_gamma(np.maximum(concentration[:, None] * centre, 1e-2))
    draws[draws.sum(1) <= 0] = shares
    draws = anchor * shares + (1 - anchor) * draws / draws.sum(1, keepdims=True)
    box = Raking.of(list(natural), constraints)
    draws[(draws < min_weight) & (box.low == 0)] = 0.0
    draws = draws[draws.sum(1) > 0]
    return box.bring(draws / draws.sum(1, keepdims=True))


def informative(X: Floats, given: Floats | None = None) -> Iterator[int]:
    """Rows of ``X[n, m]`` in the order in which they tell most beyond ``given[k, m]`` and those before (D-optimal).

    The gain of a row is its leverage in the ridge regression on [1, x, √x]; one more row changes all by rank one.
    """
    F = _features(X)
    inverse = np.eye(F.shape[1]) / _RIDGE
    for f in _features(given) if given is not None else ():
        v = inverse @ f
        inverse -= np.outer(v, v) / (1 + f @ v)
    gain = np.einsum("ij,jk,ik->i", F, inverse, F)
    for _ in range(len(F)):
        best = int(np.argmax(gain))
        yield best
        v = inverse @ F[best]
        scale = 1 + F[best] @ v
        gain -= np.square(F @ v) / scale
        inverse -= np.outer(v, v) / scale
        gain[best] = -np.inf


def unimax(available: Mapping[str, int], budget: int, max_epochs: float = 4.0) -> dict[str, float]:
    """As even as the data allow: no domain is repeated more than ``max_epochs`` times (UniMax, arXiv 2304.09151)."""
    if budget <= 0 or any(n < 0 for n in available.values()) or sum(available.values()) <= 0:
        raise ValueError("UniMax needs a positive budget and the tokens of every domain")
    left, weights = 1.0, {}
    smallest_first = sorted(available, key=lambda d: (available[d], d))
    for i, domain in enumerate(smallest_first):
        weights[domain] = min(left / (len(smallest_first) - i), available[domain] * max_epochs / budget)
        left -= weights[domain]
    total = sum(weights.values())  # below one where all the data repeated do not fill the budget
    return {domain: weights[domain] / total for domain in available}


def numbered(count: int, first: int = 0) -> list[str]:
    """Names of runs."""
    return [f"r{i:03d}" for i in range(first, first + count)]


def _shares(natural: Mapping[str, float]) -> Floats:
    if len(natural) < 2:
        raise ValueError(f"a swarm needs two domains or more; found {[*natural]}")
    if "run" in natural:
        raise ValueError("a domain cannot be called 'run': the column of a swarm that names its runs is")
    shares = np.array([*natural.values()], np.float64)
    if not np.all(np.isfinite(shares)) or shares.min() < 0 or shares.sum() <= 0:
        raise ValueError(f"natural shares must be finite, not negative and not all zero; found {dict(natural)}")
    return np.asarray(shares / shares.sum(), np.float64)


def _features(X: Floats) -> Floats:
    return np.hstack([np.ones((len(X), 1)), X, np.sqrt(X)])
