"""HTML bytes to flat arrays: elements, runs of text, and what the head states. One compiled pass, no tree of objects.

Elements nest as browsers nest them as far as text is concerned: end tags may be left out, a block ends the inline
elements left open in it, a link ends at its end tag wherever that stands (HTML Living Standard, 13.2.6, without the
adoption agency and foster parenting, which move elements but not the order of text).
"""

from __future__ import annotations

import numba as nb
import numpy as np

from pipelines.html.elements import BLOCK, CONTEXT, FOREIGN, ID, KINDS, OWN_CONTEXT, RAW, TAG_IDS, TAG_KEYS, VOID, fnv
from pipelines.html.nesting import closed_from, implied_from
from pipelines.html.page import APART, BREAK, JOINED, LINKED, MATHML, PARAGRAPH, PLAIN, SPACE, TEX, Page, TooCostly
from pipelines.html.start_tag import read_attributes
from pipelines.html.tags import BASIS, are_words, attribute, mix, opening_angles, raw_end, skip_markup

_A, _BR, _HR, _IMG, _TITLE, _SCRIPT, _HTML, _BODY, _SVG, _ANNOTATION, _INPUT, _PLAINTEXT, _HEAD = (
    np.uint8(ID[name]) for name in "a br hr img title script html body svg annotation input plaintext head".split()
)
_S_TITLE, _S_JSON = np.uint32(fnv(b"title")), np.uint32(fnv(b"json-ld"))
_T_JSON, _T_TEX, _T_TEX2 = (
    np.uint32(fnv(name)) for name in (b"application/ld+json", b"math/tex", b"application/x-tex")
)
_C_MATH, _C_TEX, _C_FOREIGN = (CONTEXT[name] for name in "math tex foreign".split())


def scan(html: bytes, *, depth: int = 512, nodes: int = 1_000_000) -> Page:
    """The page's arrays. ``html`` is UTF-8, of less than 2 GB. TooCostly when it is deeper or larger than allowed."""
    data = np.frombuffer(html, np.uint8)
    angles = opening_angles(data)
    if len(angles) > nodes:
        raise TooCostly("nodes", len(angles))
    found = _scan(data, angles, depth, TAG_KEYS, TAG_IDS, KINDS, OWN_CONTEXT)
    page = Page(*found[1:])
    if found[0]:
        raise TooCostly("depth", depth + 1)
    if page.nodes > nodes:
        raise TooCostly("nodes", page.nodes)
    return page


