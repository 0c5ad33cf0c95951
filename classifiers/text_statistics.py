"""The compiled pass of ``classifiers.heuristics``: texts in, rows of numbers out, in the order of its schema."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from classifiers import english_words, line_rules, repetition, scanning, spacy_tables, stop_words, words
from classifiers.hashing import SEED, fold, mix
from manifests import text

COLUMNS = 42
SHORT_LINE, LONG_LINE = 30, 200
#: sums over the lines of a text
(
    LINES, LONG, SHORT, TERMINAL, REMOVED, REPEATS, REPEATED, SHOWN_REPEATED, PARAGRAPHS, PARAGRAPH_REPEATS,
    PARAGRAPH_REPEATED,
) = range(11)  # fmt: skip


@njit(cache=True, nogil=True, boundscheck=False)
def _lines(data: Any, begin: Any, end: Any, runs: Any, lines: Any, n_lines: Any, kinds: Any, slots: Any, rounds: Any,
           paragraphs: Any, lengths: Any, again: Any, c: Any) -> None:  # fmt: skip
    c[:] = 0
    repetition.repeated(lines.hash, n_lines, slots, rounds, again)
    n_runs = lines.run[n_lines]
    for k in range(n_lines):
        run, until = lines.run[k], lines.run[k + 1] if k + 1 < n_lines else n_runs
        length = lines.characters[k]
        if until > run:
            c[LINES] += 1
            c[LONG] += length >= LONG_LINE
            c[SHORT] += length <= SHORT_LINE
            c[TERMINAL] += (english_words.kind_of(kinds, lines.last[k]) & spacy_tables.TERMINAL) != 0
            c[REMOVED] += line_rules.removed_words(
                data, runs.start[run], runs.end[until - 1], until - run, length, lines.upper[k], lines.digits[k]
            )
        if again[k]:
            c[REPEATS] += 1
            c[REPEATED] += length
            c[SHOWN_REPEATED] += length * (until > run)
    if end > begin:  # newlines at the ends leave an empty line each
        c[REPEATS] += data[begin] == 10 and data[end - 1] == 10

    # paragraphs are parted by empty lines; white space at the ends of the text is no part of them
    n = np.int64(0)
    if n_runs > 0:
        inner, outer = runs.start[0], runs.end[n_runs - 1]
        paragraph = SEED
        length = np.int64(0)
        last = np.int64(-1)  # where the line before ended
        for k in range(n_lines):
            start, stop = lines.start[k], lines.end[k]
            if stop <= inner or start >= outer:
                continue
            if length > 0:
                if start > last + 1:
                    paragraphs[n] = mix(paragraph)
                    lengths[n] = length
                    n += 1
                    paragraph = SEED
                    length = np.int64(0)
                else:
                    length += 1  # the newline between
            h, characters = lines.hash[k], lines.characters[k]
            if start < inner or stop > outer:
                until = lines.run[k + 1] if k + 1 < n_lines else n_runs
                h = scanning.hash_between(data, max(start, inner), min(stop, outer), runs, lines.run[k], until)
                characters = np.int64(0)
                for i in range(max(start, inner), min(stop, outer)):
                    characters += (data[i] & 0xC0) != 0x80
            paragraph = fold(paragraph, h)
            length += characters
            last = stop
        paragraphs[n] = mix(paragraph)
        lengths[n] = length
        n += 1
    repetition.repeated(paragraphs, n, slots, rounds, again)
    for k in range(n):
        if again[k]:
            c[PARAGRAPH_REPEATS] += 1
            c[PARAGRAPH_REPEATED] += lengths[k]
    c[PARAGRAPHS] = n


@njit(inline="always", cache=True)
def _share(part: Any, whole: Any) -> Any:
    return part / whole if whole > 0 else 0.0


@njit(cache=True, nogil=True, boundscheck=False)
def _statistics(
    offsets: Any, data: Any, languages: Any, datatrove: Any, classes: Any, lower: Any, rules: Any, stops: Any,
    runs: Any, lines: Any, out: Any,
) -> None:  # fmt: skip
    room, most_lines = runs.start.size, lines.start.size
    most_words = _most_words(offsets, data, datatrove)
    found = np.empty(most_words, np.uint64)
    ends = np.zeros(most_words + 1, np.int64)  # characters in the words before each
    grams = np.empty(most_words, np.uint64)
    where = np.empty(most_words, np.int32)
    survivors = np.empty(most_words, np.int32)
    top = np.empty(repetition.NGRAMS, np.int64)
    paragraphs = np.empty(most_lines, np.uint64)
    paragraph_lengths = np.empty(most_lines, np.int64)
    again = np.empty(most_lines, np.bool_)
    size = repetition.table_size(max(most_words, most_lines, room))
    slots = np.zeros(size, np.uint64)
    counts = np.empty(size, np.int32)
    rounds = np.zeros(1, np.int64)
    longest = words.LONGEST_RUN if datatrove else 1
    codes = np.empty(longest, np.int64)
    kinds = np.empty(longest, np.int64)
    at = np.empty(longest + 1, np.int64)
    cuts = np.empty(longest + 1, np.int64)
    tails = np.empty(longest + 1, np.int64)
    spare = np.empty(4 * longest + 8, np.uint8)
    seen = np.full(stops.words, -1, np.int64)
    sums = np.zeros(scanning.SUMS, np.int64)
    c = np.zeros(words.COUNTERS, np.int64)
    of_lines = np.zeros(16, np.int64)
    lengths = np.zeros(words.LENGTHS, np.int64)

    for d in range(offsets.size - 1):
        begin, end = offsets[d], offsets[d + 1]
        scanning.scan(data, begin, end, classes, runs, lines, sums)
        c[:] = 0
        lengths[:] = 0
        if datatrove:
            words.datatrove(
                data, runs, sums[scanning.RUNS], classes, rules, languages[d], stops, seen, d, at, codes, kinds, cuts,
                tails, spare, found, ends, lengths, c,
            )  # fmt: skip
        else:
            words.gopher(
                data, runs, sums[scanning.RUNS], classes, lower, rules.kinds, languages[d], stops, seen, d, spare,
                found, ends, lengths, c,
            )  # fmt: skip
        _lines(
            data, begin, end, runs, lines, sums[scanning.LINES], rules.kinds, slots, rounds, paragraphs,
            paragraph_lengths, again, of_lines,
        )  # fmt: skip
        n_words = c[words.WORDS]
        repetition.ngrams(found, ends, n_words, grams, where, survivors, slots, counts, rounds, top)

        characters = sums[scanning.CHARACTERS]
        edges = (data[begin] == 10) + (data[end - 1] == 10) if end > begin else 0
        row = out[d]
        row[0] = characters
        row[1] = n_words
        row[2] = c[words.PROPER]
        row[3] = _share(c[words.LENGTH], c[words.PROPER])
        row[4] = words.median(lengths, n_words)
        row[5] = _share(c[words.ALPHA], n_words)
        row[6] = c[words.STOPS]
        row[7] = c[words.STOP_TIMES]
        row[8] = c[words.OWN_STOPS]
        row[9] = _share(sums[scanning.HASHES], n_words)
        row[10] = _share(sums[scanning.ELLIPSES], n_words)
        row[11] = _share(c[words.SYMBOLS], sums[scanning.RUNS])
        row[12] = of_lines[LINES]
        row[13] = of_lines[LONG]
        row[14] = _share(c[words.BULLETS], sums[scanning.ROWS])
        row[15] = _share(c[words.ELLIPSES], sums[scanning.ROWS])
        row[16] = _share(of_lines[TERMINAL], of_lines[LINES])
        row[17] = _share(of_lines[SHORT], of_lines[LINES])
        row[18] = _share(of_lines[REPEATS], sums[scanning.LINES] + edges)
        row[19] = _share(of_lines[REPEATED], characters)
        row[20] = _share(of_lines[SHOWN_REPEATED], characters - sums[scanning.NEWLINES])
        row[21] = _share(of_lines[PARAGRAPH_REPEATS], of_lines[PARAGRAPHS])
        row[22] = _share(of_lines[PARAGRAPH_REPEATED], characters)
        for k in range(repetition.NGRAMS):
            row[23 + k] = _share(top[k], characters)
        row[32] = _share(sums[scanning.DIGITS], characters)
        row[33] = _share(sums[scanning.UPPER], sums[scanning.LETTERS])
        row[34] = _share(sums[scanning.NEWLINES], n_words)
        row[35] = c[words.SENTENCES]
        row[36] = c[words.LOREM]
        row[37] = c[words.CURLY]
        row[38] = c[words.ANY_SENTENCES]
        row[39] = c[words.ANY_LOREM]
        row[40] = c[words.ANY_CURLY]
        row[41] = _share(of_lines[REMOVED], sums[scanning.RUNS])


@njit(cache=True, nogil=True, boundscheck=False)
def _most_words(offsets: Any, data: Any, datatrove: Any) -> Any:
    """An upper bound of the words over all texts."""
    most = np.int64(0)
    for d in range(offsets.size - 1):
        apart = np.int64(0)
        if datatrove:  # a special case makes three words of letters, a mark is a word and ends another
            for i in range(offsets[d], offsets[d + 1]):
                apart += not 97 <= (data[i] | 32) <= 122
            apart *= 3
        else:  # an unspaced character has three bytes, is a word and ends another
            for i in range(offsets[d], offsets[d + 1]):
                apart += data[i] < 33 or data[i] > 127
        most = max(most, min(apart + 3, offsets[d + 1] - offsets[d] + 1))
    return most + 2


def statistics(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    languages: npt.NDArray[np.int64],
    stops: stop_words.StopWords,
    *,
    datatrove: bool,
) -> npt.NDArray[np.float64]:
    """``float64[n, 42]``: one row a text, columns in the order of ``classifiers.heuristics.SCHEMA``.

    ``languages[d]`` is the number of text ``d``'s language in ``stops``, 0 for none.
    """
    out = np.zeros((len(offsets) - 1, COLUMNS), np.float64)
    runs, lines = scanning.scratch(*scanning.most(offsets, data))
    rules = english_words.rules()
    _statistics(
        offsets, data, languages, datatrove, text.classes(), text.lower_case(), rules, stops, runs, lines, out
    )  # fmt: skip
    return out
