"""Makes the character tables beside this file: ``python -m manifests.character_tables``.

They are shipped, not computed, so that counts and content hashes do not change with the Unicode version of Python.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import numpy.typing as npt

#: bits of a character's class
LETTER, SPACE, PUNCTUATION, TERMINAL, UNSPACED, DIGIT, UPPER = (1 << bit for bit in range(7))

SIZE = 0x10000
#: sentence ends after FineWeb (Penedo et al. 2024), closing quotation marks among them
_TERMINAL = frozenset(".!?…\"'”’»。！？؟۔।")
#: Han, kana, Thai, Lao, Myanmar and Khmer put no spaces between words
_UNSPACED = [
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F),
]  # fmt: skip


def classify(character: str) -> int:
    """The class of one character: the bits above."""
    category = unicodedata.category(character)
    letter = category[0] in "LM" or category == "Nl"
    unspaced = letter and any(first <= ord(character) <= last for first, last in _UNSPACED)
    return (
        LETTER * letter
        | SPACE * character.isspace()
        | PUNCTUATION * (category[0] in "PS")
        | TERMINAL * (character in _TERMINAL)
        | UNSPACED * unspaced
        | DIGIT * (category == "Nd")
        | UPPER * (category in ("Lu", "Lt"))
    )


def tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """Classes and simple lower case of the basic plane; surrogates have no class."""
    classes = np.zeros(SIZE, np.uint8)
    lower = np.arange(SIZE, dtype=np.uint16)
    for code in range(SIZE):
        if 0xD800 <= code < 0xE000:
            continue
        classes[code] = classify(chr(code))
        small = chr(code).lower()
        if len(small) == 1 and ord(small) < SIZE:
            lower[code] = ord(small)
    return classes, lower


if __name__ == "__main__":
    folder = Path(__file__).parent
    made = tables()
    np.save(folder / "character_classes.npy", made[0])
    np.save(folder / "lower_case.npy", made[1])
