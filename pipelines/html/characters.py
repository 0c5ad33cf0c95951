"""The characters of a run, as text: references resolved (HTML Living Standard, 13.2.5.72), blanks collapsed."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def _code_point(out, o, c):
    """Writes a character; what no text holds becomes U+FFFD, or nothing where it is a control character."""
    if c == 0 or c > 0x10FFFF or 0xD800 <= c < 0xE000:
        c = 0xFFFD
    if c < 0x80:
        if c >= 32 and c != 127:
            out[o] = c
            o += 1
    elif c < 0x800:
        if c >= 0xA0 and c != 0xAD:
            out[o] = 0xC0 | c >> 6
            out[o + 1] = 0x80 | c & 63
            o += 2
    elif c < 0x10000:
        if c != 0xFEFF:
            out[o] = 0xE0 | c >> 12
            out[o + 1] = 0x80 | c >> 6 & 63
            out[o + 2] = 0x80 | c & 63
            o += 3
    else:
        out[o] = 0xF0 | c >> 18
        out[o + 1] = 0x80 | c >> 12 & 63
        out[o + 2] = 0x80 | c >> 6 & 63
        out[o + 3] = 0x80 | c & 63
        o += 4
    return o


@nb.njit(cache=True, nogil=True)
def _reference(data, k, stop, keys, first, second, windows):
    """The character reference after the ``&`` at ``k - 1``: its code points, and where it ends; (-1, 0, k) for none."""
    if k < stop and data[k] == 35:
        m = k + 1
        c = np.int64(0)
        begin = m
        if m < stop and data[m] | 32 == 120:
            m += 1
            begin = m
            while m < stop:
                d = data[m] | 32
                if 48 <= data[m] <= 57:
                    c = c * 16 + data[m] - 48
                elif 97 <= d <= 102:
                    c = c * 16 + d - 87
                else:
                    break
                c = min(c, 0x110000)
                m += 1
        else:
            while m < stop and 48 <= data[m] <= 57:
                c = min(c * 10 + data[m] - 48, 0x110000)
                m += 1
        if m == begin:
            return -1, 0, k
        if m < stop and data[m] == 59:
            m += 1
        if 128 <= c < 160:
            c = np.int64(windows[c - 128])
        return c, 0, m
    h = np.uint32(2166136261)
    found, found_second, found_end = np.int64(-1), np.int64(0), k
    m = k
    mask = np.uint32(len(keys) - 1)
    while m < stop and m < k + 33:
        c = data[m]
        if not (97 <= c | 32 <= 122 or 48 <= c <= 57 or c == 59):
            break
        h = np.uint32((np.uint64(h) ^ np.uint64(c)) * np.uint64(16777619))
        m += 1
        slot = h & mask
        while keys[slot] != 0:
            if keys[slot] == h:
                found, found_second, found_end = np.int64(first[slot]), np.int64(second[slot]), m
                break
            slot = (slot + np.uint32(1)) & mask
        if c == 59:
            break
    return found, found_second, found_end


@nb.njit(cache=True, nogil=True)
def put_text(data, k, stop, out, o, verbatim, in_cell, keys, first, second, windows):
    """Copies text with its references resolved; blanks become one space each run, unless ``verbatim``."""
    while k < stop:
        c = data[k]
        k += 1
        if c == 38:
            one, two, m = _reference(data, k, stop, keys, first, second, windows)
            if one >= 0:
                k = m
                if one == 0xA0 or one == 32 or one == 9 or one == 10 or one == 13:
                    if verbatim:
                        out[o] = 10 if one == 10 else 32
                        o += 1
                    elif o and out[o - 1] != 32 and out[o - 1] != 10:
                        out[o] = 32
                        o += 1
                else:
                    o = _code_point(out, o, one)
                    if two:
                        o = _code_point(out, o, two)
                continue
        elif c <= 32 or c == 127:
            if verbatim:
                if c == 10 or c == 9 or c == 32:
                    out[o] = c
                    o += 1
                elif c == 13 and not (k < stop and data[k] == 10):
                    out[o] = 10
                    o += 1
            elif (c == 32 or 9 <= c <= 13) and o and out[o - 1] != 32 and out[o - 1] != 10:
                out[o] = 32
                o += 1
            continue
        elif c == 0xC2 and k < stop and (data[k] == 0xA0 or data[k] < 0xA0 or data[k] == 0xAD):
            if data[k] == 0xA0 and (verbatim or (o and out[o - 1] != 32 and out[o - 1] != 10)):
                out[o] = 32
                o += 1
            k += 1
            continue
        elif c == 0xEF and k + 1 < stop and data[k] == 0xBB and data[k + 1] == 0xBF:
            k += 2
            continue
        elif c == 124 and in_cell:
            out[o] = 92
            o += 1
        out[o] = c
        o += 1
    return o


@nb.njit(cache=True, nogil=True)
def put_blanks(data, k, stop, out, o):
    """Copies what is blank between tags: in code it is code too."""
    while k < stop:
        c = data[k]
        if c == 60:
            while k < stop and data[k] != 62:
                k += 1
        elif c == 10 or c == 32 or c == 9:
            out[o] = c
            o += 1
        k += 1
    return o
