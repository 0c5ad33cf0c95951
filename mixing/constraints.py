"""What a mixture must obey: data at hand and how often it may be repeated, bounds, groups, nearness to natural."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Group:
    """A share of the blend with limits. ``members`` maps a domain to the part of it that counts (1: all of it)."""

    members: Mapping[str, float]
    at_least: float = 0.0
    at_most: float = 1.0


@dataclass(frozen=True)
class Constraints:
    """Everything is optional.

    A domain with ``available`` tokens gets at most ``available * max_epochs / budget`` of the weight; ``max_epochs`` is
    one number, or one for each domain named. ``decay`` is R* of Muennighoff et al. 2023 (arXiv 2305.16264), 15.4 there:
    tokens seen again are worth less and less, and the solver counts them so; None where the runs behind the surrogate
    repeated their data as the target will. ``frozen`` domains keep the given
    proportions among themselves. ``ladders`` list buckets of rising quality, whose epochs must not fall.
    ``max_divergence`` bounds the Kullback–Leibler divergence from ``natural``, in nats.
    """

    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    excluded: Collection[str] = ()
    available: Mapping[str, int] = field(default_factory=dict)
    budget: int = 0
    max_epochs: float | Mapping[str, float] = 4.0
    decay: float | None = None
    frozen: Sequence[Mapping[str, float]] = ()
    ladders: Sequence[Sequence[str]] = ()
    natural: Mapping[str, float] = field(default_factory=dict)
    max_divergence: float | None = None

    def epochs(self, domain: str) -> float:
        """How often ``domain`` may be repeated."""
        if isinstance(self.max_epochs, Mapping):
            return float(self.max_epochs.get(domain, math.inf))
        return float(self.max_epochs)

    def most(self, domain: str, tokens: int) -> float:
        """Tokens that so many of ``domain`` give, repeated as often as they may be; none give none, however often."""
        return tokens * self.epochs(domain) if tokens else 0.0

    def check(self, domains: Collection[str]) -> None:
        """ValueError for names that are no domains, and for values out of range."""
        named: dict[str, Collection[str]] = {
            "bounds": self.bounds,
            "excluded": self.excluded,
            "available": self.available,
            "natural": self.natural,
            "frozen": [d for held in self.frozen for d in held],
            "ladders": [d for ladder in self.ladders for d in ladder],
            **{f"group {name!r}": group.members for name, group in self.groups.items()},
        }
        if isinstance(self.max_epochs, Mapping):
            named["max_epochs"] = self.max_epochs
        for what, names in named.items():
            if unknown := sorted({*names} - {*domains}):
                raise ValueError(f"unknown domains in {what}: {', '.join(unknown)}; there are {', '.join(domains)}")
        for name, (least, most) in self.bounds.items():
            if not 0 <= least <= most <= 1:
                raise ValueError(f"bounds of {name} are {least:g} to {most:g}; they must rise within 0 and 1")
        for name, group in self.groups.items():
            if not 0 <= group.at_least <= group.at_most <= 1:
                said = f"{group.at_least:g} to {group.at_most:g}"
                raise ValueError(f"limits of group {name!r} are {said}; they must rise within 0 and 1")
            if wrong := [d for d, part in group.members.items() if not 0 <= part <= 1]:
                raise ValueError(f"group {name!r}: the part of {', '.join(wrong)} that counts must be within 0 and 1")
        if any(not all(0 <= w < math.inf for w in held.values()) or not sum(held.values()) > 0 for held in self.frozen):
            raise ValueError("frozen proportions must be finite and not negative, nor all zero")
        if self.budget < 0:
            raise ValueError(f"budget is {self.budget:,}; it must not be negative")
        if wrong := [d for d in domains if not self.epochs(d) > 0]:
            raise ValueError(f"max_epochs of {', '.join(wrong)} must be positive")
        if wrong := [d for d, n in self.available.items() if n < 0]:
            raise ValueError(f"available tokens of {', '.join(wrong)} are negative")
        if self.decay is not None and not (self.decay > 0 and self.budget and self.available):
            raise ValueError(
                f"decay is {self.decay:g}; it must be positive, and needs `available` tokens and a `budget`"
            )
        if any(not self.available.get(d) for ladder in self.ladders for d in ladder) or (
            self.ladders and not self.budget
        ):
            raise ValueError("ladders need the available tokens of their buckets, and a budget")
        if self.max_divergence is not None:
            if not self.natural:
                raise ValueError("max_divergence needs the natural proportions: give `natural`")
            if not self.max_divergence > 0:
                raise ValueError(f"max_divergence is {self.max_divergence:g}; it must be positive")
        shares = self.natural.values()
        if shares and not (all(math.isfinite(q) and q >= 0 for q in shares) and sum(shares) > 0):
            raise ValueError(f"natural proportions must be finite and not negative; found {dict(self.natural)}")
