"""What repeated tokens are worth: Muennighoff et al. 2023 (arXiv 2305.16264), equation 5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mixing.constraints import Constraints
from mixing.simplex import Floats

DECAY = 15.4  #: R* fitted there: after that many repetitions, a token has 1 − 1/e of all the worth it will have


def worth(epochs: Floats, decay: float) -> Floats:
    """Epochs of fresh data that ``epochs`` of the same data are worth: ``1 + R*(1 − exp(−(epochs − 1)/R*))``."""
    again = np.maximum(epochs - 1.0, 0.0)
    return np.minimum(epochs, 1.0) + decay * -np.expm1(-again / decay)


def marginal_worth(epochs: Floats, decay: float) -> Floats:
    """Derivative of ``worth``."""
    return np.exp(-np.maximum(epochs - 1.0, 0.0) / decay)


class Repetition:
    """Weights to the weights that count, given the data at hand; the identity where nothing decays."""

    def __init__(self, domains: Sequence[str], constraints: Constraints) -> None:
        known = constraints.available if constraints.decay and constraints.budget else {}
        share = np.array([known[d] / constraints.budget if d in known else np.inf for d in domains], np.float64)
        #: the weight at which a domain is read once
        self.once = np.maximum(share, 1e-12)
        self.decay = constraints.decay if known else None

    def effective(self, x: Floats) -> tuple[Floats, Floats]:
        """``float64[m]`` weights that count, and their derivatives by the weights."""
        if self.decay is None:
            return x, np.ones_like(x)
        finite = np.isfinite(self.once)
        once = np.where(finite, self.once, 1.0)
        epochs = np.where(finite, x / once, 0.0)
        counted = np.where(finite, once * worth(epochs, self.decay), x)
        return counted, np.where(finite, marginal_worth(epochs, self.decay), 1.0)
