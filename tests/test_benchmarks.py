"""The benchmarks run; nothing here depends on time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import dedup, rules
from benchmarks.stopwatch import Load, Table, compare


def test_the_smallest_benchmark_runs_on_five_texts() -> None:
    table = rules.run(
        {"five": [f"Text {k}: the words of a sentence.\nAnd of another one." for k in range(5)]}, repeats=1
    )
    *ours, peer = table.rates.values()
    assert all(isinstance(rates["five"], float) for rates in ours)
    assert isinstance(peer["five"], float) or "not run" in peer["five"]
    assert table.markdown().count("\n| ") == 4


def test_a_peer_that_is_missing_or_breaks_is_a_row_that_says_so() -> None:
    def missing() -> Callable[[Any], object]:
        raise ImportError("No module named 'peer'")

    def fails_at(size: int) -> None:
        if size > 1:
            raise ValueError("too much | at once")
        return

    loads = {"two": Load(2, amount=2.0, little=1)}
    rates = compare({"ours": lambda: sum_to, "missing": missing, "broken": lambda: fails_at}, loads, repeats=1)
    assert rates["missing"] == {"two": "not run: No module named 'peer'"}
    assert rates["broken"] == {"two": "failed: too much | at once"}
    assert "too much / at once" in Table("", "", rates, "").markdown()


def test_the_exchange_finds_the_copies_it_made(tmp_path: Path) -> None:
    _, pairs, groups = dedup.exchange(40_000, tmp_path)
    assert groups == 500  # a quarter of the 2,000 documents of each part, each with one of the other
    assert 500 <= pairs <= 1000  # by two keys, in one partition or in two


def sum_to(size: int) -> int:
    return sum(range(size))
