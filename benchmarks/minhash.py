"""MinHash: from texts to band keys, 14 bands of 8 hashes over shingles of five words."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa

from benchmarks.inputs import CACHE, megabytes
from benchmarks.stopwatch import Load, Table, compare
from dedup.params import MinHashParams

PARAMS = MinHashParams(bands=14, rows=8, ngram=5, unit="word")

NOTE = """All make 112 hashes a text in 14 bands; their hashes have 64 bits, rensa's 32. datatrove uses xxhash, its
default. rensa takes shingles, which a regular expression and a list comprehension make here."""


def run(texts: dict[str, list[str]], repeats: int) -> Table:
    loads = {name: Load(some, megabytes(some), some[:3]) for name, some in texts.items()}
    entrants = {
        "cuvée `minhash.signatures` + `band_keys`": _cuvee,
        "rensa RMinHash, shingles in Python": _rensa,
        "datatrove MinhashDedupSignature": _datatrove,
    }
    return Table("MinHash", "MB of text per CPU second", compare(entrants, loads, repeats), NOTE)


def _cuvee() -> Callable[[list[str]], object]:
    from dedup.minhash import band_keys, signatures

    return lambda texts: band_keys(signatures(pa.array(texts, pa.large_string()), PARAMS), PARAMS)


def _rensa() -> Callable[[list[str]], object]:
    from rensa import RMinHash

    word = re.compile(r"\w+")

    def bands(text: str) -> list[tuple[int, ...]]:
        words = word.findall(text.lower())
        shingles = [" ".join(words[i : i + PARAMS.ngram]) for i in range(max(1, len(words) - PARAMS.ngram + 1))]
        found = RMinHash(num_perm=PARAMS.hashes, seed=PARAMS.seed)
        found.update(shingles)
        signature = found.digest()
        return [tuple(signature[i : i + PARAMS.rows]) for i in range(0, PARAMS.hashes, PARAMS.rows)]

    return lambda texts: [bands(text) for text in texts]


def _datatrove() -> Callable[[list[str]], object]:
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig

    config = MinhashConfig(n_grams=PARAMS.ngram, num_buckets=PARAMS.bands, hashes_per_bucket=PARAMS.rows)
    step = MinhashDedupSignature(str(CACHE / "datatrove"), config)
    return lambda texts: [step.get_signature(step.get_shingles(text)) for text in texts if text]
