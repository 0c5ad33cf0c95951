"""Requests again, after pauses, when a store is away or overloaded for a while."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

#: outlasts a store that is away for a minute: with the pauses below, 62 seconds at the least, 93 in expectation
ATTEMPTS = 24
_FIRST, _GROWTH, _LONGEST = 0.01, 1.5, 20.0  # seconds, and what they grow by

T = TypeVar("T")


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: short at first, half as long again each time, half of it chance.

    A store that refuses half of all requests costs a request 15 ms, so: pauses that double would cost as much at every
    length up to the longest (Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015: "equal jitter").
    """
    return min(_LONGEST, _FIRST * _GROWTH ** (failures - 1)) * (1 + random.random()) / 2


def retrying(call: Callable[[], T], passes: Callable[[Exception], bool], attempts: int = ATTEMPTS) -> T:
    """``call()``, again while it raises what ``passes``, after pauses."""
    for failures in range(1, attempts + 1):
        try:
            return call()
        except Exception as error:
            if failures == attempts or not passes(error):
                raise
        time.sleep(pause(failures))
    raise AssertionError("unreachable")