@nb.njit(cache=True, nogil=True)
def _scan(data, angles, max_depth, tag_keys, tag_ids, kinds, own_context):
    n = len(data)
    m = len(angles)
    tag = np.empty(m + 2, np.uint8)
    parent = np.empty(m + 2, np.int32)
    block = np.empty(m + 2, np.int32)
    context = np.empty(m + 2, np.uint32)
    signature = np.empty(m + 2, np.uint32)
    run0 = np.empty(m + 2, np.int32)
    run1 = np.empty(m + 2, np.int32)
    attributes = np.empty(m + 2, np.int32)
    token0 = np.empty(m + 3, np.int32)
    token = np.empty(n // 2 + 2, np.uint32)
    start = np.empty(m + 2, np.int32)
    end = np.empty(m + 2, np.int32)
    within = np.empty(m + 2, np.int32)
    gap = np.empty(m + 2, np.uint8)
    kind = np.empty(m + 2, np.uint8)
    link = np.empty(m + 2, np.int32)
    image = np.empty(m + 2, np.int32)
    state_key = np.empty(m + 2, np.uint32)
    state_start = np.empty(m + 2, np.int32)
    state_end = np.empty(m + 2, np.int32)
    stack = np.empty(max_depth + 2, np.int32)
    stack[0] = 0
    tag[0] = 0
    parent[0] = 0
    block[0] = 0
    context[0] = 0
    signature[0] = 0
    run0[0] = 0
    attributes[0] = 0
    token0[0] = 0
    depth = 0  # index of the innermost open element in the stack
    elements = 1
    runs = tokens = states = links = images = 0
    linked = -1  # the link we are in
    gap_now = APART
    after_end = apart = False
    deepest = all_attributes = 0
    a = 0  # index into angles
    i = 0
    while i < n:
        # ---- text up to the next tag
        while a < m and angles[a] < i:
            a += 1
        stop = n
        while a < m:
            p = angles[a]
            if p + 1 < n:
                c = data[p + 1] | 32
                if 97 <= c <= 122 or c == 47 | 32 or data[p + 1] == 33 or data[p + 1] == 63:
                    stop = p
                    break
            a += 1
        if stop > i:
            s = i
            while s < stop and data[s] <= 32:
                s += 1
            if s == stop:
                if gap_now == JOINED:
                    gap_now = SPACE
            else:
                top = stack[depth]
                if context[top] & _C_FOREIGN == 0:
                    if gap_now == JOINED and (s > i or (apart and are_words(data[end[runs - 1] - 1], data[s]))):
                        gap_now = SPACE
                    apart = False
                    e = stop
                    while data[e - 1] <= 32:
                        e -= 1
                    start[runs] = s
                    end[runs] = e
                    within[runs] = top
                    gap[runs] = gap_now
                    kind[runs] = LINKED if linked >= 0 else PLAIN
                    if context[top] & _C_MATH:
                        kind[runs] = TEX if context[top] & _C_TEX else MATHML
                    link[runs] = links
                    image[runs] = images
                    runs += 1
                    gap_now = SPACE if e < stop else JOINED
            after_end = False
        if stop >= n:
            break
        i = stop
        a += 1
        # ---- what is not a tag
        c = data[i + 1]
        if c == 33 or c == 63:  # <! <?
            i = skip_markup(data, i)
            continue
        closing = c == 47
        j = i + 2 if closing else i + 1
        if j >= n:
            break
        c = data[j] | 32
        if closing and not 97 <= c <= 122:  # a bogus comment
            while j < n and data[j] != 62:
                j += 1
            i = j + 1
            continue
        h = BASIS
        while j < n:
            c = data[j]
            if c <= 32 or c == 47 or c == 62:
                break
            h = mix(h, c + 32 if 65 <= c <= 90 else c)
            j += 1
        slot = h & np.uint32(1023)
        t = np.uint8(0)
        while tag_keys[slot] != 0:
            if tag_keys[slot] == h:
                t = np.uint8(tag_ids[slot])
                break
            slot = (slot + np.uint32(1)) & np.uint32(1023)
        flags = kinds[t]
        if closing:
            while j < n and data[j] != 62:
                j = j + 1 if data[j] <= 32 or data[j] == 47 else attribute(data, j)[3]
            i = j + 1
            if t == _A:
                linked = -1
            if t == _BR:
                gap_now = max(gap_now, BREAK)
                continue
            if t == _HTML or t == _BODY:
                continue
            is_block = flags & BLOCK != 0
            d = closed_from(tag, signature, stack, depth, t, h)
            if d > 0:
                while depth >= d:
                    e = stack[depth]
                    run1[e] = runs
                    if e == linked:
                        linked = -1
                    depth -= 1
            if is_block:
                gap_now = max(gap_now, PARAGRAPH)
            after_end = True
            continue
        first_attribute = j
        first_token = tokens
        j, self_closing, count, sig, bits, tokens, has_href, key, value_s, value_e, type_hash = read_attributes(
            data, j, t, h, own_context[t], token, tokens
        )
        all_attributes += count
        i = j + 1
        if key != 0 and value_e > value_s:
            state_key[states] = key
            state_start[states] = value_s
            state_end[states] = value_e
            states += 1
        # ---- elements without content, and those whose content is text
        if flags & VOID:
            tokens = first_token
            if t == _BR:
                gap_now = max(gap_now, PARAGRAPH if gap_now == BREAK else BREAK)
            elif t == _HR:
                gap_now = max(gap_now, APART)
            elif t == _IMG or t == _INPUT:
                images += 1
                gap_now = max(gap_now, SPACE)
            continue
        top = stack[depth]
        if flags & RAW and context[top] & _C_FOREIGN == 0:
            tokens = first_token
            s = i
            e = n
            if t != _PLAINTEXT:
                a, e = raw_end(data, angles, a, i, h)
            i = e
            while i < n and data[i] != 62:
                i += 1
            i += 1
            if t == _TITLE and e > s:
                state_key[states] = _S_TITLE
                state_start[states] = s
                state_end[states] = e
                states += 1
            elif t == _SCRIPT and e > s and type_hash == _T_JSON:
                state_key[states] = _S_JSON
                state_start[states] = s
                state_end[states] = e
                states += 1
            elif t == _SCRIPT and e > s and type_hash == _T_TEX:
                start[runs] = s
                end[runs] = e
                within[runs] = top
                gap[runs] = max(gap_now, SPACE)
                kind[runs] = TEX
                link[runs] = links
                image[runs] = images
                runs += 1
                gap_now = SPACE
            continue
        # ---- what the start tag closes
        if context[top] & _C_FOREIGN:
            if flags & BLOCK and t != _SVG:  # HTML inside SVG ends it
                while depth > 0 and context[stack[depth]] & _C_FOREIGN:
                    run1[stack[depth]] = runs
                    depth -= 1
            elif self_closing:
                tokens = first_token
                continue
        elif self_closing and (flags & FOREIGN or context[top] & _C_MATH):
            tokens = first_token
            continue
        if t == _HTML or t == _BODY or t == _HEAD:
            d = depth
            again = False
            while d > 0 and not again:
                again = tag[stack[d]] == t
                d -= 1
            if again:
                tokens = first_token
                continue
            if t == _BODY:
                while depth > 0 and tag[stack[depth]] != _HTML:
                    run1[stack[depth]] = runs
                    depth -= 1
        cut = implied_from(tag, stack, depth, t)
        while depth >= cut:
            e = stack[depth]
            run1[e] = runs
            if e == linked:
                linked = -1
            depth -= 1
        # ---- the element itself
        if flags & BLOCK:
            gap_now = max(gap_now, PARAGRAPH)
        elif after_end and gap_now == JOINED and runs > 0:
            apart = True
        after_end = False
        if depth >= max_depth:
            return (
                1,
                tag,
                parent,
                block,
                context,
                signature,
                run0,
                run1,
                attributes,
                token0,
                token,
                start,
                end,
                within,
                gap,
                kind,
                link,
                image,
                state_key,
                state_start,
                state_end,
                deepest,
                elements,
            )
        top = stack[depth]
        e = elements
        elements += 1
        tag[e] = t
        parent[e] = top
        block[e] = e if flags & BLOCK else block[top]
        if t == _ANNOTATION and type_hash == _T_TEX2:
            bits |= _C_TEX
        context[e] = context[top] | bits
        signature[e] = sig if t != 0 else h
        run0[e] = runs
        attributes[e] = first_attribute
        token0[e] = first_token
        depth += 1
        stack[depth] = e
        deepest = max(deepest, depth)
        if t == _A and has_href:
            linked = e
            links += 1
    while depth >= 0:
        run1[stack[depth]] = runs
        depth -= 1
    token0[elements] = tokens
    return (
        0,
        tag[:elements],
        parent[:elements],
        block[:elements],
        context[:elements],
        signature[:elements],
        run0[:elements],
        run1[:elements],
        attributes[:elements],
        token0[: elements + 1],
        token[:tokens],
        start[:runs],
        end[:runs],
        within[:runs],
        gap[:runs],
        kind[:runs],
        link[:runs],
        image[:runs],
        state_key[:states],
        state_start[:states],
        state_end[:states],
        deepest,
        m + runs + all_attributes,
    )
