"""How the run treated reservations: which were found, and whether its policy acts on them."""

from __future__ import annotations

from dataclasses import dataclass

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


def of(facts: Facts) -> list[Signal]:
    policy = Policy.of_mix(facts.mix, facts.record, facts.run)
    keys = ["protocol", "agent", "value"]
    table = facts.reservations.group_by(keys).agg(pl.col("documents").sum()).sort(keys)
    return [Signal(p, a, v, n, _honoured(policy, p, a)) for p, a, v, n in table.iter_rows()]


def _honoured(policy: Policy | None, protocol: str, agent: str) -> str:
    if policy is None:
        return "unknown"
    return "yes" if policy.honours(protocol, agent) else "no"
