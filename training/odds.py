"""Log odds of words, each page one vote, drawn towards the average where few pages have the word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.html.elements import hash_table

Votes = dict[int, float]  #: of a page: share of main text, by the hash of the word
#: votes that every word starts with
_PRIOR = 4.0


@dataclass(frozen=True)
class Table:
    """``yes[k]`` of ``pages[k]`` pages vote for the word with slot ``slots[hash]``; odds are beside ``keys``."""

    keys: npt.NDArray[np.uint32]
    odds: npt.NDArray[np.float32]
    slots: dict[int, int]
    yes: dict[int, float]
    pages: dict[int, int]
    base: float

    def all(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        return self.keys, self.odds

    def without(self, votes: Votes) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """As if the page that cast these votes had not been there."""
        odds = self.odds.copy()
        for key, vote in votes.items():
            if key in self.slots:
                odds[self.slots[key]] = _odds(self.yes[key] - vote, self.pages[key] - 1, self.base)
        return self.keys, odds


def table(pages: Iterable[tuple[str, Votes]], least_sites: int) -> Table:
    """From (site, votes) of each page; words of fewer sites are left out."""
    yes: dict[int, float] = defaultdict(float)
    count: dict[int, int] = defaultdict(int)
    sites: dict[int, set[str]] = defaultdict(set)
    for site, votes in pages:
        for key, vote in votes.items():
            yes[key] += vote
            count[key] += 1
            sites[key].add(site)
    words = sorted(key for key in yes if len(sites[key]) >= least_sites)
    base = sum(yes[key] for key in words) / sum(count[key] for key in words)
    keys, _ = hash_table(dict.fromkeys(words, 0), max(4, (2 * len(words)).bit_length()))
    slots = {int(keys[slot]): int(slot) for slot in np.flatnonzero(keys)}
    odds = np.zeros(len(keys), np.float32)
    for key, slot in slots.items():
        odds[slot] = _odds(yes[key], count[key], base)
    return Table(keys, odds, slots, dict(yes), dict(count), base)


def _odds(yes: float, pages: float, base: float) -> float:
    share = min(max((yes + _PRIOR * base) / (pages + _PRIOR), 0.005), 0.995)
    return float(np.log(share / (1 - share)) - np.log(base / (1 - base)))
