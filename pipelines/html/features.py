"""What a classifier sees of each block: its text, its elements, its neighbours, what it repeats, and the page."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from pipelines.html.blocks import LOOKED_UP, Blocks
from pipelines.html.elements import CONTEXT, CUES, ID
from pipelines.html.page import Page
from pipelines.html.structure import Floats, Keys, Structure, look_up

_LEVELS = 5
OWN = 20  #: the first columns: the block's own text and elements
_OF_LEVEL = 11
_FLAGS = tuple(
    "nav header footer aside form article main table list figure section blockquote pre button heading hidden template "
    "select code label details definition figcaption dialog time aria".split()
)
_FLAG_BITS = np.array([CONTEXT[name] for name in _FLAGS], np.uint32)
_NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
_OFFSETS = np.array(_NEIGHBOURS, np.int64)
_OF_NEIGHBOUR = 5
_REST = 28
_PAGE = 14
_CUES = len(CUES)
WIDTH = OWN + _LEVELS * _OF_LEVEL + len(_FLAGS) + 2 * _CUES + len(_NEIGHBOURS) * _OF_NEIGHBOUR + _REST + _PAGE
_H1, _H6, _P = ID["h1"], ID["h6"], ID["p"]


class Vocabulary(NamedTuple):
    """Log odds of being main text, by the hash of a word: of classes and ids, and of short texts. Open addressing."""

    class_keys: npt.NDArray[np.uint32]
    class_odds: Floats
    text_keys: npt.NDArray[np.uint32]
    text_odds: Floats


def features(page: Page, found: Blocks, outline: Structure, vocabulary: Vocabulary, title: Keys, hints: int) -> Floats:
    """``float32[blocks, WIDTH]``. ``title`` are hashes of the title's words, ``hints`` bits of the page's kind."""
    return np.asarray(_features(page, found, outline, vocabulary.text_keys, vocabulary.text_odds, title, hints))


@nb.njit(cache=True, nogil=True)
def groups(hashes):
    """A number for each different hash, from 0 up; how many there are."""
    slots = 16
    while slots < 2 * len(hashes):
        slots *= 2
    mask = np.uint32(slots - 1)
    keys = np.zeros(slots, np.uint32)
    numbers = np.zeros(slots, np.int32)
    out = np.empty(len(hashes), np.int32)
    count = 0
    for b in range(len(hashes)):
        key = hashes[b] | np.uint32(1)
        slot = key & mask
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + np.uint32(1)) & mask
        if keys[slot] == 0:
            keys[slot] = key
            numbers[slot] = count
            count += 1
        out[b] = numbers[slot]
    return out, count


@nb.njit(cache=True, nogil=True)
def _title_place(tag, owner, counts, words, title):
    """How far each block's words are the title's, and the block where the title stands (else the first h1; else -1)."""
    n = len(owner)
    overlap = np.zeros(n, np.float32)
    best, at, first_h1 = np.float32(0.5), -1, -1
    for b in range(n):
        if tag[owner[b]] == _H1 and first_h1 < 0:
            first_h1 = b
        m = min(int(counts[b, 1]), LOOKED_UP)
        if m == 0 or len(title) == 0 or counts[b, 1] > 40:
            continue
        shared = 0
        for k in range(m):
            for j in range(len(title)):
                if words[b, k] == title[j]:
                    shared += 1
                    break
        overlap[b] = np.float32(shared) / np.float32(m)
        share = overlap[b] * min(np.float32(1), np.float32(shared) / np.float32(min(len(title), 6)))
        if tag[owner[b]] == _H1:
            share += np.float32(0.2)
        if m >= 2 and share > best:
            best, at = share, b
    return overlap, at if at >= 0 else first_h1


@nb.njit(cache=True, nogil=True)
def _said(counts, words, keys, odds):
    """Mean, least and highest odds of each block's first words."""
    out = np.zeros((len(counts), 3), np.float32)
    for b in range(len(counts)):
        m = min(int(counts[b, 1]), LOOKED_UP)
        for k in range(m):
            v = look_up(keys, odds, words[b, k])
            out[b, 0] += v
            out[b, 1] = min(out[b, 1], v)
            out[b, 2] = max(out[b, 2], v)
        out[b, 0] /= np.float32(max(m, 1))
    return out


