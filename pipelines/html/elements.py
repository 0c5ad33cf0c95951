"""What the scanner knows of HTML's elements: how each nests, breaks lines, and what it says of the text inside it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: HTML Living Standard, section 4, and the elements of older pages that still say something; the place is the id
NAMES = (
    "? html head body title base link meta style script noscript template article section nav aside h1 h2 h3 h4 h5 h6 "
    "hgroup header footer address main p hr pre blockquote ol ul menu li dl dt dd figure figcaption div center a em "
    "strong small s cite q dfn abbr ruby rt rp data time code var samp kbd sub sup i b u mark bdi bdo span br wbr ins "
    "del picture source img iframe embed object video audio track map area table caption colgroup col tbody thead "
    "tfoot tr td th form label input button select datalist optgroup option textarea output progress meter fieldset "
    "legend details summary dialog font big strike tt svg math annotation semantics canvas param frame frameset "
    "noframes noembed xmp listing plaintext dir search nobr marquee desc foreignobject slot"
).split()
ID = {name: i for i, name in enumerate(NAMES)}

VOID, RAW, BLOCK, FOREIGN, CLOSES_P = 1, 2, 4, 8, 16
_VOID = "base link meta hr br wbr source img embed track area col input param frame"
_RAW = "style script title iframe textarea noframes noembed xmp plaintext"
_CLOSES_P = (
    "article section nav aside h1 h2 h3 h4 h5 h6 hgroup header footer address main p hr pre blockquote ol ul menu dl "
    "figure figcaption div center form fieldset details summary dialog dir search listing table"
)
_BLOCK = _CLOSES_P + (
    " html head body li dt dd caption tbody thead tfoot tr td th legend optgroup option select datalist textarea "
    "button iframe object video audio noscript template canvas colgroup svg"
)

#: what an element says of all text inside it, one bit each
CONTEXTS = (
    "nav header footer aside form article main table list figure section blockquote pre button heading hidden "
    "template select code label foreign address details caption definition figcaption dialog time math tex aria"
).split()
CONTEXT = {name: np.uint32(1 << i) for i, name in enumerate(CONTEXTS)}
_CONTEXT_OF = {
    "nav": "nav menu",
    "header": "header hgroup",
    "footer": "footer",
    "aside": "aside",
    "form": "form fieldset",
    "article": "article",
    "main": "main",
    "table": "table",
    "list": "ul ol menu dir",
    "figure": "figure picture",
    "section": "section",
    "blockquote": "blockquote q",
    "pre": "pre listing",
    "button": "button input",
    "heading": "h1 h2 h3 h4 h5 h6",
    "template": "template noscript object video audio canvas",
    "select": "select datalist optgroup option",
    "code": "code kbd samp tt",
    "label": "label legend",
    "foreign": "svg",
    "address": "address",
    "details": "details summary",
    "caption": "caption",
    "definition": "dl",
    "figcaption": "figcaption",
    "dialog": "dialog",
    "time": "time",
    "math": "math",
}


def fnv(text: bytes) -> int:
    """FNV-1a, 32 bits, as the compiled pass computes it over lower-cased names."""
    h = 2166136261
    for byte in text:
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def hash_table(values: dict[int, int], bits: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """Open addressing: keys and values, ``1 << bits`` slots, 0 where a slot is free."""
    keys, found = np.zeros(1 << bits, np.uint32), np.zeros(1 << bits, np.int32)
    for key, value in values.items():
        slot = key & ((1 << bits) - 1)
        while keys[slot]:
            slot = (slot + 1) & ((1 << bits) - 1)
        keys[slot], found[slot] = key, value
    return keys, found


TAG_KEYS, TAG_IDS = hash_table({fnv(name.encode()): i for i, name in enumerate(NAMES) if i}, 10)

KINDS = np.zeros(len(NAMES), np.uint8)
for _names, _bit in (
    (_VOID, VOID),
    (_RAW, RAW),
    (_BLOCK, BLOCK),
    (_CLOSES_P, CLOSES_P),
    ("svg math", FOREIGN),
):
    for _name in _names.split():
        KINDS[ID[_name]] |= _bit

OWN_CONTEXT = np.zeros(len(NAMES), np.uint32)
for _context, _names in _CONTEXT_OF.items():
    for _name in _names.split():
        OWN_CONTEXT[ID[_name]] |= CONTEXT[_context]

#: words of classes and ids that say what is inside, by what they say
CUES = {
    "comment": "comment comments commentlist disqus reply replies respond responses kommentare comentarios "
    "commentaires",
    "forum": "forum thread topic message messages postbody posts discussion answer answers question",
    "related": "related recommended recommend recommendations recirc outbrain taboola trending popular similar "
    "suggested readmore readnext more also latest upsell crosssell",
    "side": "sidebar side widget widgets rail secondary complementary aside",
    "share": "share sharing social socials follow addthis facebook twitter",
    "nav": "nav navbar navigation menu breadcrumb breadcrumbs pagination pager toc tabs tab toolbar",
    "footer": "footer foot copyright legal colophon bottom",
    "advert": "ad ads adv advert advertisement sponsor sponsored promo promotion banner dfp",
    "letter": "newsletter subscribe subscription signup register login signin paywall optin",
    "byline": "author byline bio avatar profile contributor user username",
    "meta": "meta date time timestamp tags tag category categories labels info",
    "body": "content body article entry story post text main richtext prose description",
    "product": "product products price cart shop item items card cards grid",
    "hidden": "modal popup overlay cookie cookies consent gdpr hidden dialog tooltip dropdown hide offscreen",
    "image": "caption credit gallery figure image photo slideshow carousel slider media",
}
CUE_KEYS, CUE_BITS = hash_table(
    {fnv(word.encode()): 1 << i for i, words in enumerate(CUES.values()) for word in words.split()}, 10
)
