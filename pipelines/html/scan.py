"""HTML bytes to flat arrays: elements, runs of text, and what the head states. One compiled pass, no tree of objects.

Elements nest as browsers nest them as far as text is concerned: end tags may be left out, a block ends the inline
elements left open in it, a link ends at its end tag wherever that stands (HTML Living Standard, 13.2.6, without the
adoption agency and foster parenting, which move elements but not the order of text).
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from pipelines.html.elements import (
    BLOCK,
    CONTEXT,
    FOREIGN,
    ID,
    KINDS,
    OWN_CONTEXT,
    RAW,
    TAG_IDS,
    TAG_KEYS,
    VOID,
    fnv,
)
from pipelines.html.nesting import closed_from, implied_from
from pipelines.html.tags import BASIS, are_words, attribute, hides, lower_hash, mix, raw_end, skip_markup, words

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int32]
Bits = npt.NDArray[np.uint32]

#: what comes between a run of text and the one before it
JOINED, SPACE, BREAK, PARAGRAPH, APART = 0, 1, 2, 3, 4
#: kinds of a run
PLAIN, LINKED, TEX, MATHML = 0, 1, 2, 3


class Page(NamedTuple):
    """A page as arrays. Elements come in the order of their start tags, parents first; 0 is the document itself.

    ``run0[e]:run1[e]`` are the runs inside element ``e``; ``token0[e]:token0[e + 1]`` hashes of the words of its class
    and id. A run is ``data[start:end]``, text of ``within``, ``gap`` says what is between it and the run before it.
    ``state_key`` are hashes of ``meta:NAME``, ``link:REL``, ``html:lang`` …, ``state_start:state_end`` their values.
    """

    tag: Bytes
    parent: Ints
    block: Ints  #: the nearest block element, itself included
    context: Bits
    signature: Bits  #: hash of the name and the class
    run0: Ints
    run1: Ints
    attributes: Ints  #: where its attributes start in the bytes
    token0: Ints
    token: Bits
    start: Ints
    end: Ints
    within: Ints
    gap: Bytes
    kind: Bytes
    link: Ints  #: how many links had started
    image: Ints  #: how many images had
    state_key: Bits
    state_start: Ints
    state_end: Ints
    deepest: int  #: levels of elements
    nodes: int  #: tags, runs and attributes


class TooCostly(ValueError):
    """A page that nests too deep or has too many nodes: ``what`` is ``depth`` or ``nodes``, ``found`` how many."""

    def __init__(self, what: str, found: int) -> None:
        super().__init__(f"{what}: {found:,}")
        self.what = what
        self.found = found


def scan(html: bytes, *, depth: int = 512, nodes: int = 1_000_000) -> Page:
    """The page's arrays. ``html`` is UTF-8, of less than 2 GB. TooCostly when it is deeper or larger than allowed."""
    data = np.frombuffer(html, np.uint8)
    angles = np.flatnonzero(data == 60).astype(np.int32)
    if len(angles) > nodes:
        raise TooCostly("nodes", len(angles))
    found = _scan(data, angles, depth, TAG_KEYS, TAG_IDS, KINDS, OWN_CONTEXT)
    page = Page(*found[1:])
    if found[0]:
        raise TooCostly("depth", depth + 1)
    if page.nodes > nodes:
        raise TooCostly("nodes", page.nodes)
    return page


