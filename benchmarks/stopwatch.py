"""Rates by CPU time: all do the same work in turns, in one process, and the median turn counts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: a turn does its work again until this many CPU seconds have passed
TURN_SECONDS = 0.2

Work = Callable[[Any], object]  #: takes the input
Entrant = Callable[[], Work]  #: imports and builds what the work needs


@dataclass(frozen=True)
class Load:
    """An input: what the work is done on, how much of it there is, and a little of it to warm up with."""

    input: Any
    amount: float
    little: Any


@dataclass(frozen=True)
class Table:
    """Rates of each entrant on each load, or the reason why there is none. The first entrant is the one compared."""

    title: str
    unit: str
    rates: Mapping[str, Mapping[str, float | str]]
    note: str

    def markdown(self) -> str:
        first, *_ = self.rates.values()
        lines = [f"## {self.title}", "", f"| {self.unit} | {' | '.join(first)} |", "|---" * (len(first) + 1) + "|"]
        for name, row in self.rates.items():
            lines.append(f"| {name} | {' | '.join(_cell(row[load], first[load]) for load in first)} |")
        return "\n".join([*lines, "", self.note, ""])


def compare(
    entrants: Mapping[str, Entrant], loads: Mapping[str, Load], repeats: int
) -> dict[str, dict[str, float | str]]:
    """``rates[entrant][load]``: amount per CPU second, the median of ``repeats`` turns; a string says why not."""
    works = {name: _prepared(prepare, loads) for name, prepare in entrants.items()}
    rates: dict[str, dict[str, float | str]] = {name: {} for name in entrants}
    for title, load in loads.items():
        turns: dict[str, list[float | str]] = {name: [] for name in entrants}
        for _ in range(repeats):
            for name, work in works.items():
                turns[name].append(_turn(work, load.input))
        for name, seconds in turns.items():
            failed = [one for one in seconds if isinstance(one, str)]
            times = [one for one in seconds if not isinstance(one, str)]
            rates[name][title] = failed[0] if failed else load.amount / statistics.median(times)
    return rates


def _prepared(prepare: Entrant, loads: Mapping[str, Load]) -> Work | str:
    """The work, warm: compilation, caches and lazy imports are not timed."""
    try:
        work = prepare()
        for load in loads.values():
            work(load.little)
    except Exception as error:  # a peer that is not there, or breaks, is a row of the table
        return f"not run: {error}"
    return work


def _turn(work: Work | str, given: Any) -> float | str:
    """CPU seconds of one doing, all threads of this process; why not, where it failed."""
    if isinstance(work, str):
        return work
    times, start = 0, time.process_time()
    while (spent := time.process_time() - start) < TURN_SECONDS:
        try:
            work(given)
        except Exception as error:
            return f"failed: {error}"
        times += 1
    return spent / times


def _cell(rate: float | str, first: float | str) -> str:
    if isinstance(rate, str):
        return rate.replace("|", "/").replace("\n", " ")
    shown = f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
    if isinstance(first, str) or rate == first:
        return shown
    ratio = first / rate
    return f"{shown} (cuvée {ratio:.0f} ×)" if ratio >= 10 else f"{shown} (cuvée {ratio:.1f} ×)"
