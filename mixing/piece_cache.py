"""Tokens of the pieces that a text is cut into, remembered: of a corpus, nearly all pieces have been seen before.

Equal to the tokenizer itself, piece for piece: a piece is looked up by hash and bytes, and one not seen before is given
to the tokenizer. Results do not depend on what is remembered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from mixing.pretokens import classes, piece_end

#: gives the token ids of each of some strings
Encode = Callable[[Sequence[str]], Sequence[Sequence[int]]]

_SLOTS = 1 << 21
_MOST = 1 << 20  #: pieces remembered; then all are forgotten
_MOST_BYTES = 64 << 20
_BATCH_BYTES = 8 << 20


@dataclass
class _Store:
    """Arrays that pieces are appended to; ``slots`` is an open-addressing table of their numbers."""

    slots: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int64]  #: of each piece in ``data``; one more than there are pieces
    tokens_from: npt.NDArray[np.int64]  #: of each piece in ``tokens``; one more
    data: npt.NDArray[np.uint8]
    tokens: npt.NDArray[np.uint32]
    count: int = 0

    @classmethod
    def empty(cls) -> _Store:
        return cls(
            slots=np.full(_SLOTS, -1, np.int32),
            hashes=np.zeros(1, np.uint64),
            starts=np.zeros(1, np.int64),
            tokens_from=np.zeros(1, np.int64),
            data=np.zeros(1, np.uint8),
            tokens=np.zeros(1, np.uint32),
        )


class PieceCache:
    """Encodes texts by their pieces. ``pattern`` says how they are cut, ``encode`` what a piece becomes."""

    def __init__(self, pattern: int, encode: Encode) -> None:
        self._pattern, self._encode = pattern, encode
        self._store = _Store.empty()
        self._seed = np.uint64(int.from_bytes(os.urandom(8), "little"))  # who writes texts cannot aim at one slot

    def encode(
        self, offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8], eos: int, dtype: np.dtype[Any]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Tokens of texts of valid UTF-8 one after another, each closed by ``eos``, and how many each has."""
        tokens, lengths = [], []
        first = 0
        while first < len(offsets) - 1:
            last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + _BATCH_BYTES, "right")) - 1)
            found, counted = self._encode_batch(offsets[first : last + 1], data, eos, dtype)
            tokens.append(found)
            lengths.append(counted)
            first = last
        if not tokens:
            return np.empty(0, dtype), np.empty(0, np.int64)
        return np.concatenate(tokens), np.concatenate(lengths)

    def _encode_batch(
        self, offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8], eos: int, dtype: np.dtype[Any]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        if self._store.count > _MOST or self._store.starts[self._store.count] > _MOST_BYTES:
            self._store = _Store.empty()
        most = int(offsets[-1] - offsets[0])  # a piece has a byte at least; memory not written to is not taken
        pieces, starts, hashes = (
            np.empty(len(offsets) - 1, np.int64),
            np.empty(most + 1, np.int64),
            np.empty(most, np.uint64),
        )
        size = _cut(data, offsets, classes(), self._pattern, self._seed, pieces, starts, hashes)
        numbers = np.empty(size, np.int32)
        unknown = np.arange(size)
        while len(unknown := self._look_up(data, starts, hashes, unknown, numbers)):
            self._learn(data, starts, hashes, unknown)
        spans = np.diff(self._store.tokens_from[: self._store.count + 1])
        ends = np.cumsum(pieces)
        lengths = np.add.reduceat(np.append(spans[numbers], 0), np.append(0, ends[:-1]))
        lengths = np.where(pieces > 0, lengths, 0) + 1
        tokens = np.empty(int(lengths.sum()), dtype)
        _fill(numbers, pieces, self._store.tokens_from, self._store.tokens, eos, tokens)
        return tokens, lengths

    def _look_up(
        self,
        data: npt.NDArray[np.uint8],
        starts: npt.NDArray[np.int64],
        hashes: npt.NDArray[np.uint64],
        wanted: npt.NDArray[np.int64],
        numbers: npt.NDArray[np.int32],
    ) -> npt.NDArray[np.int64]:
        """Writes the numbers of known pieces; returns which of the wanted are unknown."""
        s = self._store
        _find(data, starts, hashes, wanted, s.slots, s.hashes, s.starts, s.data, numbers)
        return wanted[numbers[wanted] < 0]

    def _learn(
        self,
        data: npt.NDArray[np.uint8],
        starts: npt.NDArray[np.int64],
        hashes: npt.NDArray[np.uint64],
        unknown: npt.NDArray[np.int64],
    ) -> None:
        """One piece of each hash; another of the same hash is learned in the next round."""
        chosen = unknown[np.unique(hashes[unknown], return_index=True)[1]]
        raw = [data[a:b].tobytes() for a, b in zip(starts[chosen].tolist(), starts[chosen + 1].tolist(), strict=True)]
        ids = self._encode([r.decode() for r in raw])
        s, count = self._store, self._store.count
        new = count + len(raw)
        s.hashes, s.starts, s.tokens_from = (_room(a, new + 1) for a in (s.hashes, s.starts, s.tokens_from))
        s.hashes[count:new] = hashes[chosen]
        s.starts[count + 1 : new + 1] = s.starts[count] + np.cumsum([len(r) for r in raw])
        s.tokens_from[count + 1 : new + 1] = s.tokens_from[count] + np.cumsum([len(i) for i in ids])
        s.data, s.tokens = _room(s.data, int(s.starts[new])), _room(s.tokens, int(s.tokens_from[new]))
        s.data[s.starts[count] : s.starts[new]] = np.frombuffer(b"".join(raw), np.uint8)
        s.tokens[s.tokens_from[count] : s.tokens_from[new]] = list(chain.from_iterable(ids))
        s.count = new
        if 2 * new > len(s.slots):
            s.slots = np.full(1 << (4 * new).bit_length(), -1, np.int32)
            count = 0
        _insert(s.slots, s.hashes, count, new)


