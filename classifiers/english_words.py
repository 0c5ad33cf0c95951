"""spaCy's English tokeniser as a compiled function: the words of ``words: datatrove``.

spaCy (MIT licence; ``spacy/tokenizer.pyx``, ``spacy/lang/punctuation.py``) takes a run of characters without white
space, strips prefixes and suffixes from it until none is left or a special case is, and splits the rest at infixes,
unless it is an address. The classes of characters and the special cases come from the tables of ``spacy_tables``.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from classifiers.hashing import SEED, fold, mix
from classifiers.spacy_tables import (
    ALPHA,
    ASTRAL,
    BEFORE_DOT,
    CLASSES,
    CURRENCY,
    EXCEPTIONS,
    HOST,
    ICON,
    LOWER,
    PREFIX,
    QUOTE,
    SIZE,
    SUFFIX,
    UPPER,
    WORD,
)

LONGEST = 16  #: no special case has more characters
_UNIT = 5  #: nor a unit


class Rules(NamedTuple):
    """Open-addressing tables by the hash of a text: special cases, the parts they would have, units."""

    kinds: npt.NDArray[np.uint16]
    keys: npt.NDArray[np.uint64]
    found: npt.NDArray[np.int32]  # index into ``starts``, or -1
    starts: npt.NDArray[np.int32]  # of each entry's lengths
    lengths: npt.NDArray[np.int32]


@njit(cache=True)
def hashed(data: Any, start: Any, end: Any) -> Any:
    h = SEED
    for i in range(start, end):
        h = fold(h, data[i])
    return mix(h)


@cache
def rules() -> Rules:
    tables = json.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    entries = [(b"", word, lengths) for word, lengths in tables["words"].items()]
    entries += [(b"\0", word, lengths) for word, lengths in tables["apart"].items()]
    entries += [(b"\1", unit, []) for unit in tables["units"]]
    size = 1 << 13
    keys, found = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
    for index, (mark, text, _) in enumerate(entries):
        raw = np.frombuffer(text.encode() + mark, np.uint8)
        key = int(hashed(raw, 0, raw.size))
        slot = key & (size - 1)
        while found[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        keys[slot], found[slot] = key, index
    starts = np.cumsum([0, *(len(lengths) for *_, lengths in entries)])
    flat = [n for *_, lengths in entries for n in lengths]
    return Rules(np.load(CLASSES), keys, found, starts.astype(np.int32), np.array(flat, np.int32))


@njit(inline="always", cache=True)
def kind_of(kinds: Any, code: Any) -> Any:
    return np.int64(kinds[code]) if code < SIZE else np.int64(ASTRAL)


@njit(cache=True)
def entry(rules: Any, data: Any, start: Any, end: Any, mark: Any) -> Any:
    """The entry of the bytes ``data[start:end]``, -1 when there is none. A special case has ``mark`` -1."""
    h = SEED
    for i in range(start, end):
        h = fold(h, data[i])
    if mark >= 0:
        h = fold(h, mark)
    return entry_of(rules, mix(h))


@njit(inline="always", cache=True)
def entry_of(rules: Any, h: Any) -> Any:
    mask = rules.keys.size - 1
    slot = np.int64(h & np.uint64(mask))
    while rules.found[slot] >= 0 and rules.keys[slot] != h:
        slot = (slot + 1) & mask
    return np.int64(rules.found[slot])


@njit(inline="always", cache=True)
def _digit(code: Any) -> Any:
    return 48 <= code <= 57


@njit(cache=True)
def _prefix(codes: Any, kinds: Any, a: Any, b: Any) -> Any:
    """Characters of the prefix of ``[a, b)``; 0 without one."""
    c = codes[a]
    if c == 43:  # +
        return 0 if a + 1 < b and _digit(codes[a + 1]) else 1
    if c == 46:
        n = 1
        while a + n < b and codes[a + n] == 46:
            n += 1
        return n if n > 1 else 0
    if (kinds[a] & PREFIX) != 0:
        return 1
    if c == 85 and a + 2 < b and codes[a + 1] == 83 and codes[a + 2] == 36:  # US$
        return 3
    if (c == 65 or c == 67) and a + 1 < b and codes[a + 1] == 36:  # A$, C$
        return 2
    return 0


@njit(cache=True)
def _suffix(rules: Any, data: Any, at: Any, codes: Any, kinds: Any, a: Any, b: Any) -> Any:
    """Characters of the longest suffix of ``[a, b)``; 0 without one."""
    if a >= b:
        return 0
    c = codes[b - 1]
    before = codes[b - 2] if b - a > 1 else np.int64(0)
    if c == 46:
        n = 1
        while b - n > a and codes[b - n - 1] == 46:
            n += 1
        if n > 1:
            return n
        if b - a > 1 and (kinds[b - 2] & BEFORE_DOT) != 0:
            return 1
        if b - a > 2:
            if (kinds[b - 2] & UPPER) != 0 and (kinds[b - 3] & UPPER) != 0:
                return 1
            if codes[b - 3] == 0xB0 and (before | 32) in (99, 102, 107):  # °C.
                return 1
        return 0
    if c == 0x2026:
        return 2 if before == 0x2026 else 1
    if (c | 32) == 115 and (before == 39 or before == 0x2019):  # 's
        return 2
    for n in range(1, _UNIT + 1):
        if b - n <= a:
            break
        if _digit(codes[b - n - 1]):
            if n == 1 and ((kinds[b - 1] & CURRENCY) != 0 or c == 43):
                return 1
            if entry(rules, data, at[b - n], at[b], 1) >= 0:
                return n
            break
    return 1 if (kinds[b - 1] & SUFFIX) != 0 else 0


@njit(cache=True)
def _infix(codes: Any, kinds: Any, a: Any, b: Any, q: Any) -> Any:
    """Characters of the infix of ``[a, b)`` at ``q``; 0 without one."""
    c = codes[q]
    if c == 46 and q + 1 < b and codes[q + 1] == 46:
        n = 2
        while q + n < b and codes[q + n] == 46:
            n += 1
        return n
    if c == 0x2026 or (kinds[q] & ICON) != 0:
        return 1
    if q == a or q + 1 >= b:
        return 0
    before, after = kinds[q - 1], kinds[q + 1]
    operator = c == 43 or c == 45 or c == 42 or c == 94
    if operator and _digit(codes[q - 1]) and (_digit(codes[q + 1]) or codes[q + 1] == 45):
        return 1
    if c == 46:
        return 1 if (before & (LOWER | QUOTE)) != 0 and (after & (UPPER | QUOTE)) != 0 else 0
    if c == 44:
        return 1 if (before & ALPHA) != 0 and (after & ALPHA) != 0 else 0
    if (before & ALPHA) == 0 and not _digit(codes[q - 1]):
        return 0
    if c == 45 or c == 0x2014:
        for n in range(1, 4 if c == 45 else 3):
            if q + n >= b:
                return 0
            if (kinds[q + n] & ALPHA) != 0:
                return n
            if codes[q + n] != c:
                return 0
        return 0
    if c == 0x2013 or c == 126 or c == 58 or 60 <= c <= 62 or c == 47:
        return 1 if (after & ALPHA) != 0 else 0
    return 0


@njit(cache=True)
def _host(codes: Any, kinds: Any, a: Any, b: Any) -> Any:
    """Whether ``[a, b)`` is a host, with a port and a path perhaps: by name, or a public address."""
    end = a
    dot = np.int64(-1)
    numeric = True
    label = a
    while end < b:
        c = codes[end]
        if c == 46:
            if end == label or end - label > 64 or codes[label] == 95 or codes[end - 1] == 95:
                return False
            if codes[label] == 45 or codes[end - 1] == 45:
                return False
            dot = end
            label = end + 1
        elif c == 58 or c == 47 or c == 63 or c == 35:
            break
        elif (kinds[end] & HOST) == 0 and c != 45 and c != 95:
            return False
        numeric = numeric and (c == 46 or _digit(c))
        end += 1
    if dot < 0:
        return False
    if numeric:
        if not _address(codes, a, end):
            return False
    else:
        if not 2 <= end - label <= 63:
            return False
        for q in range(label, end):
            if (kinds[q] & LOWER) == 0:
                return False
    if end < b and codes[end] == 58:
        start = end + 1
        end = start
        while end < b and _digit(codes[end]):
            end += 1
        if not 2 <= end - start <= 5:
            return False
    return end == b or codes[end] == 47 or codes[end] == 63 or codes[end] == 35


@njit(cache=True)
def _address(codes: Any, a: Any, b: Any) -> Any:
    """Whether ``[a, b)``, of digits and dots, is an IPv4 address that spaCy takes for public."""
    first = second = part = value = np.int64(0)
    for q in range(a, b + 1):
        if q < b and codes[q] != 46:
            value = value * 10 + codes[q] - 48
            if value > 255:
                return False
            continue
        if part == 0:
            first = value
        if part == 1:
            second = value
        part += 1
        if q == b and (value == 0 or value == 255):
            return False
        value = np.int64(0)
    private = first == 10 or first == 127 or (first == 169 and second == 254) or (first == 192 and second == 168)
    return part == 4 and 1 <= first <= 223 and not private and not (first == 172 and 16 <= second <= 31)


@njit(cache=True)
def _is_url(codes: Any, kinds: Any, a: Any, b: Any) -> Any:
    """Whether spaCy's expression for addresses holds of ``[a, b)``."""
    dotted = False
    for q in range(a + 1, b - 1):
        if codes[q] == 46:
            dotted = True
            break
    if not dotted:
        return False
    if _host(codes, kinds, a, b):
        return True
    start = a
    for q in range(a, b - 3):
        c = codes[q]
        if c == 58:
            if q - a >= 2 and codes[q + 1] == 47 and codes[q + 2] == 47:
                start = q + 3
                if _host(codes, kinds, start, b):
                    return True
            break
        if (kinds[q] & WORD) == 0 and c != 43 and c != 45 and c != 46:
            break
    for q in range(a + 1, b - 3):  # noqa: SIM110  behind a user; compiled code knows no any()
        if codes[q] == 64 and _host(codes, kinds, q + 1, b):
            return True
    return False


