"""Earlier runs after the domains have changed: what they say of the new ones, and which few runs are still needed.

Mixture reuse of Olmix (arXiv 2602.12237): domains that did not change keep their proportions among themselves and count
as one, so that a swarm over that one and the new domains is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

_GONE = 1e-3  #: a run may have this much of a removed domain and still be used without it


@dataclass(frozen=True)
class Changes:
    """From the domains that runs were made with to those there are now.

    A split domain maps to the shares its data has in the new ones: a run that drew from it drew from them so. A domain
    whose data was filtered anew is removed under its old name and added under another.
    """

    removed: Sequence[str] = ()
    added: Sequence[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    split: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def carry(weights: pl.DataFrame, key: str, changes: Changes) -> tuple[pl.DataFrame, dict[str, str]]:
    """The runs as mixtures of the new domains, and those that cannot be, with the reason.

    ``weights`` has ``key`` and a column for every old domain; the result has one for every new domain. Merging is
    renaming several to one. ValueError for domains that are not there, named twice, or shares that do not sum to one.
    """
    domains = [c for c in weights.columns if c != key]
    named = [*changes.removed, *changes.renamed, *changes.split]
    if unknown := [d for d in named if d not in domains]:
        raise ValueError(f"unknown domains {', '.join(unknown)}; the runs have {', '.join(domains)}")
    if twice := sorted({d for d in named if named.count(d) > 1}):
        raise ValueError(f"domains changed in two ways: {', '.join(twice)}")
    for name, parts in changes.split.items():
        if not abs(sum(parts.values()) - 1) <= 1e-6 or any(share < 0 for share in parts.values()):
            raise ValueError(f"the shares that {name} is split into must be positive and sum to 1: {dict(parts)}")
    into: dict[str, list[pl.Expr]] = {}
    for old in domains:
        if old in changes.removed:
            continue
        for new, share in changes.split.get(old, {changes.renamed.get(old, old): 1.0}).items():
            into.setdefault(new, []).append(pl.col(old) * share)
    if both := sorted({*changes.added} & {*into}):
        raise ValueError(f"added domains that the runs already have: {', '.join(both)}")
    if key in {*changes.added, *into}:
        raise ValueError(f"a domain cannot be called {key!r}, as the column that names the runs")
    if not into:
        raise ValueError("no domain of the runs is left: there is nothing to carry over")
    gone = pl.sum_horizontal([pl.lit(0.0), *(pl.col(d) for d in changes.removed)])
    kept = weights.filter(gone <= _GONE)
    lost = weights.filter(gone > _GONE)
    left_out = {str(run): f"drew from removed domains: {', '.join(changes.removed)}" for run in lost[key]}
    columns = [pl.sum_horizontal(terms).alias(new) for new, terms in into.items()]
    moved = kept.select(key, *columns, *(pl.lit(0.0).alias(d) for d in changes.added))
    total = pl.sum_horizontal(c for c in moved.columns if c != key)
    return moved.with_columns((pl.col(c) / total).alias(c) for c in moved.columns if c != key), left_out


def collapse(weights: Mapping[str, float], name: str, free: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """A mixture with all domains that are not ``free`` as one, called ``name``; and their proportions within it."""
    if unknown := [d for d in free if d not in weights]:
        raise ValueError(f"unknown domains {', '.join(unknown)}; there are {', '.join(weights)}")
    inner = {d: w for d, w in weights.items() if d not in free}
    total = sum(inner.values())
    if total <= 0:
        raise ValueError("no weight is left to hold together: free fewer domains")
    return {name: total, **{d: weights[d] for d in free}}, {d: w / total for d, w in inner.items()}


def expand(outer: pl.DataFrame, name: str, inner: Mapping[str, float]) -> pl.DataFrame:
    """Mixtures over collapsed domains as mixtures of all: the swarm that proxies are trained on."""
    others = [c for c in outer.columns if c != name]
    return outer.select(*others, *((pl.col(name) * share).alias(d) for d, share in inner.items()))