def _room(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    if size <= len(array):
        return array
    larger = np.zeros(max(size, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger


@njit(cache=True, nogil=True)
def _cut(data, offsets, kinds, pattern, seed, pieces, starts, hashes):
    """Pieces of each text, where each starts, and its hash: FNV-1a from a secret seed, its bits mixed at the end."""
    number = 0
    for text in range(len(offsets) - 1):
        at, before = offsets[text], number
        while at < offsets[text + 1]:
            end = piece_end(data, at, offsets[text + 1], kinds, pattern)
            value = seed
            for i in range(at, end):
                value = (value ^ np.uint64(data[i])) * np.uint64(0x100000001B3)
            value ^= value >> np.uint64(32)
            value *= np.uint64(0x9E3779B97F4A7C15)
            hashes[number] = value ^ (value >> np.uint64(29))
            starts[number] = at
            number += 1
            at = end
        pieces[text] = number - before
    starts[number] = offsets[len(offsets) - 1]
    return number


@njit(cache=True, nogil=True)
def _find(data, starts, hashes, wanted, slots, known_hashes, known_starts, known, numbers):
    mask = len(slots) - 1
    for piece in wanted:
        start, size = starts[piece], starts[piece + 1] - starts[piece]
        slot = np.int64(hashes[piece] & np.uint64(mask))
        while True:
            number = slots[slot]
            if number < 0:
                break
            first = known_starts[number]
            if known_hashes[number] == hashes[piece] and known_starts[number + 1] - first == size:
                same = True
                for i in range(size):
                    if known[first + i] != data[start + i]:
                        same = False
                        break
                if same:
                    break
            slot = (slot + 1) & mask
        numbers[piece] = number


@njit(cache=True, nogil=True)
def _insert(slots, hashes, first, last):
    mask = len(slots) - 1
    for number in range(first, last):
        slot = np.int64(hashes[number] & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = number


@njit(cache=True, nogil=True)
def _fill(numbers, pieces, tokens_from, known, eos, tokens):
    at, piece = 0, 0
    for text in range(len(pieces)):
        for number in numbers[piece : piece + pieces[text]]:
            for i in range(tokens_from[number], tokens_from[number + 1]):
                tokens[at] = known[i]
                at += 1
        piece += pieces[text]
        tokens[at] = eos
        at += 1
