"""How the run treated reservations: which were found, and whether its policy acts on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from manifests.exports.facts import Facts
from manifests.policy import Policy


@dataclass(frozen=True)
class Signal:
    protocol: str
    agent: str
    value: str
    documents: int  #: in the data set
    honoured: str  #: yes, no, unknown


def policy_of(facts: Facts) -> Policy | None:
    """The policy of the mix; None when there is none, or what its name stands for has changed since."""
    if facts.mix is None:
        return None
    try:
        policy = Policy.load(facts.mix.policy)
        if day := (facts.recipe.get("mix") or {}).get("as_of"):
            policy = replace(policy, as_of=date.fromisoformat(str(day)))
    except ValueError:
        return None
    return policy if policy.digest == facts.mix.policy_digest else None


def of(facts: Facts) -> list[Signal]:
    policy = policy_of(facts)
    keys = ["protocol", "agent", "value"]
    table = facts.reservations.group_by(keys).agg(pl.col("documents").sum()).sort(keys)
    return [Signal(p, a, v, n, _honoured(policy, p, a)) for p, a, v, n in table.iter_rows()]


def _honoured(policy: Policy | None, protocol: str, agent: str) -> str:
    if policy is None:
        return "unknown"
    return "yes" if policy.honours(protocol, agent) else "no"
