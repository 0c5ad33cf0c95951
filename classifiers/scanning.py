"""The one pass over a text's bytes: its runs of characters without white space, its lines, and sums over characters.

A *line* ends at a newline. A *row* is a line in the sense of ``str.splitlines``. Everything that is measured of words,
lines and rows is taken from what this pass leaves behind.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from classifiers import line_rules
from classifiers.hashing import SEED, fold, mix
from manifests import text
from manifests.text import class_of, decode

#: bits of a run, beside those of its characters' classes: it has other than ASCII or a control character, a ``#`` or an
#: ellipsis; wider white space than one space is before it, it ends in an ellipsis, it is the first of its row
OTHER, SYMBOL, WIDE, TRAILING, FIRST = (1 << bit for bit in range(8, 13))
#: white space that ends a row but is no newline, as str.splitlines has it
_BREAKS = (11, 12, 13, 28, 29, 30, 0x85, 0x2028, 0x2029)
_ELLIPSIS = ord("…")

#: sums over a text
(CHARACTERS, LETTERS, UPPER, DIGITS, NEWLINES, HASHES, ELLIPSES, ROWS, RUNS, LINES) = range(10)
SUMS = 10


class Runs(NamedTuple):
    """One entry a run of characters without white space, ``[start, end)`` in bytes."""

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    characters: npt.NDArray[np.int64]
    hash: npt.NDArray[np.uint64]
    bits: npt.NDArray[np.int64]
    phrases: npt.NDArray[np.int64]  # of line_rules, that end in it


class Lines(NamedTuple):
    """One entry a line that is not empty; ``run`` is the number of its first run, which may be the next line's."""

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    characters: npt.NDArray[np.int64]
    hash: npt.NDArray[np.uint64]
    trimmed: npt.NDArray[np.uint64]  # hash without white space at its end
    run: npt.NDArray[np.int64]
    upper: npt.NDArray[np.int64]
    digits: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]  # its last character


def scratch(runs: int, lines: int) -> tuple[Runs, Lines]:
    """Room for that many runs and lines."""
    of_runs: Any = (np.empty(runs, np.uint64 if name == "hash" else np.int64) for name in Runs._fields)
    of_lines: Any = (np.empty(lines, np.uint64 if name in ("hash", "trimmed") else np.int64) for name in Lines._fields)
    return Runs(*of_runs), Lines(*of_lines)


@njit(cache=True, nogil=True, boundscheck=False)
def most(offsets: Any, data: Any) -> tuple[Any, Any]:
    """Upper bounds over all texts of the runs, and of the lines."""
    runs = lines = np.int64(0)
    for d in range(offsets.size - 1):
        apart = breaks = np.int64(0)
        for i in range(offsets[d], offsets[d + 1]):
            apart += data[i] < 33 or data[i] > 127
            breaks += data[i] == 10
        runs = max(runs, apart)
        lines = max(lines, breaks)
    return runs + 2, lines + 2


