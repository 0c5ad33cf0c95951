"""What elements say of the text inside them: their classes, what they enclose, and how many are like them."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from pipelines.html.blocks import Blocks
from pipelines.html.elements import CUE_BITS, CUE_KEYS
from pipelines.html.page import Page

Floats = npt.NDArray[np.float32]
Keys = npt.NDArray[np.uint32]


class Structure(NamedTuple):
    """Of each element. Elements that hold the same blocks are one level: ``up`` leads to the next one."""

    low: npt.NDArray[np.int32]  #: its blocks are ``low:high``
    high: npt.NDArray[np.int32]
    up: npt.NDArray[np.int32]
    depth: npt.NDArray[np.int32]
    score: Floats  #: sum of the odds of its classes
    path: Floats  #: sum of the scores from the root to it
    least: Floats  #: and the least and the highest of them
    most: Floats
    chain: Keys  #: hash of the signatures of it, its parent and its grandparent
    cue: npt.NDArray[np.int32]  #: bits of the cues from the root to it
    nearest: npt.NDArray[np.int32]  #: bits of the innermost element that has any
    same: npt.NDArray[np.int32]  #: how many siblings are like it, itself included
    place: npt.NDArray[np.int32]  #: how many of them come before it


def structure(page: Page, found: Blocks, class_keys: Keys, class_odds: Floats) -> Structure:
    """``class_odds``: log odds of being main text by the hash of a class or id. Open addressing."""
    return Structure(
        *_structure(
            page.parent,
            page.signature,
            page.run0,
            page.run1,
            page.token0,
            page.token,
            found.first,
            class_keys,
            class_odds,
            CUE_KEYS,
            CUE_BITS,
        )
    )


@nb.njit(cache=True, nogil=True)
def look_up(keys, values, h):
    mask = np.uint32(len(keys) - 1)
    slot = h & mask
    while keys[slot] != 0:
        if keys[slot] == h:
            return values[slot]
        slot = (slot + np.uint32(1)) & mask
    return values.dtype.type(0)


def block_ranges(page: Page, found: Blocks) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Of each element: its blocks are ``low:high``."""
    nothing = np.zeros(16, np.uint32)
    found_structure = structure(page, found, nothing, nothing.astype(np.float32))
    return found_structure.low, found_structure.high


@nb.njit(cache=True, nogil=True)
def _structure(parent, signature, run0, run1, token0, token, first, class_keys, class_odds, cue_keys, cue_bits):
    n = len(first) - 1
    elements = len(parent)
    zero = np.float32(0)
    of_run = np.empty(first[n] + 1, np.int32)
    for b in range(n):
        of_run[first[b] : first[b + 1]] = b
    of_run[first[n]] = n
    low = np.empty(elements, np.int32)
    high = np.empty(elements, np.int32)
    up = np.zeros(elements, np.int32)
    depth = np.zeros(elements, np.int32)
    score = np.zeros(elements, np.float32)
    path = np.zeros(elements, np.float32)
    least = np.zeros(elements, np.float32)
    most = np.zeros(elements, np.float32)
    chain = np.zeros(elements, np.uint32)
    cue = np.zeros(elements, np.int32)  # bits of the cues on the way to it
    nearest = np.zeros(elements, np.int32)  # of the innermost element that has any
    same = np.zeros(elements, np.int32)  # how many siblings are like it, itself included
    place = np.zeros(elements, np.int32)  # how many of them come before it
    sibling_slots = 16
    while sibling_slots < 2 * elements:
        sibling_slots *= 2
    sibling_key = np.zeros(sibling_slots, np.uint64)
    sibling_count = np.zeros(sibling_slots, np.int32)
    sibling_slot = np.zeros(elements, np.int32)
    for e in range(elements):
        low[e] = of_run[run0[e]]
        high[e] = of_run[run1[e] - 1] + 1 if run1[e] > run0[e] else low[e]
        if e == 0:
            continue
        q = parent[e]
        depth[e] = depth[q] + 1
        up[e] = q if low[q] != low[e] or high[q] != high[e] else up[q]
        s = zero
        for k in range(token0[e], token0[e + 1]):
            s += look_up(class_keys, class_odds, token[k])
        s = min(max(s, np.float32(-6)), np.float32(6))
        score[e] = s
        found = 0
        for k in range(token0[e], token0[e + 1]):
            found |= look_up(cue_keys, cue_bits, token[k])
        cue[e] = cue[q] | found
        nearest[e] = found if found else nearest[q]
        if high[e] > low[e]:
            wide = (np.uint64(signature[e]) << np.uint64(32)) | np.uint64(q + 1)
            slot = np.int64(((wide * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & np.uint64(sibling_slots - 1))
            while sibling_key[slot] != 0 and sibling_key[slot] != wide:
                slot = (slot + 1) & (sibling_slots - 1)
            sibling_key[slot] = wide
            place[e] = sibling_count[slot]
            sibling_count[slot] += 1
            sibling_slot[e] = slot
        path[e] = path[q] + s
        least[e] = min(least[q], s)
        most[e] = max(most[q], s)
        h = np.uint64(signature[e]) * np.uint64(2654435761) + np.uint64(signature[q]) * np.uint64(40503)
        h += np.uint64(signature[parent[q]]) * np.uint64(97)
        chain[e] = np.uint32((h >> np.uint64(16)) & np.uint64(0xFFFFFFFF))
    for e in range(1, elements):
        same[e] = sibling_count[sibling_slot[e]]
        q = parent[e]
        if low[q] == low[e] and high[q] == high[e] and same[q] > same[e]:  # a wrapper stands for what it wraps
            same[e] = same[q]
            place[e] = place[q]
    return low, high, up, depth, score, path, least, most, chain, cue, nearest, same, place
