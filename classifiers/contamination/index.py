"""Benchmark items made ready to be looked for: their words, what each tells, and where every three of them occur."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from classifiers.contamination import rarity
from classifiers.contamination.tokens import Tokens, tokens

#: words of a seed: three in a row that a document and an item share call for a comparison
SEED = 3
#: a seed that more items than this share calls for none: it is a phrase
_COMMON = 64
#: words of a longer question that are compared, its last: the question itself comes after what it is about
LONGEST = 1024
_LONGEST_ANSWER = 64
#: from so many words before the question itself on, an item is a passage and a question about it
_PASSAGE = 64
_LEAST_ASK = 4
_SENTENCE_END = re.compile(r"[.?!:。？！][\"'”’)]*\s+|\n+")
#: what an item quotes is not its own: six words or more in double quotation marks
_QUOTED = re.compile(r"“[^“”]*”|(?<![\w\"])\"(?=\w)[^\"\n]*(?<=[\w.,!?;])\"(?![\w\"])")
_LEAST_QUOTED = 6


@dataclass(frozen=True)
class Index:
    """Arrays over all items' words, and a hash table from seeds to the positions where they occur."""

    names: list[str]
    questions: list[str]
    question: Tokens
    bits: npt.NDArray[np.float64]  #: what each word tells; 0 within a quotation
    total: npt.NDArray[np.float64]  #: their sum per item
    ask: npt.NDArray[np.int64]  #: first word that must play a part in a match; the item's end where any will do
    answer: Tokens
    answer_bits: npt.NDArray[np.float64]
    item: npt.NDArray[np.int64]  #: which item each word belongs to
    word: npt.NDArray[np.int32]  #: number of each word among the distinct ones
    vocabulary: npt.NDArray[np.uint64]  #: a hash table like ``keys``, of words
    number: npt.NDArray[np.int32]  #: per slot of it: the word's number
    keys: npt.NDArray[np.uint64]  #: slots of the table; 0 is free
    first: npt.NDArray[np.int64]  #: per slot: its range in ``places``
    count: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]  #: positions of the seeds among all items' words


def build(items: pa.Table) -> Index:
    """Of ``item``, ``question`` and ``answer``. ValueError when a column or a name is missing or repeats."""
    names, questions, answers = (_strings(items, column) for column in ("item", "question", "answer"))
    seen: set[str] = set()
    for name in names:
        if not name or name in seen:
            raise ValueError(f"benchmark item {name!r}: each needs a name of its own in column `item`")
        seen.add(name)
    question = _last(tokens(pa.array(questions, pa.large_string())), LONGEST)
    answer = _last(tokens(pa.array(answers, pa.large_string())), _LONGEST_ANSWER)
    own = rarity.bits(question)
    bits = np.where(_quoted(questions, question, own), 0.0, own)
    item = np.repeat(np.arange(len(names)), np.diff(question.offsets))
    keys, first, count, places = _seeds(question)
    distinct, word = np.unique(question.words, return_inverse=True)
    vocabulary, slots = _table(distinct)
    number = np.full(len(vocabulary), -1, np.int32)
    number[slots] = np.arange(len(distinct))
    return Index(
        names=names,
        questions=questions,
        question=question,
        bits=bits,
        total=np.bincount(item, bits, minlength=len(names)).astype(np.float64),
        ask=_asks(questions, question),
        answer=answer,
        answer_bits=rarity.bits(answer),
        item=item,
        word=word.astype(np.int32),
        vocabulary=vocabulary,
        number=number,
        keys=keys,
        first=first,
        count=count,
        places=places,
    )


def _strings(items: pa.Table, column: str) -> list[str]:
    if column not in items.column_names:
        raise ValueError(f"benchmark items have no column {column!r}; needed: item, question, answer")
    try:
        values: list[str | None] = items[column].cast(pa.large_string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise ValueError(f"benchmark items: column {column!r} is {items[column].type}; it must hold text") from None
    return [v or "" for v in values]


def _last(found: Tokens, most: int) -> Tokens:
    """Each text's last ``most`` words."""
    sizes = np.diff(found.offsets)
    if not (sizes > most).any():
        return found
    left = np.repeat(found.offsets[1:], sizes) - np.arange(len(found.words))
    kept = left <= most
    offsets = np.concatenate([[0], np.cumsum(np.minimum(sizes, most))])
    return Tokens(
        offsets, found.words[kept], found.values[kept], found.starts[kept], found.ends[kept], found.upper[kept]
    )


def _bytes_before(texts: list[str]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum([len(t.encode()) for t in texts])]).astype(np.int64)


def _quoted(texts: list[str], found: Tokens, bits: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Words within quotations, unless little of the item is left without them."""
    inside = np.zeros(len(found.words), bool)
    for i, (text, base) in enumerate(zip(texts, _bytes_before(texts)[:-1].tolist(), strict=True)):
        a, b = found.offsets[i], found.offsets[i + 1]
        for quotation in _QUOTED.finditer(text):
            start, end = (base + len(text[:at].encode()) for at in quotation.span())
            first = a + np.searchsorted(found.starts[a:b], start)
            last = a + np.searchsorted(found.starts[a:b], end)
            inside[first:last] |= last - first >= _LEAST_QUOTED
        if inside[a:b].any() and bits[a:b][~inside[a:b]].sum() < bits[a:b].sum() / 4:
            inside[a:b] = False
    return inside


def _asks(texts: list[str], found: Tokens) -> npt.NDArray[np.int64]:
    """Where the question itself begins in an item that is mostly a passage; the end of any other item."""
    asks = found.offsets[1:].copy()
    for i, (text, base) in enumerate(zip(texts, _bytes_before(texts)[:-1].tolist(), strict=True)):
        a, b = found.offsets[i], found.offsets[i + 1]
        if b - a < _PASSAGE + _LEAST_ASK:
            continue
        ends = [len(text[: m.end()].encode()) for m in _SENTENCE_END.finditer(text)]
        first = next(
            (f for e in reversed(ends) if b - (f := a + np.searchsorted(found.starts[a:b], base + e)) >= _LEAST_ASK), b
        )
        if first - a >= _PASSAGE:
            asks[i] = first
    return asks


def _seeds(
    question: Tokens,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    seeds = rarity.grams(question.words, question.offsets, SEED)
    places = np.flatnonzero(seeds)
    places = places[np.lexsort((places, seeds[places]))]
    found, first, count = np.unique(seeds[places], return_index=True, return_counts=True)
    rare = count <= _COMMON
    found, first, count = found[rare], first[rare].astype(np.int64), count[rare].astype(np.int64)
    keys, slots = _table(found)
    firsts, counts = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    firsts[slots], counts[slots] = first, count
    return keys, firsts, counts, places


def _table(keys: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """An open-addressing table of distinct hashes, at most half full, and the slot of each."""
    size = 16
    while size < 2 * len(keys):
        size *= 2
    table, slots = np.zeros(size, np.uint64), np.empty(len(keys), np.int64)
    _insert(table, keys, slots)
    return table, slots


@njit(inline="always", cache=True)
def slot_of(keys: Any, seed: Any) -> Any:
    """Slot of ``seed`` in an open-addressing table, or the free one where it belongs."""
    mask = keys.size - 1
    slot = np.int64((seed >> np.uint64(17)) & np.uint64(mask))
    while keys[slot] != 0 and keys[slot] != seed:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True)
def _insert(keys: Any, found: Any, slots: Any) -> None:
    for k in range(found.size):
        slot = slot_of(keys, found[k])
        keys[slot] = found[k]
        slots[k] = slot