@njit(cache=True, nogil=True, boundscheck=False)
def scan(data: Any, begin: Any, end: Any, classes: Any, runs: Any, lines: Any, sums: Any) -> None:
    """Fills ``runs``, ``lines`` and ``sums`` from the text ``data[begin:end]``."""
    start, stop, length, hashes, flags, phrases = runs
    line_start, line_end, line_length, line_hash, line_trimmed, line_run, line_upper, line_digits, line_last = lines
    characters = letters = upper = digits = newlines = numbers = ellipses = rows = n_runs = n_lines = np.int64(0)
    word = line = trimmed = SEED
    first = np.int64(-1)  # byte of the open run
    first_character = bits = seen = dots = np.int64(0)
    fresh = True  # no run yet in this row
    line_first, upper_before, digits_before, runs_before, line_byte = (
        np.int64(0), np.int64(0), np.int64(0), np.int64(0), begin,
    )  # fmt: skip
    code = before = np.int64(0)
    i = begin
    while i <= end:
        before = code
        width = np.int64(1)
        if i == end:
            code, kind = np.int64(10), np.int64(text.SPACE)  # a newline behind the last character closes what is open
        elif data[i] < 128:
            code = np.int64(data[i])
            kind = np.int64(classes[code])
        else:
            code, width = decode(data, i)
            kind = class_of(classes, code)
        if (kind & text.SPACE) == 0:
            if first < 0:
                first = i
                first_character = characters
                bits = seen = np.int64(0)
                if fresh:
                    bits = np.int64(FIRST)
                    fresh = False
                elif before != 32 or i != stop[n_runs - 1] + 1:
                    bits = np.int64(WIDE)
            characters += 1
            bits |= kind
            if width > 1:
                bits |= OTHER
                for j in range(width):
                    word = fold(word, data[i + j])
                letters += kind & text.LETTER
                upper += (kind & text.UPPER) != 0
                digits += (kind & text.DIGIT) != 0
                if code == _ELLIPSIS:
                    ellipses += 1
                    bits |= SYMBOL
            else:
                word = fold(word, code)
                if (kind & text.LETTER) != 0:
                    letters += 1
                    upper += (kind & text.UPPER) != 0
                    if ((line_rules.TRIGGERS >> (code & 31)) & 1) != 0:
                        seen |= line_rules.phrase(data, i, begin, end)
                elif (kind & text.DIGIT) != 0:
                    digits += 1
                elif code == 46:
                    dots = dots + 1 if before == 46 else np.int64(1)
                    ellipses += dots % 3 == 0
                elif code == 35:
                    numbers += 1
                    bits |= SYMBOL
                elif code == 123:
                    seen |= line_rules.CURLY
                elif kind == 0:
                    bits |= OTHER
            i += width
            continue

        if first >= 0:
            start[n_runs] = first
            stop[n_runs] = i
            length[n_runs] = characters - first_character
            hashes[n_runs] = mix(word)
            if before == _ELLIPSIS or (before == 46 and dots >= 3):
                bits |= TRAILING
            flags[n_runs] = bits
            phrases[n_runs] = seen
            n_runs += 1
            line = fold(line, word)
            trimmed = line
            word = SEED
            first = np.int64(-1)
        if code == 10:
            raw = characters - line_first
            if raw > 0:
                line_start[n_lines] = line_byte
                line_end[n_lines] = i
                line_length[n_lines] = raw
                line_hash[n_lines] = mix(line)
                line_trimmed[n_lines] = mix(trimmed)
                line_run[n_lines] = runs_before
                line_upper[n_lines] = upper - upper_before
                line_digits[n_lines] = digits - digits_before
                line_last[n_lines] = before
                n_lines += 1
            if i < end:
                newlines += 1
                rows += before != 13 or i == begin
            elif end > begin and before != 10 and before not in _BREAKS:
                rows += 1
            line = trimmed = SEED
            fresh = True
            line_byte = i + 1
            line_first = characters + 1
            upper_before, digits_before, runs_before = upper, digits, n_runs
        else:
            for j in range(width):
                line = fold(line, data[i + j])
            if code != 32 and code in _BREAKS:
                rows += 1
                fresh = True
        characters += i < end
        i += width
    line_run[n_lines] = n_runs
    sums[CHARACTERS] = characters
    sums[LETTERS] = letters
    sums[UPPER] = upper
    sums[DIGITS] = digits
    sums[NEWLINES] = newlines
    sums[HASHES] = numbers
    sums[ELLIPSES] = ellipses
    sums[ROWS] = rows
    sums[RUNS] = n_runs
    sums[LINES] = n_lines


@njit(cache=True)
def hash_between(data: Any, start: Any, end: Any, runs: Any, run: Any, until: Any) -> Any:
    """The hash of a line from its run ``run`` up to run ``until``, as ``scan`` makes it."""
    line = SEED
    i = start
    while run < until:
        while i < runs.start[run]:
            line = fold(line, data[i])
            i += 1
        word = SEED
        while i < runs.end[run]:
            word = fold(word, data[i])
            i += 1
        line = fold(line, word)
        run += 1
    while i < end:
        line = fold(line, data[i])
        i += 1
    return mix(line)
