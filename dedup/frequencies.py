"""How common each shingle is in the corpus: what many documents share says little about any two of them.

Counted on a sample: of the distinct contents those of the smallest hashes, so that the samples of parts unite to the
sample of the whole, and copies count once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup.params import MinHashParams
from dedup.shingles import ShingleSets, comparable, shingle_sets

#: documents counted; a template is seen when it makes up a few of them
SAMPLE = 4096
#: of a smaller corpus as many documents are assumed, or two copies of a text would be its boilerplate
_LEAST = 100
#: weight of a shingle that every document has
_FLOOR = 0.1


@dataclass(frozen=True)
class Frequencies:
    """``counts[i]`` of ``documents`` sampled ones have the shingle ``hashes[i]``; the hashes are sorted."""

    documents: int
    hashes: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.int64]

    def weights(self, shingles: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
        """One for a shingle of one document, falling with the logarithm of its documents to a tenth for one of all.

        It is the inverse document frequency (Spärck Jones 1972) as a share of the largest there can be.
        """
        counts = np.ones(len(shingles), np.int64)
        if len(self.hashes):
            at = np.minimum(np.searchsorted(self.hashes, shingles), len(self.hashes) - 1)
            counts = np.where(self.hashes[at] == shingles, self.counts[at], 1)
        share: npt.NDArray[np.float64] = 1 - np.log(counts) / np.log(max(self.documents, _LEAST))
        return np.maximum(share, _FLOOR)


@dataclass(frozen=True)
class Sample:
    """Up to ``SAMPLE`` texts: their content keys, sorted, and their shingles."""

    order: npt.NDArray[np.uint64]
    sets: ShingleSets


def sample(texts: pa.Array | pa.ChunkedArray, contents: npt.NDArray[np.uint64], params: MinHashParams) -> Sample:
    """Of texts with these content keys (``uint64[n]``) the distinct ones whose key is smallest."""
    order, chosen = np.unique(contents, return_index=True)
    return Sample(order[:SAMPLE], shingle_sets(comparable(texts.take(pa.array(chosen[:SAMPLE]))), params))


def unite(samples: Sequence[Sample]) -> Sample:
    """The sample of all documents that these were sampled from."""
    empty = np.empty(0, np.uint64)
    order, chosen = np.unique(np.concatenate([empty, *(s.order for s in samples)]), return_index=True)
    places = [(i, j) for i, s in enumerate(samples) for j in range(len(s.order))]
    sets = [samples[i].sets.of(j) for i, j in (places[k] for k in chosen[:SAMPLE].tolist())]
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    return Sample(order[:SAMPLE], ShingleSets(offsets, np.concatenate([empty, *sets])))


def count(found: Sample) -> Frequencies:
    """Documents of each shingle that more than one sampled document has."""
    hashes, counts = np.unique(found.sets.hashes, return_counts=True)
    shared = counts > 1
    return Frequencies(len(found.order), hashes[shared], counts[shared].astype(np.int64))
