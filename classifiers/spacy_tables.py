"""Makes the tables beside this file from spaCy and datatrove: ``python -m classifiers.spacy_tables``.

They are shipped, not computed: neither library is needed to measure a text, and counts do not change with them.
spaCy's tokeniser rules for English are MIT licensed, datatrove's lists of punctuation Apache-2.0.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

#: bits of a character's class
ALPHA, LOWER, UPPER, ICON, PREFIX, SUFFIX, BEFORE_DOT, QUOTE, CURRENCY, SYMBOL, STOP, MARK, TERMINAL, HOST, WORD = (
    1 << bit for bit in range(15)
)

#: code points with a class; beyond are Han (``ASTRAL``) and what has none
SIZE = 0x20000
ASTRAL = ALPHA | LOWER | UPPER | WORD
CLASSES, EXCEPTIONS = (Path(__file__).with_name(name) for name in ("spacy_classes.npy", "spacy_exceptions.json"))


def classes() -> npt.NDArray[np.uint16]:
    """``uint16[0x20000]``: the bits above of each code point; surrogates have none."""
    from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION
    from spacy.lang import char_classes as spacy
    from spacy.pipeline import Sentencizer

    single = {"§", "%", "=", "—", "–", *spacy.LIST_PUNCT, *spacy.LIST_QUOTES, *spacy.LIST_CURRENCY}
    single = {one.replace("\\", "") for one in single}
    currency = {one.replace("\\", "") for one in spacy.LIST_CURRENCY}
    # after a suffix of its own a full stop may go: the class of spaCy's expression, vertical bars and all
    before_dot = rf"[0-9{spacy.ALPHA_LOWER}%²\-\+{spacy.PUNCT}(?:{spacy.CONCAT_QUOTES})]"
    patterns = [
        (f"[{spacy.ALPHA}]", ALPHA),
        (f"[{spacy.ALPHA_LOWER}]", LOWER),
        (f"[{spacy.ALPHA_UPPER}]", UPPER),
        (f"[{spacy.ICONS}]", ICON | PREFIX | SUFFIX),
        (before_dot, BEFORE_DOT),
        (f"[{spacy.CONCAT_QUOTES}]", QUOTE),
        ("[A-Za-z0-9\\u00a1-\\uffff]", HOST),
        (r"\w", WORD),
    ]
    compiled = [(re.compile(pattern), bits) for pattern, bits in patterns]
    suffixes = {"—", "–", *(one.replace("\\", "") for one in [*spacy.LIST_PUNCT, *spacy.LIST_QUOTES])}
    sets: list[tuple[set[str], int]] = [
        ({c for c in single if len(c) == 1}, PREFIX),
        ({c for c in suffixes if len(c) == 1}, SUFFIX),
        ({c for c in currency if len(c) == 1}, CURRENCY),
        (PUNCTUATION_SET, SYMBOL),
        (set(Sentencizer.default_punct_chars), STOP),
        (set(TERMINAL_PUNCTUATION), TERMINAL),
    ]
    found = np.zeros(SIZE, np.uint16)
    for code in range(SIZE):
        if 0xD800 <= code < 0xE000:
            continue
        c = chr(code)
        bits = sum(b for members, b in sets if c in members)
        for pattern, b in compiled:
            bits |= b if pattern.match(c) else 0
        found[code] = bits | MARK * unicodedata.category(c).startswith("P")
    return found


def exceptions() -> dict[str, Any]:
    """``words``: special case → lengths of its tokens; ``apart``: those whose parts are joined wherever they meet →
    lengths of the parts; ``units``: what goes from behind a number."""
    from spacy.lang import char_classes as spacy
    from spacy.lang.en import English

    tokenizer: Any = English().tokenizer
    words = {text: [len(t.text) for t in tokenizer(text)] for text in tokenizer.rules if not text.isspace()}
    plain: Any = English().tokenizer
    plain.rules = {}
    apart = {text: [len(t.text) for t in plain(text)] for text in words}
    apart = {text: parts for text, parts in apart.items() if len(parts) > 1 and parts != words[text]}
    multiple = [c.replace("\\", "") for c in spacy.LIST_CURRENCY if len(c.replace("\\", "")) > 1]
    return {"words": words, "apart": apart, "units": sorted({*spacy.LIST_UNITS, *multiple})}


if __name__ == "__main__":
    np.save(CLASSES, classes())
    EXCEPTIONS.write_text(json.dumps(exceptions(), ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
