"""Quality-aware upsampling: how often each quality bucket of a domain is repeated, for the tokens it is to give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mixing.repetition import DECAY
from mixing.simplex import Floats, whole

#: how much more a token of a better bucket is worth. A choice, not a measurement: of ten equal buckets read once on the
#: whole, the worst half is left out and the best is read three times
STRENGTH = 0.25


def upsample(
    tokens: Sequence[int],
    total: int,
    *,
    max_epochs: float,
    values: Sequence[float] | None = None,
    strength: float = STRENGTH,
    decay: float = DECAY,
) -> list[int]:
    """Tokens to take of each bucket, of rising quality, that sum to ``total``.

    A bucket's first pass is worth its value a token, and each further one less (Muennighoff et al. 2023): the tokens go
    where they are worth most, so all buckets that are repeated are worth the same at the margin,
    ``values · exp(−(epochs − 1)/decay)``. The epochs rise with quality, from none of the worst to ``max_epochs`` of the
    best, as on the curves of OLMo 3 (Ai2 2025). ``values`` must not fall; by default they are the middles of the
    buckets' quantiles to the power of ``strength``. ValueError when ``max_epochs`` of all do not give ``total``.
    """
    U = np.asarray(tokens, np.float64)
    v = ((np.arange(len(U)) + 0.5) / len(U)) ** strength if values is None else np.asarray(values, np.float64)
    if len(v) != len(U) or not np.all(np.isfinite(v)) or (v <= 0).any() or (np.diff(v) < 0).any():
        raise ValueError(f"values of {len(U)} buckets must be positive and not fall; found {v.tolist()}")
    if total > U.sum() * max_epochs * (1 + 1e-9):
        raise ValueError(
            f"{total:,} tokens repeat {int(U.sum()):,} more than {max_epochs:g} times: raise max_epochs of buckets"
        )
    low, high = float(v.min()) * np.exp(-max_epochs / decay) / 2, float(v.max()) * 2
    for _ in range(200):
        price = (low + high) / 2
        if float(U @ _epochs(v, price, max_epochs, decay)) > total:
            low = price
        else:
            high = price
    epochs = _epochs(v, high, max_epochs, decay)
    # at the price where a bucket's first pass begins to pay, any part of it is as good: buckets worth as much share it
    marginal = np.isclose(v, high, rtol=1e-9) & (epochs < 1)
    room = U * marginal
    if room.sum() > 0:
        epochs += marginal * min(1.0, max(0.0, (total - float(U @ epochs)) / room.sum()))
    taken = U * epochs
    return [int(n) for n in whole(taken * (total / taken.sum()) if taken.sum() > 0 else taken, total)]


def _epochs(values: Floats, price: float, most: float, decay: float) -> Floats:
    """How often each bucket is read when a token must be worth more than ``price``."""
    with np.errstate(divide="ignore"):
        again = decay * np.log(values / price)
    return np.where(values > price, np.minimum(1 + again, most), 0.0)
