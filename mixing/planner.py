"""From a mix manifest to an order of whole documents: which, how often, in which shard."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

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
    stages: dict[str, tuple[int, int]]  #: first shard and the one after the last, of a manifest with stages

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
    weights of the whole. Stages come one after another, each in shards of its own; a later one takes first what has
    been seen least, and documents of its least length alone. Depends on the manifest's seed and the pools, on nothing
    else. ValueError when the pools lack what the manifest names.
    """
    if shard_tokens < 1:
        raise ValueError(f"shard_tokens is {shard_tokens}; it must be positive")
    if not manifest.budget:
        raise ValueError("the manifest has weights but no budget: nothing can be planned from it")
    sources = {name: _Source(manifest, pools, i) for i, name in enumerate(sorted(manifest.domains))}
    stages = [(s.name, {n: d.tokens for n, d in s.domains.items()}, s.min_document) for s in manifest.stages]
    stages = stages or [("", {n: d.tokens for n, d in manifest.domains.items()}, 0)]
    rows: list[tuple[Ints, ...]] = []
    bounds, shards = [np.zeros(1, np.int64)], {}
    tokens, deficit = dict.fromkeys(sources, 0), dict.fromkeys(sources, 0)
    for stage, wanted, least in stages:
        picks = []
        for name in sorted(wanted):
            taken = sources[name].take(wanted[name], least)
            picks.append(taken)
            tokens[name] += int(taken[3].sum())
            deficit[name] += wanted[name] - int(taken[3].sum())
        order = np.argsort(np.concatenate([_positions(p[3]) for p in picks]), kind="stable")
        rows.append(tuple(np.concatenate(column)[order] for column in zip(*picks, strict=True)))
        cut = _cut(rows[-1][3], shard_tokens)
        first = sum(len(b) for b in bounds) - 1
        shards[stage] = (first, first + len(cut) - 1)
        bounds.append(cut[1:] + bounds[-1][-1])
    file, span, epoch, length = (np.concatenate(column) for column in zip(*rows, strict=True))
    named = {stage: between for stage, between in shards.items() if stage}
    return Plan(file, span, epoch, length, np.concatenate(bounds), tokens, deficit, named)


class _Source:
    """The documents of a domain, and how often each has been taken."""

    def __init__(self, manifest: MixManifest, pools: PoolSet, number: int) -> None:
        self.name = sorted(manifest.domains)[number]
        self._seed = [manifest.seed, number]
        domain = manifest.domains[self.name]
        self.file, self.span, self.length = _documents(pools, self.name, domain.pools)
        self._seen = np.zeros(len(self.length), np.int64)
        stratum = np.array([f.stratum for f in pools.files])
        self._buckets = [np.flatnonzero(np.isin(stratum, b.pools)[self.file]) for b in domain.buckets]
        self._sizes = [b.tokens for b in domain.buckets]

    def take(self, budget: int, least: int) -> tuple[Ints, Ints, Ints, Ints]:
        """File, span, epoch and length of documents that fill ``budget`` as far as whole ones can.

        Of documents of ``least`` tokens or more, those seen least often first, each time in a shuffle of its own; of a
        domain with buckets, each its share.
        """
        usable = np.flatnonzero(self.length >= least)
        if budget and not len(usable):
            why = f"of {least:,} tokens or more" if least else ""
            raise ValueError(
                f"domain {self.name!r} should give {budget:,} tokens but its pools hold no documents {why}".rstrip()
            )
        if not any(self._sizes):
            return self._fill(usable, budget)
        parts = _parts(budget, self._sizes)
        pieces = [self._fill(np.intersect1d(usable, own), n) for own, n in zip(self._buckets, parts, strict=True)]
        return tuple(np.concatenate(column) for column in zip(*pieces, strict=True))  # type: ignore[return-value]

    def _fill(self, usable: Ints, budget: int) -> tuple[Ints, Ints, Ints, Ints]:
        at, epoch = _take(self.length, self._seen, usable, budget, self._seed)
        return self.file[at], self.span[at], epoch, self.length[at]


def without(made: Plan, taken: Mapping[int, Collection[int]], domains: Sequence[str]) -> Plan:
    """The plan without some documents, given as spans by pool file, whose ``domains`` are listed file by file.

    What they leave missing is in no other's place: it is of the deficit.
    """
    if not taken:
        return made
    gone = np.array([(file << 32) | span for file, spans in taken.items() for span in spans], np.int64)
    keep = ~np.isin((made.file << 32) | made.span, gone)
    bounds = np.append(0, np.cumsum(keep))[made.bounds]
    tokens, deficit = dict(made.tokens), dict(made.deficit)
    for file, length in zip(made.file[~keep].tolist(), made.length[~keep].tolist(), strict=True):
        tokens[domains[file]] -= length
        deficit[domains[file]] += length
    left = {n: getattr(made, n)[keep] for n in ("file", "span", "epoch", "length")}
    return replace(made, **left, bounds=bounds, tokens=tokens, deficit=deficit)


def _parts(budget: int, sizes: Sequence[int]) -> list[int]:
    """``budget`` divided as the ``sizes``, not all zero, are: whole tokens that sum to it."""
    ends = [budget * end // sum(sizes) for end in (0, *accumulate(sizes))]
    return [b - a for a, b in pairwise(ends)]


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


def _take(length: Ints, seen: Ints, usable: Ints, budget: int, seed: Sequence[int]) -> tuple[Ints, Ints]:
    """Of the ``usable`` documents those that fill ``budget``, repeated by epoch, and their epochs; adds to ``seen``."""
    chosen, epochs = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    whole = True
    while whole and budget > 0 and len(usable):
        epoch = int(seen[usable].min())
        fresh = usable[seen[usable] == epoch]
        order = np.random.default_rng([*seed, epoch]).permutation(fresh)
        whole = int(length[fresh].sum()) <= budget
        taken = order if whole else _fill(order, length, budget)
        seen[taken] += 1
        budget -= int(length[taken].sum())
        chosen.append(taken)
        epochs.append(np.full(len(taken), epoch))
    return np.concatenate(chosen), np.concatenate(epochs)


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