@njit(cache=True)
def split(rules: Any, data: Any, at: Any, codes: Any, kinds: Any, n: Any, cuts: Any, tails: Any) -> Any:
    """Ends of the tokens of ``n`` characters into ``cuts``; returns how many.

    ``at[k]`` is the place of character ``k`` in ``data``, ``at[n]`` the end; ``tails`` is scratch of ``n`` at least.
    """
    a, b = np.int64(0), n
    count = stripped = np.int64(0)
    last = np.int64(-1)
    special = np.int64(-1)
    while a < b and b - a != last:
        if b - a <= LONGEST:
            special = entry(rules, data, at[a], at[b], -1)
            if special >= 0:
                break
        last = b - a
        prefix = _prefix(codes, kinds, a, b)
        if 0 < prefix < b - a <= LONGEST + prefix and entry(rules, data, at[a + prefix], at[b], -1) >= 0:
            a += prefix
            cuts[count] = a
            count += 1
            continue
        suffix = _suffix(rules, data, at, codes, kinds, a + prefix, b)
        if 0 < suffix < b - a <= LONGEST + suffix and entry(rules, data, at[a], at[b - suffix], -1) >= 0:
            tails[stripped] = b
            stripped += 1
            b -= suffix
            continue
        if prefix > 0:
            a += prefix
            cuts[count] = a
            count += 1
        if suffix > 0:
            tails[stripped] = b
            stripped += 1
            b -= suffix
    if special >= 0:
        for k in range(rules.starts[special], rules.starts[special + 1]):
            a += rules.lengths[k]
            cuts[count] = a
            count += 1
    elif a < b:
        if not _is_url(codes, kinds, a, b):
            start = a
            q = a
            while q < b:
                infix = _infix(codes, kinds, a, b, q)
                if infix > 0 and q > a:
                    if q > start:
                        cuts[count] = q
                        count += 1
                    cuts[count] = q + infix
                    count += 1
                    start = q + infix
                q += max(infix, 1)
            a = start
        if a < b:
            cuts[count] = b
            count += 1
    for k in range(stripped):
        cuts[count] = tails[stripped - 1 - k]
        count += 1
    return _joined(rules, data, at, cuts, count, tails) if count > 1 else count


@njit(cache=True)
def _joined(rules: Any, data: Any, at: Any, cuts: Any, count: Any, joined: Any) -> Any:
    """Puts together again the neighbours that are a special case, such as the two marks of ``):``."""
    n = k = start = np.int64(0)
    while k < count:
        best = np.int64(-1)
        taken: Any = k
        for j in range(k + 1, count):
            if cuts[j] - start > LONGEST:
                break
            found = entry(rules, data, at[start], at[cuts[j]], 0)
            if found >= 0 and rules.starts[found + 1] - rules.starts[found] == j - k + 1:
                best, taken = entry(rules, data, at[start], at[cuts[j]], -1), j
        if best >= 0:
            for q in range(rules.starts[best], rules.starts[best + 1]):
                start += rules.lengths[q]
                joined[n] = start
                n += 1
        else:
            start = cuts[k]
            joined[n] = start
            n += 1
        k = taken + 1
    for q in range(n):
        cuts[q] = joined[q]
    return n
