"""What ``mixing.solve`` takes for 24 domains and 50 metrics, and how sure its answers are: objectives by laws."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

import mixing
from mixing.constraints import Constraints, Group
from mixing.objective import Objective

DOMAINS, METRICS, RUNS, GROUPS = 24, 50, 128, 10
FAMILIES = ("power_law_concave", "log_linear", "ridge")

NOTE = f"""CPU seconds of one solve in all, of {DOMAINS} domains and {METRICS} metrics under bounds, a group, caps of
repetition and a divergence of 0.3 nats, after one that is not counted; in brackets the certificate: no other mixture's
objective is lower by more (weights are whole ten-thousandths; the metrics lie between 2 and 3). The metrics are made
up: {RUNS} designed runs of random laws of √x with a deviation of noise of 2 %."""


def rows() -> Iterator[str]:
    """The table, as Markdown."""
    yield f"| solve, CPU s (gap) | {' | '.join(FAMILIES)} |"
    yield "|---|" + "---|" * len(FAMILIES)
    weights, metrics = _swarm()
    names = metrics.columns[1:]
    groups = {f"g{i}": names[i::GROUPS] for i in range(GROUPS)}
    aims = {
        "mean": Objective(),
        "worst of 10 groups": Objective(kind="worst", groups=groups),
        "worst of 50 metrics": Objective(kind="worst"),
        "mean, no metric worse": Objective(no_worse=0.01),
        "risk-averse mean": Objective(risk=1.0),
        "risk-averse worst, no metric worse": Objective(kind="worst", groups=groups, risk=2.0, no_worse=0.02),
    }
    tokens = {d: int(1e9 * float(weights[d][0])) for d in weights.columns[1:]}  # the first run is the natural mixture
    constraints = Constraints(
        natural={d: float(n) for d, n in tokens.items()},
        max_divergence=0.3,
        bounds=dict.fromkeys(tokens, (0.0, 0.4)),
        groups={"licensed": Group(dict.fromkeys([*tokens][:8], 1.0), at_least=0.3)},
        available=tokens,
        budget=2_000_000_000,
    )
    surrogates = [mixing.fit(weights, metrics, family=family) for family in FAMILIES]
    for surrogate in surrogates:
        mixing.solve(surrogate, Objective(risk=1.0), constraints)  # what is imported on the way
    for title, aim in aims.items():
        for kind, limits in (("", constraints), (", repetition decays", replace(constraints, decay=15.4))):
            cells = []
            for surrogate in surrogates:
                start = time.process_time()
                found = mixing.solve(surrogate, aim, limits)
                seconds = time.process_time() - start
                cells.append(f"{seconds:.2f} ({'none' if found.gap is None else f'{found.gap:.0e}'})")
            row = f"| {title}{kind} | {' | '.join(cells)} |"
            print(row, flush=True)
            yield row


def _swarm() -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(0)
    natural = dict(zip((f"d{i:02d}" for i in range(DOMAINS)), rng.dirichlet(np.full(DOMAINS, 2.0)), strict=True))
    weights = mixing.design(natural, RUNS, seed=0, natural_runs=3)
    help_, X = rng.gamma(0.5, 1.0, (METRICS, DOMAINS)), weights.drop("run").to_numpy()
    Y = 2 + np.exp(-np.sqrt(X) @ help_.T)
    Y += rng.normal(0, 0.02, Y.shape) * Y.std(0)
    return weights, pl.DataFrame({"run": weights["run"], **{f"m{i:02d}": y for i, y in enumerate(Y.T)}})
