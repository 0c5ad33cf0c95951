"""The words of a text, by either definition, and what is counted of them and of its rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from classifiers import english_words, line_rules, scanning, spacy_tables, stop_words
from classifiers.hashing import SEED, fold, mix
from manifests import text
from manifests.text import class_of, decode

LENGTHS = 64  #: longer words are as long as this to the median
LONGEST_RUN = 1 << 16  #: a longer run without white space is one word, as no tokeniser has a use for it
COUNTERS = 20
(
    WORDS, PROPER, LENGTH, ALPHA, STOPS, STOP_TIMES, OWN_STOPS, SYMBOLS, BULLETS, ELLIPSES,
    SENTENCES, LOREM, CURLY, ANY_SENTENCES, ANY_LOREM, ANY_CURLY,
) = range(16)  # fmt: skip
_PLAIN = text.LETTER | text.UPPER


@njit(cache=True)
def is_symbol(data: Any, start: Any, end: Any, kinds: Any) -> Any:
    """Whether all characters are punctuation, as datatrove lists it."""
    i = start
    while i < end:
        code, width = decode(data, i)
        if (english_words.kind_of(kinds, code) & spacy_tables.SYMBOL) == 0:
            return False
        i += width
    return True


@njit(cache=True)
def _ends_sentence(data: Any, start: Any, end: Any, kinds: Any) -> Any:
    """Whether the last character is a sentence's mark, quotes and brackets aside."""
    q = end - 1
    while q >= start:
        while q > start and (data[q] & 0xC0) == 0x80:
            q -= 1
        code, _ = decode(data, q)
        kind = english_words.kind_of(kinds, code)
        if (kind & spacy_tables.STOP) != 0:
            return True
        if (kind & spacy_tables.QUOTE) == 0 and code != 41 and code != 93:
            return False
        q -= 1
    return False


@njit(cache=True)
def _bare(data: Any, start: Any, end: Any, classes: Any, lower: Any, out: Any) -> Any:
    """Hash of a word in lower case without punctuation."""
    h = SEED
    i = start
    while i < end:
        code, width = decode(data, i)
        if (class_of(classes, code) & text.PUNCTUATION) == 0:
            size = text.encode(np.int64(lower[code]) if code < 0x10000 else code, out, 0)
            for k in range(size):
                h = fold(h, out[k])
        i += width
    return mix(h)


@njit(cache=True)
def _count_stop(stops: Any, h: Any, language: Any, seen: Any, text_number: Any, c: Any) -> None:
    """Counts a word among Gopher's stop words, and among those of the text's language."""
    k = stop_words.find(stops, h, 0)
    if k >= 0:
        c[STOP_TIMES] += 1
        if seen[k] != text_number:
            seen[k] = text_number
            c[STOPS] += 1
    if language > 0:
        k = stop_words.find(stops, h, language)
        if k >= 0 and seen[k] != text_number:
            seen[k] = text_number
            c[OWN_STOPS] += 1


@njit(cache=True)
def _end_row(
    data: Any, start: Any, end: Any, words: Any, longest: Any, phrases: Any, sentences: Any, trailing: Any, c: Any
) -> None:
    """A row of words ends: Gopher's bullets and ellipses, and C4's rules, each with its last mark and without."""
    c[BULLETS] += data[start] == 45 or (data[start] == 0xE2 and data[start + 1] == 0x80 and data[start + 2] == 0xA2)
    c[ELLIPSES] += trailing
    if words < line_rules.MIN_WORDS or longest > line_rules.MAX_WORD:
        return
    ended = np.int64(line_rules.ends_well(data, start, end))
    if (phrases & line_rules.LOREM) != 0:
        c[LOREM] += ended
        c[ANY_LOREM] += 1
    elif (phrases & line_rules.JAVASCRIPT) != 0:
        return
    elif (phrases & line_rules.CURLY) != 0:
        c[CURLY] += ended
        c[ANY_CURLY] += 1
    elif (phrases & line_rules.POLICY) == 0:
        c[SENTENCES] += ended * sentences
        c[ANY_SENTENCES] += sentences


