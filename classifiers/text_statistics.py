"""The compiled pass of ``classifiers.heuristics``: texts in, rows of numbers out, in the order of its schema."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from manifests import text
from manifests.text import class_of, decode

SHORT_LINE = 30
STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
_BULLETS = tuple(ord(c) for c in "•‣◦⁃●○▪■◆·")
_ELLIPSIS = ord("…")
_COLUMNS = 28
_SEED = np.uint64(0xCBF29CE484222325)


@njit(inline="always", cache=True)
def _fold(h: Any, x: Any) -> Any:
    """FNV-1a over one value (Fowler, Noll, Vo)."""
    return (h ^ np.uint64(x)) * np.uint64(0x100000001B3)


@njit(inline="always", cache=True)
def _mix(h: Any) -> Any:
    """Finaliser after splitmix64: spreads every bit over the 64."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@njit(inline="always", cache=True)
def _share(part: Any, whole: Any) -> Any:
    return part / whole if whole > 0 else 0.0


@njit(cache=True)
def _word_hash(word: Any) -> Any:
    h = _SEED
    for b in word:
        h = _fold(h, b)
    return _mix(h)


@njit(cache=True, nogil=True, boundscheck=False)
def _most(offsets: Any, data: Any, classes: Any) -> tuple[Any, Any]:
    """Upper bounds of a text's words and lines over all texts, for the scratch arrays."""
    words = lines = np.int64(0)
    for d in range(offsets.size - 1):
        w = np.int64(1)
        n = np.int64(1)
        i = offsets[d]
        while i < offsets[d + 1]:
            code, size = decode(data, i)
            kind = class_of(classes, code)
            if (kind & text.SPACE) != 0:
                w += 1
            elif (kind & text.UNSPACED) != 0:
                w += 2  # ends the word before and is one
            if code == 10:
                n += 1
            i += size
        words = max(words, w)
        lines = max(lines, n)
    return words, lines


@njit(inline="always", cache=True)
def _find(keys: Any, stamps: Any, mask: Any, round_: Any, h: Any) -> Any:
    """Slot of ``h`` in an open-addressing table, or the free one where it belongs; old rounds' slots are free."""
    slot = np.int64(h & np.uint64(mask))
    while stamps[slot] == round_ and keys[slot] != h:
        slot = (slot + 1) & mask
    return slot


@njit(inline="always", cache=True)
def _mask(items: Any) -> Any:
    """Size less one of a table at most half full."""
    size = np.int64(16)
    while size < 2 * items:
        size *= 2
    return size - 1


@njit(cache=True, nogil=True, boundscheck=False)
def _repeated(hashes: Any, lengths: Any, n: Any, keys: Any, stamps: Any, round_: Any) -> tuple[Any, Any]:
    """How many of the first ``n`` equal an earlier one, and the sum of their lengths."""
    mask = _mask(n)
    count = characters = np.int64(0)
    for q in range(n):
        slot = _find(keys, stamps, mask, round_, hashes[q])
        if stamps[slot] == round_:
            count += 1
            characters += lengths[q]
        else:
            keys[slot] = hashes[q]
            stamps[slot] = round_
    return count, characters


@njit(cache=True, nogil=True, boundscheck=False)
def _top(grams: Any, ends: Any, n: Any, words: Any, keys: Any, stamps: Any, counts: Any, round_: Any) -> Any:
    """Characters of the most frequent ``n``-gram, the longest of equals, times its occurrences; 0 if none repeats."""
    total = words - n + 1
    mask = _mask(total)
    most = np.int64(1)
    length = np.int64(0)
    for q in range(total):
        h = _mix(grams[q])
        slot = _find(keys, stamps, mask, round_, h)
        if stamps[slot] == round_:
            counts[slot] += 1
        else:
            keys[slot] = h
            stamps[slot] = round_
            counts[slot] = 1
        seen = counts[slot]
        if seen > 1 and seen >= most:
            own = ends[q + n] - ends[q]
            length = own if seen > most else max(length, own)
            most = np.int64(seen)
    return most * length


