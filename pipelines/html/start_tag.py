"""What the attributes of a start tag say: classes, roles, addresses, whether it hides, and what a head states."""

from __future__ import annotations

import numba as nb
import numpy as np

from pipelines.html.elements import CONTEXT, ID, fnv
from pipelines.html.tags import BASIS, attribute, hides, lower_hash, words

_META, _LINK, _HTML, _TIME = (np.uint8(ID[name]) for name in "meta link html time".split())
(
    _CLASS, _ID, _HREF, _HIDDEN, _STYLE, _ARIA, _ROLE, _NAME, _PROPERTY, _ITEMPROP, _EQUIV, _CONTENT, _LANG, _TYPE,
    _REL, _DATETIME, _ENCODING,
) = (
    np.uint32(fnv(name))
    for name in (
        b"class id href hidden style aria-hidden role name property itemprop http-equiv content lang type rel datetime "
        b"encoding"
    ).split()
)  # fmt: skip
_S_META, _S_LINK, _S_LANG, _S_TIME = (np.uint32(fnv(name)) for name in (b"meta:", b"link:", b"html:lang", b"time"))
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
_C_HIDDEN, _C_ARIA = (CONTEXT[name] for name in "hidden aria".split())


@nb.njit(cache=True, nogil=True)
def read_attributes(data, j, t, name, bits, token, tokens):
    """Of the start tag ``t`` whose attributes begin at ``j``; ``name`` is the hash of its name, ``bits`` its context.

    Returns where the tag ends, whether with a slash, how many attributes it has, the hash of its name and class, its
    context, how many ``token`` there are now, whether it has an address, the key of what it states and where the value
    stands, and the hash of its type.
    """
    n = len(data)
    sig = name
    has_href = False
    key = np.uint32(0)
    value_s = value_e = -1
    type_hash = np.uint32(0)
    self_closing = False
    count = 0
    while j < n and data[j] != 62:
        c = data[j]
        if c <= 32 or c == 47:
            self_closing = c == 47
            j += 1
            continue
        self_closing = False
        count += 1
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
    return j, self_closing, count, sig, bits, tokens, has_href, key, value_s, value_e, type_hash