@njit(cache=True)
def _unspaced(
    data: Any, start: Any, end: Any, classes: Any, kinds: Any, language: Any, stops: Any, seen: Any, number: Any,
    words: Any, ends: Any, lengths: Any, c: Any,
) -> None:  # fmt: skip
    """Words of a run with characters that are words by themselves."""
    i = piece = start
    h = SEED
    length = bits = np.int64(0)
    while i <= end:
        kind = np.int64(0)
        width = np.int64(1)
        if i < end:
            code, width = decode(data, i)
            kind = class_of(classes, code)
        alone = (kind & text.UNSPACED) != 0
        if (alone or i == end) and length > 0:
            n = c[WORDS]
            words[n] = mix(h)
            ends[n + 1] = ends[n] + length
            c[WORDS] = n + 1
            lengths[min(length, LENGTHS - 1)] += 1
            c[ALPHA] += (bits & text.LETTER) != 0
            if not is_symbol(data, piece, i, kinds):
                c[PROPER] += 1
                c[LENGTH] += length
            _count_stop(stops, words[n], language, seen, number, c)
            h = SEED
            length = bits = np.int64(0)
        if i == end:
            return
        if length == 0:
            piece = i
        for j in range(width):
            h = fold(h, data[i + j])
        length += 1
        bits |= kind
        i += width
        if alone:
            n = c[WORDS]
            words[n] = mix(h)
            ends[n + 1] = ends[n] + 1
            c[WORDS] = n + 1
            lengths[1] += 1
            c[ALPHA] += 1
            c[PROPER] += 1
            c[LENGTH] += 1
            _count_stop(stops, words[n], language, seen, number, c)
            h = SEED
            length = bits = np.int64(0)


@njit(cache=True, nogil=True, boundscheck=False)
def gopher(
    data: Any, runs: Any, n_runs: Any, classes: Any, lower: Any, kinds: Any, language: Any, stops: Any, seen: Any,
    number: Any, spare: Any, words: Any, ends: Any, lengths: Any, c: Any,
) -> None:  # fmt: skip
    """A run is a word. Unspaced characters are words by themselves. A sentence ends where a run ends in its mark."""
    start, stop, characters, hashes, flags, phrases = runs
    near = stops.longest
    n = alpha = proper = total = symbols = first = longest = said = np.int64(0)
    sentences = np.int64(1)
    mark = False
    for r in range(n_runs):
        bits = flags[r]
        if (bits & scanning.FIRST) != 0:
            if r > 0:
                trailing = (flags[r - 1] & scanning.TRAILING) != 0
                _end_row(data, start[first], stop[r - 1], r - first, longest, said, sentences, trailing, c)
            first = np.int64(r)
            longest = said = np.int64(0)
            sentences = np.int64(1)
            mark = False
        said |= phrases[r]
        longest = max(longest, characters[r])
        symbols += (bits & scanning.SYMBOL) != 0
        is_proper = (bits & (text.LETTER | text.DIGIT)) != 0 or not is_symbol(data, start[r], stop[r], kinds)
        if (bits & text.UNSPACED) != 0:
            c[WORDS] = n
            _unspaced(
                data, start[r], stop[r], classes, kinds, language, stops, seen, number, words, ends, lengths, c
            )  # fmt: skip
            n = c[WORDS]
        else:
            words[n] = hashes[r]
            ends[n + 1] = ends[n] + characters[r]
            n += 1
            lengths[min(characters[r], LENGTHS - 1)] += 1
            alpha += bits & text.LETTER
            proper += is_proper
            total += characters[r] * is_proper
            size = stop[r] - start[r]
            if size <= near + 4 and (bits & text.LETTER) != 0:
                h = hashes[r]
                if (bits & (text.PUNCTUATION | text.UPPER)) != 0:
                    if (bits & scanning.OTHER) != 0:
                        h = _bare(data, start[r], stop[r], classes, lower, spare)
                    else:
                        h = SEED
                        for q in range(start[r], stop[r]):
                            x = np.int64(data[q])
                            if (classes[x] & text.PUNCTUATION) == 0:
                                h = fold(h, x + 32 if 65 <= x <= 90 else x)
                        h = mix(h)
                if stops.maybe[np.int64(h) & (stop_words.MAYBE - 1)]:
                    _count_stop(stops, h, language, seen, number, c)
        if mark and is_proper:
            sentences += 1
            mark = False
        if (bits & text.PUNCTUATION) != 0 and not mark:
            last = data[stop[r] - 1]
            if last == 46 or last == 33 or last == 63:
                mark = True
            elif last > 127 or last == 41 or last == 93 or last == 34 or last == 39:
                mark = _ends_sentence(data, start[r], stop[r], kinds)
    if n_runs > 0:
        trailing = (flags[n_runs - 1] & scanning.TRAILING) != 0
        _end_row(data, start[first], stop[n_runs - 1], n_runs - first, longest, said, sentences, trailing, c)
    c[WORDS] = n
    c[ALPHA] += alpha
    c[PROPER] += proper
    c[LENGTH] += total
    c[SYMBOLS] = symbols


@njit(cache=True)
def _split(rules: Any, data: Any, start: Any, end: Any, at: Any, codes: Any, kinds: Any, cuts: Any, tails: Any) -> Any:
    n = np.int64(0)
    i = start
    while i < end:
        code, width = decode(data, i)
        codes[n] = code
        kinds[n] = english_words.kind_of(rules.kinds, code)
        at[n] = i
        n += 1
        i += width
    at[n] = end
    return english_words.split(rules, data, at, codes, kinds, n, cuts, tails)


