"""From what a recipe or a file asks to what the solver takes: objective and constraints over the domains there are."""

from __future__ import annotations

from collections.abc import Mapping

from mixing.constraints import Constraints, Group
from mixing.objective import Objective
from pipelines import selection
from pipelines.recipe.solving import DomainGroup, Solve, SolveFile


def objective(section: Solve) -> Objective:
    return Objective(
        weights=section.metrics,
        kind=section.objective,
        groups=section.metric_groups,
        risk=section.risk,
        no_worse=section.no_worse,
    )


def constraints(
    section: Solve,
    domains: list[str],
    *,
    strata: Mapping[str, int] | None = None,
    budget: int = 0,
    natural: Mapping[str, float] | None = None,
) -> Constraints:
    """``strata`` are the tokens of each pool; without them, tokens are those that the file names, if it names any.

    Domains without tokens may be named where they are kept out or down, but nothing can be asked of them.
    """
    file = section if isinstance(section, SolveFile) else None
    available: Mapping[str, int] = file.available if file else {}
    if strata is not None:
        available = {**dict.fromkeys(domains, 0), **_by_domain(strata)}  # what has no pool has no tokens
    budget = budget or (file.budget if file else 0)
    for name, (least, _) in section.bounds.items():
        if strata is not None and least > 0 and name not in domains:
            raise ValueError(f"bounds ask {least:.0%} of {name!r}, which has no tokens; there are {', '.join(domains)}")

    def known(name: str) -> bool:
        return strata is None or name in domains

    epochs = section.max_epochs
    return Constraints(
        bounds={name: limits for name, limits in section.bounds.items() if known(name)},
        groups={name: _group(name, group, strata, domains) for name, group in section.groups.items()},
        excluded=[name for name in section.excluded if known(name)],
        frozen=[kept for held in section.frozen if (kept := {d: w for d, w in held.items() if known(d)})],
        available=available,
        budget=budget,
        max_epochs={d: n for d, n in epochs.items() if known(d)} if isinstance(epochs, dict) else epochs,
        decay=section.decay,
        ladders=file.ladders if file else (),
        natural=natural or {},
        max_divergence=section.max_divergence,
    )


def _by_domain(strata: Mapping[str, int]) -> dict[str, int]:
    tokens: dict[str, int] = {}
    for stratum, n in strata.items():
        domain = stratum.partition("~")[0]
        tokens[domain] = tokens.get(domain, 0) + n
    return tokens


def _group(name: str, group: DomainGroup, strata: Mapping[str, int] | None, domains: list[str]) -> Group:
    """A group of whole domains; or of licence classes or origins, of which each domain counts by its tokens of them."""
    if group.domains:
        members = dict.fromkeys(group.domains, 1.0)
        if strata is not None:
            members = {d: part for d, part in members.items() if d in domains}
        return Group(members, group.at_least, group.at_most)
    if strata is None:
        raise ValueError(f"group {name!r} names licences or origins, which only pools have: name its domains")
    total = _by_domain(strata)
    counted = _by_domain({s: n for s, n in strata.items() if _belongs(s, group)})
    return Group({d: counted.get(d, 0) / n for d, n in total.items() if n}, group.at_least, group.at_most)


def _belongs(stratum: str, group: DomainGroup) -> bool:
    if group.licences:
        return selection.licence_of(stratum)[0] in group.licences
    return selection.origin_of(stratum) in group.origins
