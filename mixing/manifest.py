"""The mix manifest of a solved mixture: weights become whole tokens, and the evidence is written beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manifests.mix import (
    MixBootstrap,
    MixBucket,
    MixDomain,
    MixManifest,
    MixMetric,
    MixObserved,
    MixPool,
    MixPrice,
    MixShare,
    MixStage,
)
from manifests.receipts import digest_of
from mixing.bootstrap import Resampled
from mixing.constraints import Constraints
from mixing.infeasible import Infeasible
from mixing.objective import Objective
from mixing.observed import Observed
from mixing.pools import PoolSet
from mixing.simplex import UNITS
from mixing.solver import Mixture
from mixing.staging import Stage
from mixing.surrogate import Surrogate
from mixing.upsampling import upsample

_BUCKET = re.compile(r"~q(\d+)$")


def compose(
    mixture: Mixture,
    surrogate: Surrogate,
    pools: PoolSet | None = None,
    *,
    tokenizer: str = "",
    budget: int = 0,
    seed: int = 0,
    policy: str = "any",
    policy_digest: str = "",
    objective: Objective | None = None,
    constraints: Constraints | None = None,
    resampled: Resampled | None = None,
    stages: Sequence[tuple[Stage, Mapping[str, float]]] = (),
    upsampling: Upsampling | None = None,
) -> MixManifest:
    """The manifest of ``mixture`` for ``budget`` training tokens from ``pools``; without both, one of weights alone.

    ``tokenizer`` is its digest; ``objective`` and ``constraints`` as given to ``solve``. Token counts of domains are
    integers that sum to the budget. ``stages`` come with their weights, as ``solve_stages`` gives them.
    """
    objective, constraints = objective or Objective(), constraints or Constraints()
    staged = [split_tokens(stage.budget, weights) for stage, weights in stages]
    tokens = split_tokens(budget, mixture.weights)
    if staged:
        tokens = {name: sum(t[name] for t in staged) for name in mixture.weights}
    available = pools.tokens() if pools else dict(constraints.available)
    strata = pools.strata() if pools else {}
    total = sum(constraints.natural.values())
    natural = {name: _six(share / total) for name, share in constraints.natural.items()}
    domains = {
        name: MixDomain(
            weight=weight,
            tokens=tokens[name],
            available=available.get(name, 0),
            epochs=round(tokens[name] / available[name], 4) if available.get(name) else 0.0,
            pools=[s for s in strata if s.partition("~")[0] == name],
            natural=natural.get(name),
            interval=resampled.intervals[name] if resampled else None,
            buckets=_buckets(name, tokens[name], strata, upsampling) if upsampling else [],
        )
        for name, weight in mixture.weights.items()
    }
    shares = objective.shares(surrogate.metrics)
    scores = {row["metric"]: row for row in surrogate.scores.iter_rows(named=True) if row["chosen"]}
    metrics = {
        name: MixMetric(
            weight=_six(shares.get(name, 0.0)),
            predicted=_six(mixture.predicted[name]),
            natural=_six(mixture.natural_predicted[name]) if mixture.natural_predicted else None,
            sd=_six(mixture.predicted_sd[name]),
            family=surrogate.families[name],
            cv_rmse=scores[name]["rmse"],
            cv_spearman=scores[name]["spearman"],
        )
        for name in surrogate.metrics
    }
    found = {"predicted": mixture.objective, "natural": mixture.natural_objective, "gap": mixture.gap}
    return MixManifest(
        seed=seed,
        tokenizer=tokenizer,
        budget=budget,
        policy=policy,
        policy_digest=policy_digest,
        domains=domains,
        stages=[_stage(s, w, t, available) for (s, w), t in zip(stages, staged, strict=True)],
        metrics=metrics,
        aim=_aim(objective),
        objective={k: None if v is None else _six(v) for k, v in found.items()},
        constraints=_summary(mixture, constraints),
        prices=[MixPrice(constraint=p.constraint, cost=_six(p.cost)) for p in mixture.prices],
        observed=_observed(mixture.observed),
        bootstrap=_bootstrap(resampled),
        runs=len(surrogate.runs),
        left_out=surrogate.left_out,
        surrogate=_fingerprint(surrogate),
        pools=found_pools(pools) if pools else {},
    )


@dataclass(frozen=True)
class Upsampling:
    """How far a domain's best quality bucket may be repeated, how much quality counts, and R* of repetition."""

    max_epochs: float
    strength: float
    decay: float


