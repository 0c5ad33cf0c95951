"""Requests again, after pauses, when a store is away or overloaded for a while."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

ATTEMPTS = 16
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 20.0  # seconds

T = TypeVar("T")


def retrying(call: Callable[[], T], passes: Callable[[Exception], bool], attempts: int = ATTEMPTS) -> T:
    """``call()``, again while it raises what ``passes``: after pauses that double and are jittered in full.

    The schedule outlasts, in expectation, a store that is away for a minute (Brooker, Exponential Backoff And Jitter,
    AWS Architecture Blog, 2015).
    """
    for attempt in range(attempts):
        try:
            return call()
        except Exception as error:
            if attempt == attempts - 1 or not passes(error):
                raise
        time.sleep(random.random() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt))
    raise AssertionError("unreachable")
