"""Why no mixture meets the constraints: the fewest of them that cannot be met together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Infeasible(ValueError):
    """No mixture meets the constraints; the message names those that clash, of which each is needed for the clash."""


def irreducible(items: Sequence[Item], feasible: Callable[[Sequence[Item]], bool]) -> list[Item]:
    """Of items that cannot be met together, some that still cannot, but can without any one of them.

    The deletion filter (Chinneck and Dravnieks 1991): as many questions as there are items.
    """
    kept = list(items)
    for item in items:
        without = [other for other in kept if other is not item]
        if not feasible(without):
            kept = without
    return kept
