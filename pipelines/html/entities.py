"""Character references: the names of the HTML standard as hash tables for the compiled passes."""

from __future__ import annotations

from html.entities import html5

import numpy as np
import numpy.typing as npt

_BITS = 13


def _fnv(text: str) -> int:
    h = 2166136261
    for byte in text.encode():
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def _table() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Slots of keys and their one or two code points; names with their semicolon, and those that do without."""
    keys = np.zeros(1 << _BITS, np.uint32)
    first, second = np.zeros(1 << _BITS, np.int32), np.zeros(1 << _BITS, np.int32)
    for name, text in html5.items():
        key = _fnv(name)
        slot = key & ((1 << _BITS) - 1)
        while keys[slot]:
            slot = (slot + 1) & ((1 << _BITS) - 1)
        keys[slot], first[slot] = key, ord(text[0])
        second[slot] = ord(text[1]) if len(text) > 1 else 0
    return keys, first, second


KEYS, FIRST, SECOND = _table()
#: what numbers 128 to 159 mean on the web: characters of windows-1252
WINDOWS = np.array(
    [ord(bytes([c]).decode("cp1252", "replace")) if c not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else c
     for c in range(128, 160)], np.int32,
)  # fmt: skip
