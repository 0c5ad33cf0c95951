"""The next batch of a swarm: mixtures likely to beat what is known, and whether another batch is worth its cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.stats

from mixing.constraints import Constraints
from mixing.raking import Raking
from mixing.simplex import UNITS, Floats, round_weights
from mixing.surrogate import Surrogate
from mixing.swarm import candidates, numbered

_DRAWN = 4000
_ROUNDS = 3  #: of drawing again around the best
_NEAR = 0.1  #: distance of square roots within which two mixtures tell the same


@dataclass(frozen=True)
class Batch:
    mixtures: pl.DataFrame  #: the key and the domains
    predicted: list[float]  #: the objective of each
    best: float  #: predicted objective of the best run so far
    gain: float  #: the most improvement on it that a mixture proposed is expected to bring
    noise: float  #: deviation of the objective of one run
    worth: bool  #: whether the gain exceeds the noise; where not, stop


def propose(
    surrogate: Surrogate, pool: Floats, runs: int = 8, *, objective: Mapping[str, float] | None = None
) -> Batch:
    """``runs`` rows of ``pool[n, domains]``: half those the laws take for the best, the others those the scout does.

    A portfolio of two orders (Hoffman, Brochu and de Freitas 2011), as neither serves every objective: that of many
    metrics is often best among the runs, where the process knows more; that of one at a corner, where only a law leads.
    And the laws are corrected where they plan. None is near another or a run. What the batch is worth the scout says:
    the gain is the expected improvement (Jones, Schonlau and Welch 1998) over the predicted objective of the best run,
    as a measured one may have been lucky. ``objective`` weights metrics (default: all alike; negative where more is
    better). ValueError for unknown metrics, and a pool without new mixtures.
    """
    weight = _coefficients(surrogate, objective)
    known, _ = _objective(surrogate, surrogate.mixtures, weight)
    best = float(known.min())
    mean, sd = _objective(surrogate, pool, weight)
    z = (best - mean) / sd
    improvement = sd * (z * scipy.stats.norm.cdf(z) + scipy.stats.norm.pdf(z))
    roots, taken = np.sqrt(pool), list(np.sqrt(surrogate.mixtures))
    chosen: list[int] = []
    for order, until in zip(_orders(surrogate, pool, weight), (runs // 2, runs), strict=True):
        for i in order:
            if len(chosen) == until:
                break
            if np.square(np.array(taken) - roots[i]).sum(1).min() > _NEAR**2:
                chosen.append(int(i))
                taken.append(roots[i])
    if not chosen:
        raise ValueError("every mixture that could be proposed has been run: widen the constraints")
    gain = float(improvement[chosen].max())
    noise = float(np.sqrt(np.square(surrogate.run_noise()) @ np.square(weight)))
    columns = dict(zip(surrogate.domains, pool[chosen].T, strict=True))
    mixtures = pl.DataFrame({surrogate.key: numbered(len(chosen), len(surrogate.runs)), **columns})
    return Batch(mixtures, mean[chosen].tolist(), best, gain, noise, gain > noise)


def search(
    surrogate: Surrogate,
    natural: Mapping[str, float],
    *,
    seed: int,
    objective: Mapping[str, float] | None = None,
    constraints: Constraints | None = None,
    min_weight: float = 0.0,
) -> Floats:
    """A pool to ``propose`` from, ``float64[n, domains]``: drawn around natural, then again around the best of those.

    Weights are multiples of 1e-4 and obey bounds, caps, exclusions and groups of ``constraints``. ValueError when
    ``natural`` names other domains.
    """
    if {*natural} != {*surrogate.domains}:
        raise ValueError(f"natural names {', '.join(natural)}; the surrogate knows {', '.join(surrogate.domains)}")
    constraints = constraints or Constraints()
    shares = {d: natural[d] for d in surrogate.domains}
    weight = _coefficients(surrogate, objective)
    box = Raking.of(surrogate.domains, constraints)
    pool = candidates(shares, _DRAWN, seed=seed, min_weight=min_weight, constraints=constraints)
    rng = np.random.default_rng([seed, 1])
    for spread in np.geomspace(30, 1000, _ROUNDS):
        parents = pool[np.concatenate([order[: _DRAWN // 80] for order in _orders(surrogate, pool, weight)])]
        draws = rng.standard_gamma(np.maximum(spread * np.repeat(parents, 10, axis=0), 1e-2))
        draws = draws[draws.sum(1) > 0]
        draws /= draws.sum(1, keepdims=True)
        draws[(draws < max(min_weight, 1 / UNITS)) & (box.low == 0)] = 0.0
        pool = np.vstack([pool, box.bring(draws / draws.sum(1, keepdims=True))])
    rounded = np.array([round_weights(x, box.low, box.high) for x in pool])
    return np.asarray(np.unique(rounded, axis=0), np.float64)


def _coefficients(surrogate: Surrogate, objective: Mapping[str, float] | None) -> Floats:
    objective = objective or dict.fromkeys(surrogate.metrics, 1.0)
    if unknown := [m for m in objective if m not in surrogate.metrics]:
        raise ValueError(f"unknown metrics {', '.join(unknown)}; there are {', '.join(surrogate.metrics)}")
    total = sum(abs(w) for w in objective.values())
    if not np.isfinite(total) or total <= 0:
        raise ValueError(f"weights of metrics must be finite and not all zero; found {dict(objective)}")
    return np.array([objective.get(m, 0.0) / total for m in surrogate.metrics])


def _objective(surrogate: Surrogate, X: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation, ``float64[n]`` each; errors of metrics are taken as independent."""
    mean, sd = surrogate.scout(X)
    return mean @ weight, np.sqrt(np.square(sd) @ np.square(weight))


def _orders(surrogate: Surrogate, X: Floats, weight: Floats) -> list[npt.NDArray[np.int64]]:
    """Rows of ``X`` from the best, by the laws and by the scout."""
    return [np.argsort(metrics @ weight, kind="stable") for metrics in (surrogate.means(X), surrogate.scout(X)[0])]
