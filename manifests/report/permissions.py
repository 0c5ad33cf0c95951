"""What each policy would permit of what the run kept: the same documents under other rules, without another run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from manifests.policy import Policy, shipped


@dataclass(frozen=True)
class Permission:
    policy: str
    as_of: date
    allow: list[str]
    honours_reservations: bool
    documents: int
    tokens: int
    share: float  #: of the kept tokens; of the kept documents where none is tokenized


def of(documents: pl.DataFrame) -> list[Permission]:
    """The policies that come with us, most permissive first; none before licences are concluded.

    ``documents`` has the columns keep, licence_class, reserved and tokens.
    """
    kept = documents.filter(pl.col("keep") & pl.col("licence_class").is_not_null())
    tally = kept.group_by("licence_class", "reserved").agg(pl.len(), pl.col("tokens").fill_null(0).sum())
    measure = "tokens" if tally["tokens"].sum() else "len"
    total = int(tally[measure].sum())
    found = []
    for policy in map(Policy.load, shipped() if total else []):
        rows = [r for r in tally.to_dicts() if policy.permits(r["licence_class"], reserved=bool(r["reserved"]))]
        sums = {name: sum(r[name] for r in rows) for name in ("len", "tokens")}
        found.append(
            Permission(
                policy=policy.name,
                as_of=policy.as_of,
                allow=sorted(policy.allow),
                honours_reservations=bool(policy.honour_reservations),
                documents=sums["len"],
                tokens=sums["tokens"],
                share=sums[measure] / total,
            )
        )
    return sorted(found, key=lambda p: (-p.share, p.policy))