def _buckets(domain: str, tokens: int, strata: Mapping[str, int], upsampling: Upsampling) -> list[MixBucket]:
    """Of the strata that end in q1, q2 …, rising in quality; q0 has no score and counts as the least."""
    held: dict[int, dict[str, int]] = {}
    for stratum, n in strata.items():
        bucket = _BUCKET.search(stratum)
        if stratum.partition("~")[0] == domain and bucket:
            held.setdefault(int(bucket[1]), {})[stratum] = n
    if len(held) < 2:
        return []
    sizes = [sum(held[q].values()) for q in sorted(held)]
    most = max(upsampling.max_epochs, tokens / sum(sizes))
    taken = upsample(sizes, tokens, max_epochs=most, strength=upsampling.strength, decay=upsampling.decay)
    return [
        MixBucket(pools=sorted(held[q]), available=size, tokens=n, epochs=round(n / size, 4))
        for q, size, n in zip(sorted(held), sizes, taken, strict=True)
    ]


def _stage(
    stage: Stage, weights: Mapping[str, float], tokens: Mapping[str, int], available: Mapping[str, int]
) -> MixStage:
    """``epochs`` are of all the domain's tokens, so that those of the stages add up."""
    shares = {
        name: MixShare(
            weight=weight,
            tokens=tokens[name],
            epochs=round(tokens[name] / available[name], 4) if available.get(name) else 0.0,
        )
        for name, weight in weights.items()
    }
    return MixStage(
        name=stage.name,
        budget=stage.budget,
        domains=dict(sorted(shares.items())),
        min_document=stage.min_document,
        sequence_length=stage.sequence_length,
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


def _aim(objective: Objective) -> dict[str, Any]:
    """The objective as plain values; the weights of metrics are with the metrics."""
    aim: dict[str, Any] = {"kind": objective.kind}
    if objective.groups:
        aim["groups"] = {name: list(members) for name, members in objective.groups.items()}
    if objective.risk:
        aim["risk"] = objective.risk
    if objective.no_worse is not None:
        aim["no_worse"] = objective.no_worse
    return aim


def _summary(mixture: Mixture, constraints: Constraints) -> dict[str, Any]:
    """The constraints that were set, as plain values."""
    c, summary = constraints, dict[str, Any]()
    if c.available and c.budget:
        summary["max_epochs"] = dict(c.max_epochs) if isinstance(c.max_epochs, Mapping) else c.max_epochs
    if c.decay:
        summary["decay"] = c.decay
    if c.bounds:
        summary["bounds"] = {name: list(bounds) for name, bounds in sorted(c.bounds.items())}
    if c.groups:
        summary["groups"] = {
            name: {
                "at_least": group.at_least,
                "at_most": group.at_most,
                "members": {d: _six(part) for d, part in sorted(group.members.items()) if part},
            }
            for name, group in sorted(c.groups.items())
        }
    if c.excluded:
        summary["excluded"] = sorted(c.excluded)
    if c.frozen:
        summary["frozen"] = [{d: _six(w) for d, w in held.items()} for held in c.frozen]
    if c.ladders:
        summary["ladders"] = [list(ladder) for ladder in c.ladders]
    if c.max_divergence is not None:
        summary["max_divergence"] = c.max_divergence
    if mixture.divergence is not None:
        summary["divergence"] = _six(mixture.divergence)
    return summary


def _bootstrap(resampled: Resampled | None) -> MixBootstrap | None:
    if resampled is None:
        return None
    r = resampled
    return MixBootstrap(draws=r.draws, gain=r.gain, indistinguishable=r.indistinguishable)


def _observed(observed: Observed) -> MixObserved:
    numbers = {name: _six(getattr(observed, name)) for name in ("distance", "usual", "deviation", "usual_deviation")}
    confirm = [{d: w for d, w in mixture.items() if w} for mixture in observed.confirm]
    return MixObserved(outside=observed.outside, nearest=observed.nearest, confirm=confirm, **numbers)


def _fingerprint(surrogate: Surrogate) -> str:
    """Of what the surrogate plans with and learned from."""
    laws = {m: [law.family, law.parameters.tolist(), law.centre, law.scale] for m, law in surrogate.laws.items()}
    return digest_of([*surrogate.domains], laws, surrogate.mixtures.tolist())


def found_pools(pools: PoolSet) -> dict[str, MixPool]:
    """The training strata with what they hold."""
    digests: dict[str, list[str]] = {}
    for file in pools.files:
        if file.split == "train":
            digests.setdefault(file.stratum, []).append(file.digest)
    return {s: MixPool(tokens=n, digest=digest_of(digests[s])) for s, n in pools.strata().items()}


def _six(value: float) -> float:
    return float(f"{value:.6g}")
