"""Deduplication: signatures beside the peers, and the exchange of synthetic keys at two sizes."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pyarrow as pa

from benchmarks.inputs import CACHE, megabytes
from benchmarks.stopwatch import Load, Table, compare
from dedup.params import MinHashParams

PARAMS = MinHashParams(bands=14, rows=8, ngram=5, unit="word")
#: keys of the two exchanges, and how they are made: a part of this many, this many partitions
SIZES = (1_000_000, 10_000_000)
_PART = 500_000
_PARTITIONS = 8
_TURNS = 3

NOTE = """All make 112 hashes a text in 14 bands of five-word shingles; their hashes have 64 bits, rensa's 32. datatrove
uses xxhash, its default. rensa takes shingles, which a regular expression and a list comprehension make here. cuvée's
own default, 200 hashes of five-character shingles in 50 bands, is the last row; nothing else is compared with it."""
SCALE = """Synthetic keys, every fourth document a near copy of another in another part: written by part, grouped by
partition, walked, connected. One process; the tasks are independent, so that two run on two cores. Peak memory is that
of the whole process, Python and compiled code included."""


def run(texts: dict[str, list[str]], repeats: int) -> Table:
    loads = {name: Load(some, megabytes(some), some[:3]) for name, some in texts.items()}
    entrants = {
        "cuvée `minhash.signatures` + `band_keys`": lambda: _cuvee(PARAMS),
        "rensa RMinHash, shingles in Python": _rensa,
        "datatrove MinhashDedupSignature": _datatrove,
        "(cuvée at its defaults)": lambda: _cuvee(MinHashParams()),
    }
    return Table("MinHash", "MB of text per CPU second", compare(entrants, loads, repeats), NOTE)


def _cuvee(params: MinHashParams) -> Callable[[list[str]], object]:
    from dedup.minhash import band_keys, signatures

    return lambda texts: band_keys(signatures(pa.array(texts, pa.large_string()), params), params)


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


def scale() -> str:
    """The table of both sizes, in turns, each time in a process of its own; medians."""
    lines = ["## Keys", "", "| keys | CPU seconds | peak memory | pairs | groups |", "|---|---|---|---|---|"]
    seconds = []
    done: dict[int, list[list[str]]] = {size: [] for size in SIZES}
    for size in SIZES * _TURNS:
        command = [sys.executable, "-m", "benchmarks.dedup", str(size)]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        done[size].append(said.stdout.split())
    for size, runs in done.items():
        seconds.append(median(float(spent) for spent, *_ in runs))
        peak, pairs, groups = (max(int(r[i]) for r in runs) for i in (1, 2, 3))
        lines.append(f"| {size:,} | {seconds[-1]:.2f} | {peak / 1e9:.2f} GB | {pairs:,} | {groups:,} |")
    ratio = seconds[-1] / seconds[0]
    return "\n".join([*lines, "", f"Ten times the keys take {ratio:.1f} times the time. {SCALE}", ""])


def exchange(keys: int, folder: Path) -> tuple[float, int, int]:
    """CPU seconds, pairs and groups of an exchange of about this many keys, ten a document."""
    import numpy as np

    from dedup.clusters import stars
    from dedup.keys import Records
    from dedup.pairs import candidates
    from pipelines.exchange import read_keys, write_keys
    from pipelines.slices import group_slices
    from pipelines.stages.deduplicate.keys import RECORD

    bands, most = 10, 24
    documents, each = keys // bands, min(_PART, keys // 2) // bands

    def part(number: int, size: int) -> Records:
        """Documents of random keys and sketches; every fourth has two keys, and all but a few sketch bits, of one
        that the next part makes, too."""
        rng = np.random.default_rng(number)
        key = rng.integers(0, 1 << 64, (size, bands), np.uint64)
        sketch = rng.integers(0, 1 << 64, (size, 4), np.uint64)
        again = np.random.default_rng(number - number % 2 + 1_000_000)
        shared = again.integers(0, 1 << 64, (size // 4, 2), np.uint64)
        key[: size // 4, :2], sketch[: size // 4] = shared, again.integers(0, 1 << 64, (size // 4, 4), np.uint64)
        sketch[: size // 4, 0] ^= np.uint64(number % 2)
        return key.ravel(), np.repeat(np.arange(size), bands), np.repeat(sketch, bands, axis=0)

    # compiled beforehand
    little = part(0, 50)
    candidates(*little, most)
    stars(np.array([[0, 1]]))
    started = time.process_time()
    slices = []
    parts = documents // each
    for number in range(parts):
        key, row, sketch = part(number, each)
        here = candidates(key, row, sketch, most)
        records = np.empty(int(here.leads.sum()), RECORD)
        records["key"], records["row"], records["sketch"] = (x[here.leads] for x in (key, row, sketch))
        slices += write_keys(str(folder), f"{number:05d}.keys", records, _PARTITIONS)[1]
    pairs = []
    for pieces in group_slices(slices).values():
        found = [read_keys(str(folder), s, RECORD) for s in pieces]
        first = [int(s.path.removesuffix(".keys")) * each for s in pieces]
        refs = np.concatenate([r["row"].astype(np.int64) + f for r, f in zip(found, first, strict=True)])
        key, sketch = (np.concatenate([r[n] for r in found]) for n in ("key", "sketch"))
        pairs.append(candidates(key, refs, sketch, most).edges)
    groups = len(np.unique(stars(np.concatenate(pairs)).labels))
    return time.process_time() - started, sum(map(len, pairs)), groups


def main() -> None:
    CACHE.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=CACHE) as folder:
        spent, pairs, groups = exchange(int(sys.argv[1]), Path(folder))
    # ru_maxrss would count what the process had before it became another program
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    print(f"{spent:.3f} {peak} {pairs} {groups}")


if __name__ == "__main__":
    main()
