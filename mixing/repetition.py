"""What repeated tokens are worth: Muennighoff et al. 2023 (arXiv 2305.16264), equation 5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mixing.constraints import Constraints
from mixing.simplex import Floats

Ints = npt.NDArray[np.int64]
DECAY = 15.4  #: R* fitted there: after that many repetitions, a token has 1 − 1/e of all the worth it will have


def worth(epochs: Floats, decay: float) -> Floats:
    """Epochs of fresh data that ``epochs`` of the same data are worth: ``1 + R*(1 − exp(−(epochs − 1)/R*))``."""
    again = np.maximum(epochs - 1.0, 0.0)
    return np.minimum(epochs, 1.0) + decay * -np.expm1(-again / decay)


def marginal_worth(epochs: Floats, decay: float) -> Floats:
    """Derivative of ``worth``."""
    return np.exp(-np.maximum(epochs - 1.0, 0.0) / decay)


class Repetition:
    """Weights to the weights that count, given the data at hand; the identity where nothing decays.

    Of several stages that read the same domain, every token counts as the average one of all stages: nothing is known
    of the order. Then what counts in one stage falls with what the others read, and that is not concave.
    """

    def __init__(self, once: Floats, decay: float | None, domain: Ints, stage: Ints, shares: Floats) -> None:
        """``once[m]`` is the weight at which a domain is read once; ``domain`` and ``stage`` number what each is of.

        ``shares`` are those of the stages in all weight.
        """
        self.decay = decay if np.isfinite(once).any() else None
        self.once = np.maximum(once, 1e-12)
        self.concave = self.decay is None or len(np.unique(domain)) == len(domain)
        self.stage = stage
        self._shares = shares
        self._kin = (domain[:, None] == domain).astype(np.float64)
        self.mates = (stage[:, None] == stage).astype(np.float64)  #: rows mark the domains of one's own stage

    @classmethod
    def of(cls, domains: Sequence[str], constraints: Constraints) -> Repetition:
        """Of a single stage."""
        known = constraints.available if constraints.decay and constraints.budget else {}
        once = [known[d] / constraints.budget if d in known else np.inf for d in domains]
        every, one = np.arange(len(domains)), np.zeros(len(domains), np.int64)
        return cls(np.array(once, np.float64), constraints.decay, every, one, np.ones(1))

    def effective(self, x: Floats) -> tuple[Floats, Floats]:
        """``float64[m]`` weights that count, and their derivatives by the weights, ``float64[m, m]``."""
        if self.decay is None:
            return x, np.eye(len(x))
        finite = np.isfinite(self.once)
        once = np.where(finite, self.once, 1.0)
        epochs = np.where(finite, np.maximum(self._kin @ x / once, 1.0), 1.0)  # up to one, all of it counts
        average = worth(epochs, self.decay) / epochs
        falls = (marginal_worth(epochs, self.decay) - average) / epochs / once * (epochs > 1)
        return x * average, np.diag(average) + (x * falls)[:, None] * self._kin

    def lost(self, counted: Floats) -> Floats:
        """The weight that does not count in the stage of each domain, ``float64[m]``."""
        return np.asarray(np.maximum(self._shares[self.stage] - self.mates @ counted, 0.0), np.float64)