@njit(cache=True)
def _without_citations(data: Any, start: Any, end: Any, out: Any) -> Any:
    """Copies a run without its citations; returns the bytes."""
    n = np.int64(0)
    i = start
    while i < end:
        skipped = line_rules.citation(data, i, end)
        if skipped > 0:
            i += skipped
        else:
            out[n] = data[i]
            n += 1
            i += 1
    return n


@njit(cache=True, nogil=True, boundscheck=False)
def datatrove(
    data: Any, runs: Any, n_runs: Any, classes: Any, rules: Any, language: Any, stops: Any, seen: Any, number: Any,
    at: Any, codes: Any, kinds: Any, cuts: Any, tails: Any, spare: Any, words: Any, ends: Any, lengths: Any, c: Any,
) -> None:  # fmt: skip
    """Words are spaCy's tokens. A sentence begins, as its sentencizer has it, with what is no mark after one."""
    start, stop, characters, hashes, flags, phrases = runs
    n = alpha = proper = total = symbols = first = longest = said = np.int64(0)
    sentences = np.int64(1)
    mark = False
    for r in range(n_runs):
        bits = flags[r]
        if (bits & scanning.FIRST) != 0:
            if r > 0:
                trailing = (flags[r - 1] & scanning.TRAILING) != 0
                _end_row(data, start[first], stop[r - 1], r - first, longest, said, sentences, trailing, c)
            first = np.int64(r)
            longest = said = np.int64(0)
            sentences = np.int64(1)
            mark = False
        elif mark and (bits & scanning.WIDE) != 0:  # wider white space is a token of its own
            sentences += 1
            mark = False
        said |= phrases[r]
        longest = max(longest, characters[r])
        symbols += (bits & scanning.SYMBOL) != 0
        letters = (bits | _PLAIN) == (_PLAIN | scanning.FIRST) or (bits | _PLAIN) == _PLAIN
        letters = letters or (bits | _PLAIN) == (_PLAIN | scanning.WIDE)
        if (letters and english_words.entry_of(rules, hashes[r]) < 0) or characters[r] >= LONGEST_RUN:
            words[n] = hashes[r]
            ends[n + 1] = ends[n] + characters[r]
            n += 1
            lengths[min(characters[r], LENGTHS - 1)] += 1
            alpha += bits & text.LETTER
            proper += 1
            total += characters[r]
            if stops.maybe[np.int64(hashes[r]) & (stop_words.MAYBE - 1)]:
                _count_stop(stops, hashes[r], language, seen, number, c)
            sentences += mark
            mark = False
            continue
        count = _split(rules, data, start[r], stop[r], at, codes, kinds, cuts, tails)
        a = np.int64(0)
        for k in range(count):
            b = cuts[k]
            h = SEED
            for q in range(at[a], at[b]):
                h = fold(h, data[q])
            h = mix(h)
            is_alpha = is_proper = False
            for q in range(a, b):
                is_alpha = is_alpha or (class_of(classes, codes[q]) & text.LETTER) != 0
                is_proper = is_proper or (kinds[q] & spacy_tables.SYMBOL) == 0
            words[n] = h
            ends[n + 1] = ends[n] + b - a
            n += 1
            lengths[min(b - a, LENGTHS - 1)] += 1
            alpha += is_alpha
            proper += is_proper
            total += (b - a) * is_proper
            if stops.maybe[np.int64(h) & (stop_words.MAYBE - 1)]:
                _count_stop(stops, h, language, seen, number, c)
            a = b
        if (bits & text.PUNCTUATION) != 0:
            left = _without_citations(data, start[r], stop[r], spare)
            if left < stop[r] - start[r]:  # C4 counts sentences without them
                count = _split(rules, spare, 0, left, at, codes, kinds, cuts, tails)
        a = np.int64(0)
        for k in range(count):
            b = cuts[k]
            if b == a + 1 and (kinds[a] & spacy_tables.STOP) != 0:
                mark = True
            elif mark:
                for q in range(a, b):
                    if (kinds[q] & spacy_tables.MARK) == 0:
                        sentences += 1
                        mark = False
                        break
            a = b
    if n_runs > 0:
        trailing = (flags[n_runs - 1] & scanning.TRAILING) != 0
        _end_row(data, start[first], stop[n_runs - 1], n_runs - first, longest, said, sentences, trailing, c)
    c[WORDS] = n
    c[ALPHA] = alpha
    c[PROPER] = proper
    c[LENGTH] = total
    c[SYMBOLS] = symbols


@njit(cache=True)
def median(lengths: Any, total: Any) -> Any:
    """Median of the lengths counted; the mean of the middle two; 0 of none."""
    below = np.int64(0)
    low = np.int64(-1)
    for k in range(LENGTHS):
        below += lengths[k]
        if low < 0 and 2 * below >= total:
            low = np.int64(k)
        if 2 * below > total:
            return (low + k) / 2
    return 0.0
