"""From a mix manifest to an order of whole documents: which, how often, in which shard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from manifests.mix import MixManifest
from mixing.pools import PoolSet

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """Documents in training order, as arrays; shard i holds ``bounds[i] : bounds[i + 1]`` of them."""

    file: Ints  #: index into ``PoolSet.files``
    span: Ints  #: index into that file's spans
    epoch: Ints  #: how often the document came before
    length: Ints  #: tokens
    bounds: Ints
    tokens: dict[str, int]  #: planned, by domain
    deficit: dict[str, int]  #: tokens that whole documents could not fill, by domain

    @property
    def shards(self) -> int:
        return len(self.bounds) - 1

    def shard(self, index: int) -> tuple[Ints, Ints]:
        """``file`` and ``span`` of the documents of one shard."""
        rows = slice(int(self.bounds[index]), int(self.bounds[index + 1]))
        return self.file[rows], self.span[rows]

    def table(self) -> pl.DataFrame:
        """One row a document: shard, file, span, epoch, tokens."""
        shard = np.repeat(np.arange(self.shards), np.diff(self.bounds))
        columns = {"shard": shard, "file": self.file, "span": self.span, "epoch": self.epoch, "tokens": self.length}
        return pl.DataFrame(columns)


def plan(manifest: MixManifest, pools: PoolSet, *, shard_tokens: int) -> Plan:
    """Orders the documents of ``manifest`` and cuts them into shards of at most ``shard_tokens`` tokens.

    Documents stay whole, in epochs and at shard borders: a domain gets the most tokens, up to its budget, that whole
    documents fill, and says what is missing; a document longer than a shard is a shard of its own. Within a domain
    every epoch is a shuffle of its own. Domains are interleaved evenly, so that any stretch of the data has about the
    weights of the whole. Depends on the manifest's seed and the pools, on nothing else. ValueError when the pools lack
    what the manifest names.
    """
    if shard_tokens < 1:
        raise ValueError(f"shard_tokens is {shard_tokens}; it must be positive")
    picks, tokens, deficit = [], {}, {}
    for number, (name, domain) in enumerate(sorted(manifest.domains.items())):
        file, span, length = _documents(pools, name, domain.pools)
        if domain.tokens and not len(length):
            raise ValueError(f"domain {name!r} should give {domain.tokens:,} tokens but its pools hold no documents")
        chosen, epoch = _take(length, domain.tokens, [manifest.seed, number])
        tokens[name] = int(length[chosen].sum())
        deficit[name] = domain.tokens - tokens[name]
        picks.append((file[chosen], span[chosen], epoch, length[chosen]))
    order = np.argsort(np.concatenate([_positions(p[3]) for p in picks]), kind="stable")
    file, span, epoch, length = (np.concatenate(column)[order] for column in zip(*picks, strict=True))
    return Plan(file, span, epoch, length, _cut(length, shard_tokens), tokens, deficit)


def _documents(pools: PoolSet, domain: str, strata: Sequence[str]) -> tuple[Ints, Ints, Ints]:
    """File, span and length of each training document of the strata."""
    wanted = set(strata)
    if missing := wanted - set(pools.strata()):
        raise ValueError(f"domain {domain!r} names pools that do not exist: {', '.join(sorted(missing))}")
    files = [i for i, f in enumerate(pools.files) if f.split == "train" and f.stratum in wanted]
    lengths = [pools.spans(i).lengths for i in files]
    counts = [len(n) for n in lengths]
    return (
        np.repeat(np.array(files, np.int64), counts),
        np.concatenate([np.arange(n, dtype=np.int64) for n in counts]) if counts else np.empty(0, np.int64),
        np.concatenate(lengths) if lengths else np.empty(0, np.int64),
    )


def _take(length: Ints, budget: int, seed: Sequence[int]) -> tuple[Ints, Ints]:
    """Documents (indices, repeated by epoch) that fill ``budget`` as far as whole ones can, and their epochs."""
    if not budget:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    epochs, rest = divmod(budget, int(length.sum()))
    shuffles = [np.random.default_rng([*seed, e]).permutation(len(length)) for e in range(epochs + 1)]
    shuffles[-1] = _fill(shuffles[-1], length, rest)
    epoch = np.repeat(np.arange(epochs + 1), [len(s) for s in shuffles])
    return np.concatenate(shuffles), epoch


def _fill(order: Ints, length: Ints, budget: int) -> Ints:
    """The documents of ``order``, from the first on, that still fit when their turn comes."""
    taken: list[Ints] = []
    while len(order := order[length[order] <= budget]):
        total = np.cumsum(length[order])
        n = int(np.searchsorted(total, budget, side="right"))
        taken.append(order[:n])
        budget -= int(total[n - 1])
        order = order[n:]
    return np.concatenate(taken) if taken else np.empty(0, np.int64)


def _positions(length: Ints) -> npt.NDArray[np.float64]:
    """Where in the whole each document's middle falls, from 0 to 1, for a domain spread evenly over it."""
    end = np.cumsum(length)
    return np.asarray((end - length / 2) / max(int(length.sum()), 1), np.float64)


def _cut(length: Ints, most: int) -> Ints:
    """Borders of shards: as many whole documents as fit, at least one."""
    end = np.cumsum(length)
    bounds = [0]
    while (first := bounds[-1]) < len(length):
        before = int(end[first - 1]) if first else 0
        bounds.append(max(first + 1, int(np.searchsorted(end, before + most, side="right"))))
    return np.array(bounds, np.int64)