@njit(cache=True, nogil=True, boundscheck=False)
def _covered(grams: Any, ends: Any, n: Any, words: Any, keys: Any, stamps: Any, round_: Any) -> Any:
    """Characters in ``n``-grams that occurred before, each character once."""
    total = words - n + 1
    mask = _mask(total)
    characters = np.int64(0)
    done = np.int64(0)
    for q in range(total):
        h = _mix(grams[q])
        slot = _find(keys, stamps, mask, round_, h)
        if stamps[slot] == round_:
            characters += ends[q + n] - ends[max(done, q)]
            done = q + n
        else:
            keys[slot] = h
            stamps[slot] = round_
    return characters


@njit(cache=True, nogil=True, boundscheck=False)
def _statistics(offsets: Any, data: Any, classes: Any, stop: Any, bullets: Any, out: Any) -> None:
    most_words, most_lines = _most(offsets, data, classes)
    words = np.empty(most_words, np.uint64)
    ends = np.zeros(most_words + 1, np.int64)  # characters in the words before each
    grams = np.empty(most_words, np.uint64)
    lines = np.empty(most_lines, np.uint64)
    line_lengths = np.empty(most_lines, np.int64)
    paragraphs = np.empty(most_lines, np.uint64)
    paragraph_lengths = np.empty(most_lines, np.int64)
    size = _mask(max(most_words, most_lines)) + 1
    keys = np.empty(size, np.uint64)
    stamps = np.zeros(size, np.int64)
    counts = np.empty(size, np.int64)
    round_ = np.int64(0)

    for d in range(offsets.size - 1):
        characters = n_words = alpha = hashes = ellipses = np.int64(0)
        n_lines = bulleted = ended_in_ellipsis = terminal = short = np.int64(0)
        n_paragraphs = digits = upper = letters = newlines = np.int64(0)
        stops = np.int64(0)
        word = bare = line = paragraph = _SEED
        word_length = line_length = paragraph_length = blanks = dots = np.int64(0)
        word_is_alpha = False
        first = last = last_kind = np.int64(0)
        end = offsets[d + 1]
        i = offsets[d]
        while i <= end:
            at_end = i == end
            # a newline after the last character closes what is open
            code, width = (np.int64(10), np.int64(1)) if at_end else decode(data, i)
            kind = class_of(classes, code)
            space = (kind & text.SPACE) != 0
            unspaced = (kind & text.UNSPACED) != 0

            if word_length > 0 and (space or unspaced):
                words[n_words] = _mix(word)
                ends[n_words + 1] = ends[n_words] + word_length
                n_words += 1
                alpha += word_is_alpha
                bare = _mix(bare)
                for k in range(stop.size):
                    if stop[k] == bare:
                        stops |= 1 << k
                word = bare = _SEED
                word_length = np.int64(0)
                word_is_alpha = False

            if not at_end:
                characters += 1
                digits += (kind & text.DIGIT) != 0
                letters += (kind & text.LETTER) != 0
                upper += (kind & text.UPPER) != 0
                newlines += code == 10

            if not space:
                if line_length == 0:
                    first = code
                elif blanks > 0:
                    if line_length == 1 and (first == 45 or first == 42):
                        bulleted += 1
                    line = _fold(line, 32)
                    line_length += blanks
                    dots = np.int64(0)
                blanks = np.int64(0)
                for j in range(width):
                    x = np.uint64(data[i + j])
                    word = _fold(word, x)
                    line = _fold(line, x)
                    if (kind & text.PUNCTUATION) == 0:
                        bare = _fold(bare, x + np.uint64(32) if 65 <= x <= 90 else x)
                word_length += 1
                line_length += 1
                word_is_alpha = word_is_alpha or (kind & text.LETTER) != 0
                hashes += code == 35
                dots = dots + 1 if code == 46 else np.int64(0)
                ellipses += code == _ELLIPSIS or (dots > 0 and dots % 3 == 0)
                last = code
                last_kind = kind
                if unspaced:
                    words[n_words] = _mix(word)
                    ends[n_words + 1] = ends[n_words] + 1
                    n_words += 1
                    alpha += 1
                    word = bare = _SEED
                    word_length = np.int64(0)
                    word_is_alpha = False
            elif code != 10:
                blanks += 1

            if code == 10:
                if line_length > 0:
                    for k in range(bullets.size):
                        bulleted += bullets[k] == first
                    ended_in_ellipsis += last == _ELLIPSIS or dots >= 3
                    terminal += (last_kind & text.TERMINAL) != 0
                    short += line_length <= SHORT_LINE
                    lines[n_lines] = _mix(line)
                    line_lengths[n_lines] = line_length
                    paragraph = _fold(paragraph, lines[n_lines])
                    paragraph_length += line_length
                    n_lines += 1
                if paragraph_length > 0 and (line_length == 0 or at_end):
                    paragraphs[n_paragraphs] = _mix(paragraph)
                    paragraph_lengths[n_paragraphs] = paragraph_length
                    n_paragraphs += 1
                    paragraph = _SEED
                    paragraph_length = np.int64(0)
                line = _SEED
                line_length = blanks = dots = np.int64(0)
            i += width

        round_ += 1
        repeated_lines, repeated_line_chars = _repeated(lines, line_lengths, n_lines, keys, stamps, round_)
        round_ += 1
        repeated_paragraphs, repeated_paragraph_chars = _repeated(
            paragraphs, paragraph_lengths, n_paragraphs, keys, stamps, round_
        )
        line_chars = line_lengths[:n_lines].sum()
        word_chars = ends[n_words]
        distinct_stops = np.int64(0)
        for k in range(stop.size):
            distinct_stops += (stops >> k) & 1

        row = out[d]
        row[0] = characters
        row[1] = n_words
        row[2] = _share(word_chars, n_words)
        row[3] = _share(alpha, n_words)
        row[4] = distinct_stops
        row[5] = _share(hashes, n_words)
        row[6] = _share(ellipses, n_words)
        row[7] = n_lines
        row[8] = _share(bulleted, n_lines)
        row[9] = _share(ended_in_ellipsis, n_lines)
        row[10] = _share(terminal, n_lines)
        row[11] = _share(short, n_lines)
        row[12] = _share(repeated_lines, n_lines)
        row[13] = _share(repeated_line_chars, line_chars)
        row[14] = _share(repeated_paragraphs, n_paragraphs)
        row[15] = _share(repeated_paragraph_chars, line_chars)
        row[25] = _share(digits, characters)
        row[26] = _share(upper, letters)
        row[27] = _share(newlines, n_words)

        grams[:n_words] = words[:n_words]
        repeats = True
        for n in range(2, 11):
            for q in range(n_words - n + 1):
                grams[q] = grams[q] * np.uint64(0x9E3779B97F4A7C15) + words[q + n - 1]
            round_ += 1
            if n < 5:
                found = _top(grams, ends, n, n_words, keys, stamps, counts, round_)
            elif repeats:
                found = _covered(grams, ends, n, n_words, keys, stamps, round_)
                repeats = found > 0  # without a repeated n-gram there is no longer one
            else:
                found = np.int64(0)
            row[14 + n] = min(1.0, _share(found, word_chars))


def statistics(offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """``float64[n, 28]``: one row a text, columns in the order of ``classifiers.heuristics.SCHEMA``."""
    out = np.zeros((len(offsets) - 1, _COLUMNS), np.float64)
    stop = np.array([_word_hash(np.frombuffer(w.encode(), np.uint8)) for w in STOP_WORDS], np.uint64)
    _statistics(offsets, data, text.classes(), stop, np.array(_BULLETS, np.int64), out)
    return out
