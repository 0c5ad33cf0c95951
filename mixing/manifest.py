"""The mix manifest of a solved mixture: weights become whole tokens, and the evidence is written beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manifests.mix import MixDomain, MixManifest, MixMetric
from mixing.pools import PoolSet
from mixing.simplex import UNITS
from mixing.solver import Constraints, Infeasible, Mixture
from mixing.surrogate import Surrogate


def compose(
    mixture: Mixture,
    surrogate: Surrogate,
    pools: PoolSet,
    *,
    tokenizer: str,
    budget: int,
    seed: int,
    policy: str = "any",
    objective: Mapping[str, float] | None = None,
    constraints: Constraints | None = None,
) -> MixManifest:
    """The manifest of ``mixture`` for ``budget`` training tokens from ``pools``.

    ``tokenizer`` is its digest; ``objective`` and ``constraints`` as given to ``solve``. Token counts of domains are
    integers that sum to the budget.
    """
    tokens = split_tokens(budget, mixture.weights)
    available, strata = pools.tokens(), pools.strata()
    domains = {
        name: MixDomain(
            weight=weight,
            tokens=tokens[name],
            available=available.get(name, 0),
            epochs=round(tokens[name] / available[name], 4) if available.get(name) else 0.0,
            pools=[s for s in strata if s.partition("~")[0] == name],
        )
        for name, weight in mixture.weights.items()
    }
    chosen = {row["metric"]: row for row in surrogate.scores.iter_rows(named=True) if row["chosen"]}
    wanted = objective or dict.fromkeys(surrogate.metrics, 1.0)
    total = sum(abs(w) for w in wanted.values())
    metrics = {
        name: MixMetric(
            weight=_six(wanted.get(name, 0.0) / total),
            predicted=_six(mixture.predicted[name]),
            natural=_six(mixture.natural_predicted[name]) if mixture.natural_predicted else None,
            sd=_six(mixture.predicted_sd[name]),
            family=surrogate.families[name],
            cv_rmse=chosen[name]["rmse"],
            cv_spearman=chosen[name]["spearman"],
        )
        for name in surrogate.metrics
    }
    found = {"predicted": mixture.objective, "natural": mixture.natural_objective, "gap": mixture.gap}
    return MixManifest(
        seed=seed,
        tokenizer=tokenizer,
        budget=budget,
        policy=policy,
        domains=domains,
        metrics=metrics,
        objective={k: None if v is None else _six(v) for k, v in found.items()},
        constraints=_summary(mixture, constraints or Constraints()),
        runs=len(surrogate.runs),
    )


def alone(
    pools: PoolSet, *, tokenizer: str, budget: int, seed: int, policy: str = "any", max_epochs: float = 4.0
) -> MixManifest:
    """The manifest of a blend of one domain: all of the budget. ``Infeasible`` when that repeats it too often."""
    (name, available), *others = pools.tokens().items()
    if others:
        raise ValueError(f"{1 + len(others)} domains: their weights are to be solved for")
    if budget > available * max_epochs:
        raise Infeasible(
            f"the budget of {budget:,} tokens repeats the {available:,} tokens of {name!r} {budget / available:.1f} "
            f"times; max_epochs is {max_epochs:g}: lower the budget or raise max_epochs"
        )
    epochs = round(budget / available, 4)
    domain = MixDomain(weight=1.0, tokens=budget, available=available, epochs=epochs, pools=[*pools.strata()])
    constraints = {"max_epochs": max_epochs}
    return MixManifest(
        seed=seed, tokenizer=tokenizer, budget=budget, policy=policy, domains={name: domain}, constraints=constraints
    )


def split_tokens(budget: int, weights: Mapping[str, float]) -> dict[str, int]:
    """``budget`` by weights in ten-thousandths, in exact integer arithmetic; what is left goes one by one, in order."""
    units = {name: round(weight * UNITS) for name, weight in weights.items()}
    tokens = {name: budget * n // UNITS for name, n in units.items()}
    rest = budget - sum(tokens.values())
    for name in sorted(units, key=lambda n: -(budget * units[n] % UNITS))[:rest]:
        tokens[name] += 1
    return tokens


def _summary(mixture: Mixture, constraints: Constraints) -> dict[str, Any]:
    """The constraints that were set, as plain values."""
    summary: dict[str, Any] = {}
    if constraints.available and constraints.budget:
        summary["max_epochs"] = constraints.max_epochs
    if constraints.bounds:
        summary["bounds"] = {name: list(bounds) for name, bounds in sorted(constraints.bounds.items())}
    if constraints.max_divergence is not None:
        summary["max_divergence"] = constraints.max_divergence
    if mixture.divergence is not None:
        summary["divergence"] = _six(mixture.divergence)
    return summary


def _six(value: float) -> float:
    return float(f"{value:.6g}")
