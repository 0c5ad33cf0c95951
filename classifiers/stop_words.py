"""Stop words: Gopher's eight, and those FineWeb-2 found for 1,900 languages, as a table for the compiled pass.

``fineweb2.parquet`` holds the lists and thresholds of FineWeb-2 (Penedo et al. 2025, arXiv:2506.20920; the files of its
repository's ``configs/``, Apache-2.0), one row a language and script.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit

from classifiers.hashing import SEED, fold, mix

GOPHER = ("the", "be", "to", "of", "and", "that", "have", "with")
FINEWEB2 = Path(__file__).with_name("fineweb2.parquet")

#: the variety that FineWeb-2 names where a model names the macrolanguage (ISO 639-3)
_VARIETY = dict(
    pair.split(":")
    for pair in "ara:arb aze:azj est:ekk kur:kmr lav:lvs mlg:plt mon:khk msa:zsm nep:npi nor:nob ori:ory orm:gaz "
    "pus:pbu que:quy sqi:als swa:swh tgl:fil uzb:uzn yid:ydd zho:cmn".split()
)


MAYBE = 4096  #: entries of ``StopWords.maybe``


class StopWords(NamedTuple):
    """An open-addressing table by the hash of a word and its language's number; number 0 is Gopher's English."""

    keys: npt.NDArray[np.uint64]
    found: npt.NDArray[np.int32]  # number of a word, -1 in a free slot
    maybe: npt.NDArray[np.bool_]  # by the last bits of a word's hash: whether it may be in the table
    longest: int  # bytes of the longest word
    words: int


@njit(inline="always", cache=True)
def key(word: Any, language: Any) -> Any:
    return mix(word ^ (np.uint64(language + 1) * np.uint64(0x9E3779B97F4A7C15)))


@njit(inline="always", cache=True)
def find(stops: Any, word: Any, language: Any) -> Any:
    """Number of the stop word with this hash in a language; -1 when it is none."""
    h = key(word, language)
    mask = stops.keys.size - 1
    slot = np.int64(h & np.uint64(mask))
    while stops.found[slot] >= 0 and stops.keys[slot] != h:
        slot = (slot + 1) & mask
    return np.int64(stops.found[slot])


@njit(cache=True)
def word_hash(data: Any) -> Any:
    h = SEED
    for x in data:
        h = fold(h, x)
    return mix(h)


@cache
def fineweb2() -> pa.Table:
    """Stop words and thresholds by ``language``, such as ``deu_Latn``."""
    return pq.read_table(FINEWEB2)


@cache
def _lists() -> dict[str, list[str]]:
    table = fineweb2()
    return dict(zip(table["language"].to_pylist(), table["stop_words"].to_pylist(), strict=True))


@cache
def variety(language: str, script: str) -> str | None:
    """FineWeb-2's name of a language in a script: ``deu_Latn``; None when it has none. The name itself will do too."""
    wanted = _VARIETY.get(language, language)
    for name in (language, f"{wanted}_{script}", f"{language}_{script}"):
        if name in _lists():
            return name
    return None


def varieties(languages: pa.ChunkedArray, scripts: pa.ChunkedArray) -> pa.Array:
    """FineWeb-2's name of each language in its script, null where it has none."""
    pairs = zip(languages.to_pylist(), scripts.to_pylist(), strict=True)
    return pa.array([variety(a, b or "") if a else None for a, b in pairs], pa.string())


@cache
def table(varieties: tuple[str, ...]) -> StopWords:
    """Gopher's words as language 0, and the lists of FineWeb-2's ``varieties`` as 1 and on."""
    words = [(0, word) for word in GOPHER]
    words += [(n, word) for n, name in enumerate(varieties, 1) for word in _lists()[name]]
    size = 1 << (4 * len(words)).bit_length()
    keys, found = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
    maybe = np.zeros(MAYBE, np.bool_)
    longest = 0
    for number, (language, word) in enumerate(words):
        raw = np.frombuffer(word.encode(), np.uint8)
        longest = max(longest, raw.size)
        plain = word_hash(raw)
        maybe[plain & (MAYBE - 1)] = True
        h = int(key(np.uint64(plain), language))
        slot = h & (size - 1)
        while found[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        keys[slot], found[slot] = h, number
    return StopWords(keys, found, maybe, longest, len(words))
