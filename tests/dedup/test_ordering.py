"""The order is that of a stable sort by both, whatever comes in."""

from __future__ import annotations

import numpy as np
import pytest

from dedup.ordering import in_order


@pytest.mark.parametrize("distinct", [1, 5, 400, 1 << 40])
@pytest.mark.parametrize("runs", [0, 1, 3])
@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("n", [0, 1, 5000])
def test_order_is_that_of_lexsort(distinct: int, runs: int, rising: bool, n: int) -> None:
    rng = np.random.default_rng(n + runs)
    keys = rng.integers(0, distinct, n).astype(np.uint64)
    if runs:
        keys = np.concatenate([np.sort(x) for x in np.array_split(keys, runs)])
    seconds = np.arange(n) if rising else rng.permutation(n)
    assert (in_order(keys, seconds) == np.lexsort((seconds, keys))).all()
