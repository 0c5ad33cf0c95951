"""Windows of tokens for training: many mapped arrays read as one endless stream, and each run's order through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mixing.simplex import Floats, whole

Arrays = Sequence[npt.NDArray[Any]]


class TokenStream:
    """The arrays of a domain read as one ring of tokens, cut into windows of ``length`` + 1 tokens, ``length`` apart.

    The last token of a window is the first of the next, so every token is predicted once. ``limit`` (tokens) reads a
    fixed subset of the windows instead, chosen by ``seed``: a proxy that sees a fraction of the target run's tokens
    repeats its data as often as the target run only if it also has that fraction of the data.
    """

    def __init__(self, arrays: Arrays, length: int, *, seed: Sequence[int], limit: float | None = None) -> None:
        self._arrays = [a for a in arrays if len(a)]
        self._ends = np.cumsum([len(a) for a in self._arrays], dtype=np.int64)
        self.tokens = int(self._ends[-1]) if len(self._ends) else 0
        self.length = length
        self._seed = [*seed]
        windows = -(-self.tokens // length)
        kept = windows if limit is None else min(windows, max(1, round(limit / length)))
        self._chosen = np.sort(np.random.default_rng([*self._seed, 0]).permutation(windows)[:kept])

    @property
    def windows(self) -> int:
        return len(self._chosen)

    def order(self, n: int) -> npt.NDArray[np.int64]:
        """The first ``n`` windows to read: every epoch is its own shuffle of all windows. Grows, never changes."""
        if n and not self.windows:
            raise ValueError("a domain without tokens cannot be read")
        epochs = -(-n // self.windows) if n else 0
        shuffles = [np.random.default_rng([*self._seed, 1, e]).permutation(self._chosen) for e in range(epochs)]
        return np.concatenate(shuffles)[:n] if shuffles else np.empty(0, np.int64)

    def read(self, window: int, out: npt.NDArray[np.int32]) -> None:
        """Fills ``out[length + 1]`` with a window; past the last token it goes on at the first."""
        at, filled = window * self.length % self.tokens, 0
        while filled < len(out):
            i = int(np.searchsorted(self._ends, at, side="right"))
            array = self._arrays[i]
            first = at - (int(self._ends[i]) - len(array))
            n = min(len(out) - filled, len(array) - first)
            out[filled : filled + n] = array[first : first + n]
            filled += n
            at = (at + n) % self.tokens


class Curriculum:
    """Which window of which domain each run reads at each step.

    A run reads exactly its weights' share of windows of each domain (largest remainders), in an order shuffled once
    for all runs, and all runs read a domain's windows in the same order. So runs differ by their mixture alone, and
    much of the noise is common to them.
    """

    def __init__(
        self,
        train: Mapping[str, Arrays],
        weights: Floats,
        domains: Sequence[str],
        *,
        length: int,
        batch: int,
        steps: int,
        seed: int,
        fraction: float | None,
    ) -> None:
        """``weights[k, m]`` over ``domains``. ``fraction`` of each domain is read, all when None."""
        self.batch, self.length = batch, length
        self._streams = []
        for j, name in enumerate(domains):
            arrays = train.get(name, ())
            limit = None if fraction is None else fraction * sum(len(a) for a in arrays)
            stream = TokenStream(arrays, length, seed=[seed, 1, j], limit=limit)
            if not stream.tokens and weights[:, j].any():
                raise ValueError(f"domain {name!r} has weight in the swarm but no training tokens")
            self._streams.append(stream)
        slots = np.random.default_rng([seed, 2]).permutation(steps * batch)
        self._domain = np.empty((len(weights), steps * batch), np.int32)
        self._window = np.empty((len(weights), steps * batch), np.int64)
        counts = np.array([whole(row / row.sum() * len(slots), len(slots)) for row in weights])
        orders = [stream.order(int(most)) for stream, most in zip(self._streams, counts.max(0), strict=True)]
        for run, own in enumerate(counts):
            domain = np.repeat(np.arange(len(domains)), own)
            # Where a domain's windows fall among the others is shuffled; which come first is the domain's own order.
            order = np.empty_like(domain)
            order[slots] = domain
            self._domain[run] = order
            for j, windows in enumerate(orders):
                self._window[run, order == j] = windows[: own[j]]

    def read(self, step: int) -> npt.NDArray[np.int32]:
        """``int32[k, batch, length + 1]``: the batch of every run at a step."""
        at = slice(step * self.batch, (step + 1) * self.batch)
        out = np.empty((len(self._domain), self.batch, self.length + 1), np.int32)
        for run in range(len(out)):
            for i, (domain, window) in enumerate(zip(self._domain[run, at], self._window[run, at], strict=True)):
                self._streams[domain].read(int(window), out[run, i])
        return out