_A, _P, _LI, _DD, _DT, _TR, _TD, _TH, _TABLE, _BR, _HR, _IMG, _META, _LINK, _TITLE, _SCRIPT, _HTML, _BODY, _TIME = (
    np.uint8(ID[name]) for name in "a p li dd dt tr td th table br hr img meta link title script html body time".split()
)
_SVG, _MATH, _ANNOTATION, _OPTION, _BUTTON, _DIV, _ADDRESS, _UL, _OL, _MENU, _DIR, _H1, _H6 = (
    np.uint8(ID[name]) for name in "svg math annotation option button div address ul ol menu dir h1 h6".split()
)
_TBODY, _THEAD, _TFOOT, _CAPTION, _OPTGROUP, _SELECT, _INPUT, _PLAINTEXT, _CODE, _HEAD = (
    np.uint8(ID[name]) for name in "tbody thead tfoot caption optgroup select input plaintext code head".split()
)
_NAMED = {
    name: np.uint32(fnv(name.encode()))
    for name in (
        "class id href hidden style aria-hidden role name property itemprop http-equiv content lang type rel "
        "datetime encoding true"
    ).split()
}
(
    _CLASS,
    _ID,
    _HREF,
    _HIDDEN,
    _STYLE,
    _ARIA,
    _ROLE,
    _NAME,
    _PROPERTY,
    _ITEMPROP,
    _EQUIV,
    _CONTENT,
    _LANG,
    _TYPE,
    _REL,
    _DATETIME,
    _ENCODING,
    _TRUE,
) = _NAMED.values()
_S_META, _S_LINK, _S_LANG, _S_TITLE, _S_JSON, _S_TIME, _S_PROP = (
    np.uint32(fnv(name)) for name in (b"meta:", b"link:", b"html:lang", b"title", b"json-ld", b"time", b"prop:")
)
_T_JSON, _T_TEX, _T_TEX2 = (
    np.uint32(fnv(name)) for name in (b"application/ld+json", b"math/tex", b"application/x-tex")
)
_ROLES = {
    name: (np.uint32(fnv(name.encode())), CONTEXT[context])
    for name, context in {
        "navigation": "nav",
        "menu": "nav",
        "menubar": "nav",
        "banner": "header",
        "contentinfo": "footer",
        "complementary": "aside",
        "main": "main",
        "search": "form",
        "dialog": "dialog",
        "article": "article",
        "alertdialog": "dialog",
        "button": "button",
        "tablist": "nav",
    }.items()
}
_ROLE_KEYS = np.array([key for key, _ in _ROLES.values()], np.uint32)
_ROLE_BITS = np.array([bits for _, bits in _ROLES.values()], np.uint32)
_C_HIDDEN, _C_MATH, _C_TEX, _C_FOREIGN, _C_ARIA = (CONTEXT[name] for name in "hidden math tex foreign aria".split())


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
        # ---- attributes of a start tag
        first_attribute = j
        sig = h
        first_token = tokens
        bits = own_context[t]
        has_href = False
        key = np.uint32(0)
        value_s = value_e = -1
        type_hash = np.uint32(0)
        self_closing = False
        while j < n and data[j] != 62:
            c = data[j]
            if c <= 32 or c == 47:
                self_closing = c == 47
                j += 1
                continue
            self_closing = False
            all_attributes += 1
            g, vs, ve, j = attribute(data, j)
            if g == _CLASS:
                sig = lower_hash(data, vs, ve, sig)
                tokens = words(data, vs, ve, token, tokens)
            elif g == _ID or (g == _ITEMPROP and t != _META and t != _LINK):
                tokens = words(data, vs, ve, token, tokens)
            elif g == _HREF:
                has_href = True
                if t == _LINK:
                    value_s, value_e = vs, ve
            elif g == _HIDDEN:
                bits |= _C_HIDDEN
            elif g == _STYLE:
                if hides(data, vs, ve):
                    bits |= _C_HIDDEN
            elif g == _ARIA:
                if ve > vs and data[vs] | 32 == 116:
                    bits |= _C_ARIA
            elif g == _ROLE:
                role = lower_hash(data, vs, ve, BASIS)
                for r in range(len(_ROLE_KEYS)):
                    if _ROLE_KEYS[r] == role:
                        bits |= _ROLE_BITS[r]
            elif t == _META and (g == _NAME or g == _PROPERTY or g == _ITEMPROP or g == _EQUIV):
                key = lower_hash(data, vs, ve, _S_META)
            elif t == _META and g == _CONTENT:
                value_s, value_e = vs, ve
            elif t == _LINK and g == _REL:
                key = lower_hash(data, vs, ve, _S_LINK)
            elif t == _HTML and g == _LANG:
                key = _S_LANG
                value_s, value_e = vs, ve
            elif t == _TIME and g == _DATETIME:
                key = _S_TIME
                value_s, value_e = vs, ve
            elif g == _TYPE or g == _ENCODING:
                type_hash = BASIS
                for k in range(vs, ve):
                    if data[k] == 59 or data[k] <= 32:
                        break
                    type_hash = lower_hash(data, k, k + 1, type_hash)
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
