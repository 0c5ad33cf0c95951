"""How the run treated reservations: which protocols were found, and whether its policy acts on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from manifests.exports.facts import Facts
from manifests.policy import Policy


@dataclass(frozen=True)
class Signal:
    protocol: str
    value: str
    documents: int  #: in the data set; one counts for each agent that is named
    honoured: str  #: yes, no, unknown


def policy_of(facts: Facts) -> Policy | None:
    """The policy of the mix None when there is none, or what its name stands for has changed since."""
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
    table = facts.reservations.group_by("protocol", "value").agg(pl.col("documents").sum()).sort("protocol", "value")
    return [Signal(p, v, n, _honoured(policy, p)) for p, v, n in table.iter_rows()]


def _honoured(policy: Policy | None, protocol: str) -> str:
    if policy is None:
        return "unknown"
    return "yes" if protocol in policy.honour_reservations else "no"
