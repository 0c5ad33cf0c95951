"""Where byte-level BPE tokenizers cut a text before they merge: their regular expressions as one pass over UTF-8.

Two families are known: GPT-2's (Radford et al. 2019), and that of cl100k, Llama 3, OLMo 2 and Qwen, which differ in how
many digits go together. The classes of characters are those of the expressions' own engine, shipped so that nothing
depends on Python's Unicode version: ``python -m mixing.pretokens`` makes them from the installed ``tokenizers``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

OTHER, LETTER, NUMBER, SPACE = range(4)
_TABLE = Path(__file__).with_name("pretoken_classes.npy")
_CODES = 0x110000

#: which pattern: digits that go together, 0 for GPT-2's
GPT2, ONE_DIGIT, THREE_DIGITS = 0, 1, 3
_CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": GPT2,
    _CL100K % "": ONE_DIGIT,
    _CL100K % "{1,3}": THREE_DIGITS,
}


def pattern_of(tokenizer: dict[str, Any]) -> int | None:
    """Which pattern a ``tokenizer.json`` cuts by; None where it is another, or the text is changed before."""
    if tokenizer.get("normalizer") or any(not t.get("special") for t in tokenizer.get("added_tokens", ())):
        return None
    if tokenizer["model"].get("type") != "BPE" or tokenizer["model"].get("dropout"):
        return None
    steps = tokenizer.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", []) if steps.get("type") == "Sequence" else [steps]
    match steps:
        case [{"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}]:
            return GPT2
        case [
            {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
        ]:
            return PATTERNS.get(expression)
    return None


@cache
def classes() -> npt.NDArray[np.uint8]:
    """``uint8[0x110000]``: the class of each code point."""
    first, kind = np.load(_TABLE)
    return np.repeat(kind.astype(np.uint8), np.diff(first, append=_CODES))


@njit(cache=True, nogil=True)
def piece_end(data, start, end, classes, pattern):
    """Where the piece that begins at ``start`` ends, in a text of valid UTF-8 that ends at ``end``."""
    code, size = _character(data, start)
    kind = classes[code]
    following, ahead = -1, 0
    if start + size < end:
        following, ahead = _character(data, start + size)
    if code == 39 and following >= 0:
        short = _contraction(data, start + 1, end, following, ahead, pattern)
        if short:
            return start + 1 + short
    if pattern == 0:
        if kind != 3:
            return _run_end(data, start + size, end, classes, kind, 0)
        if code == 32 and following >= 0 and classes[following] != 3:
            return _run_end(data, start + 1 + ahead, end, classes, classes[following], 0)
    else:
        if kind == 1:
            return _run_end(data, start + size, end, classes, 1, 0)
        if kind != 2 and code != 10 and code != 13 and following >= 0 and classes[following] == 1:
            return _run_end(data, start + size + ahead, end, classes, 1, 0)
        if kind == 2:
            return _run_end(data, start + size, end, classes, 2, pattern) if pattern > 1 else start + size
        first = -1
        if kind == 0:
            first = start + size
        elif code == 32 and following >= 0 and classes[following] == 0:
            first = start + 1 + ahead
        if first >= 0:
            at = _run_end(data, first, end, classes, 0, 0)
            while at < end and (data[at] == 10 or data[at] == 13):
                at += 1
            return at
    last, at, line = start, start, -1
    while at < end:
        code, size = _character(data, at)
        if classes[code] != 3:
            break
        last = at
        at += size
        if code == 10 or code == 13:
            line = at
    if pattern and line >= 0:
        return line
    return at if at == end or last == start else last


@njit(cache=True, nogil=True)
def _character(data, at):
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    second = np.int64(data[at + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, 2
    third = np.int64(data[at + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | np.int64(data[at + 3]) & 0x3F, 4


@njit(cache=True, nogil=True)
def _run_end(data, at, end, classes, kind, most):
    """Behind the characters of one class from ``at`` on; ``most``: with the one before, so many (0: any number)."""
    count = 1
    while at < end and (most == 0 or count < most):
        code, size = _character(data, at)
        if classes[code] != kind:
            break
        at += size
        count += 1
    return at


@njit(cache=True, nogil=True)
def _contraction(data, at, end, code, size, pattern):
    """Bytes of s, t, m, d, re, ve or ll at ``at``, else 0. All patterns but GPT-2's take capitals, and the long s."""
    if pattern:
        if code == 0x17F:
            return 2
        if 65 <= code <= 90:
            code += 32
    if code == 115 or code == 116 or code == 109 or code == 100:
        return size
    if at + 1 < end:
        second = data[at + 1]
        if pattern and 65 <= second <= 90:
            second += 32
        if ((code == 114 or code == 118) and second == 101) or (code == 108 and second == 108):
            return 2
    return 0


def made() -> npt.NDArray[np.uint32]:
    """``uint32[2, runs]``: first code points of runs of one class, and the class, asked of the installed engine."""
    from tokenizers import pre_tokenizers

    cut: Any = pre_tokenizers.ByteLevel(add_prefix_space=False)
    kinds = np.zeros(_CODES, np.uint32)
    for first in range(0, _CODES, 0x1000):
        codes = [c for c in range(first, first + 0x1000) if not 0xD800 <= c < 0xE000]
        for beside, kind in (("a", LETTER), ("1", NUMBER)):
            # between two of its class a character makes one piece of three; a line feed ends each probe
            text = "".join(f"{beside}{chr(c)}{beside}\n" for c in codes)
            starts = {start for _, (start, _) in cut.pre_tokenize_str(text)}
            kinds[[c for n, c in enumerate(codes) if 4 * n + 1 not in starts]] = kind
        text = "".join(f"!{chr(c)}!\n" for c in codes)
        starts = {start for _, (start, _) in cut.pre_tokenize_str(text)}
        spaces = [c for n, c in enumerate(codes) if 4 * n + 1 in starts and not kinds[c]]
        kinds[spaces] = SPACE
    firsts = np.flatnonzero(np.diff(kinds, prepend=kinds[0] + 1))
    return np.stack([firsts.astype(np.uint32), kinds[firsts]])


if __name__ == "__main__":
    np.save(_TABLE, made())