@nb.njit(cache=True, nogil=True)
def _features(page, found, outline, text_keys, text_odds, title, hints):
    first, owner, counts = found.first, found.owner, found.counts
    tag, parent, block, context, within = page.tag, page.parent, page.block, page.context, page.within
    low, high, up, cue, nearest = outline.low, outline.high, outline.up, outline.cue, outline.nearest
    n = len(owner)
    out = np.zeros((n, WIDTH), np.float32)
    width = np.zeros(n + 1, np.float64)
    linked = np.zeros(n + 1, np.float64)
    long = np.zeros(n + 1, np.float64)
    images = np.zeros(n + 1, np.float64)
    cue_width = np.zeros(_CUES, np.float64)
    headings, paragraphs = 0, 0.0
    for b in range(n):
        w = counts[b, 0]
        width[b + 1] = width[b] + w
        linked[b + 1] = linked[b] + counts[b, 2]
        long[b + 1] = long[b] + (w if w > 60 and counts[b, 2] < np.float32(0.4) * w else np.float32(0))
        images[b + 1] = page.image[first[b]]
        for k in range(_CUES):
            if cue[owner[b]] >> k & 1:
                cue_width[k] += w
        headings += _H1 <= tag[owner[b]] <= _H6
        paragraphs += w if tag[owner[b]] == _P else np.float32(0)
    total = max(width[n], 1.0)
    group, kinds = groups(outline.chain[owner])
    alike = np.zeros((kinds, 3), np.float64)
    for b in range(n):
        alike[group[b], 0] += 1
        alike[group[b], 1] += counts[b, 0]
        alike[group[b], 2] += counts[b, 2]
    same_text, texts = groups(found.text)
    repeats = np.zeros(texts, np.int32)
    for b in range(n):
        repeats[same_text[b]] += 1
    overlap, anchor = _title_place(tag, owner, counts, found.words, title)
    said = _said(counts, found.words, text_keys, text_odds)
    log = np.log1p
    heading = -1
    titles = most_long = 0
    long_at = -1
    for b in range(n):
        e = owner[b]
        t = tag[e]
        w = counts[b, 0]
        count = max(counts[b, 1], np.float32(1))
        size = max(w, np.float32(1))
        row = out[b]
        row[0] = log(w)
        row[1] = log(counts[b, 1])
        row[2] = counts[b, 2] / size
        row[3] = counts[b, 3]
        row[4] = counts[b, 4] / count
        row[5] = counts[b, 5] / count
        row[6] = counts[b, 6] / size
        row[7] = counts[b, 7] / count
        row[8] = counts[b, 8]
        row[9] = counts[b, 9]
        row[10] = counts[b, 10]
        row[11] = counts[b, 11] / size
        row[12] = counts[b, 12] / size
        row[13] = counts[b, 13]
        row[14] = counts[b, 14]
        row[15] = size / count
        row[16] = t
        row[17] = tag[block[parent[e]]]
        row[18] = tag[block[parent[block[parent[e]]]]]
        row[19] = first[b + 1] - first[b]
        c = 20
        a = e
        for level in range(_LEVELS):
            i, j = low[a], high[a]
            if j <= i:
                i, j = b, b + 1
            inside = width[j] - width[i]
            row[c] = log(np.float32(inside))
            row[c + 1] = inside / total
            row[c + 2] = (linked[j] - linked[i]) / max(inside, 1.0)
            row[c + 3] = log(np.float32(j - i))
            row[c + 4] = inside / (j - i)
            row[c + 5] = (long[j] - long[i]) / max(inside, 1.0)
            row[c + 6] = (b - i + 0.5) / (j - i)
            row[c + 7] = (images[j] - images[i]) / (j - i)
            row[c + 8] = outline.path[a]
            row[c + 9] = outline.same[a]
            row[c + 10] = outline.place[a]
            c += 11
            a = up[a]
        bits = context[within[first[b]]] | context[e]
        for k in range(len(_FLAG_BITS)):
            row[c] = bits & _FLAG_BITS[k] != 0
            c += 1
        for k in range(_CUES):
            row[c] = 0
            if cue[e] >> k & 1:
                row[c] = 2 if nearest[e] >> k & 1 else 1
            row[c + 1] = cue_width[k] / total
            c += 2
        for k in range(len(_OFFSETS)):
            o = b + _OFFSETS[k]
            if 0 <= o < n:
                row[c] = log(counts[o, 0])
                row[c + 1] = counts[o, 2] / max(counts[o, 0], np.float32(1))
                row[c + 2] = counts[o, 8]
                row[c + 3] = tag[owner[o]]
                row[c + 4] = group[o] == group[b]
            else:
                row[c] = -1
                row[c + 1] = -1
                row[c + 2] = -1
                row[c + 3] = -1
                row[c + 4] = -1
            c += 5
        g = group[b]
        row[c] = log(np.float32(alike[g, 0]))
        row[c + 1] = alike[g, 1] / alike[g, 0]
        row[c + 2] = alike[g, 2] / max(alike[g, 1], 1.0)
        row[c + 3] = alike[g, 1] / total
        row[c + 4] = repeats[same_text[b]]
        row[c + 5] = outline.score[e]
        row[c + 6] = outline.path[e]
        row[c + 7] = outline.least[e]
        row[c + 8] = outline.most[e]
        row[c + 9] = said[b, 0]
        row[c + 10] = said[b, 1]
        row[c + 11] = said[b, 2]
        if _H1 <= t <= _H6:
            heading = b
        row[c + 12] = b - heading if heading >= 0 else -1
        row[c + 13] = tag[owner[heading]] if heading >= 0 else -1
        row[c + 14] = said[heading, 0] if heading >= 0 else 0
        row[c + 15] = outline.path[owner[heading]] if heading >= 0 else 0
        row[c + 16] = overlap[b]
        row[c + 17] = b - anchor if anchor >= 0 else -1000
        row[c + 18] = (width[b] - width[anchor]) / total if anchor >= 0 else -2
        row[c + 19] = (b + 0.5) / n
        row[c + 20] = (width[b] + 0.5 * w) / total
        row[c + 21] = outline.depth[e]
        i, j = max(b - 5, 0), min(b + 6, n)
        row[c + 22] = log(np.float32(width[j] - width[i]))
        row[c + 23] = (linked[j] - linked[i]) / max(width[j] - width[i], 1.0)
        if t == _H1:
            titles += 1
        row[c + 24] = titles
        row[c + 25] = most_long
        row[c + 26] = (b - long_at) / n if long_at >= 0 else -2
        row[c + 27] = said[b + 1, 0] if b + 1 < n else 0
        if w > 60 and counts[b, 2] < np.float32(0.4) * w:
            most_long += 1
            long_at = b
        c += 28
        row[c] = log(np.float32(total))
        row[c + 1] = log(np.float32(n))
        row[c + 2] = linked[n] / total
        row[c + 3] = long[n] / total
        row[c + 4] = paragraphs / total
        row[c + 5] = headings / n
        row[c + 6] = hints & 1
        row[c + 7] = hints >> 1 & 1
        row[c + 8] = hints >> 2 & 1
        row[c + 9] = hints >> 3 & 1
        row[c + 10] = hints >> 4 & 1
        row[c + 11] = images[n] / n
        row[c + 12] = kinds / n
        row[c + 13] = total / n
    return out
