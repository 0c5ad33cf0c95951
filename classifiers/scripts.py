"""Writing systems: which one a letter belongs to, and which ones a language is written in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: ISO 15924 code (Kana stands for both kana) → blocks of the basic plane, first and last code point
_BLOCKS: dict[str, list[tuple[int, int]]] = {
    "Latn": [
        (0x0041, 0x02AF), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF), (0xAB30, 0xAB6F), (0xFB00, 0xFB06),
        (0xFF21, 0xFF5A),
    ],
    "Grek": [(0x0370, 0x03FF), (0x1F00, 0x1FFF)],
    "Cyrl": [(0x0400, 0x052F), (0x1C80, 0x1C8F), (0xA640, 0xA69F)],
    "Armn": [(0x0530, 0x058F), (0xFB13, 0xFB17)],
    "Hebr": [(0x0590, 0x05FF), (0xFB1D, 0xFB4F)],
    "Arab": [(0x0600, 0x06FF), (0x0750, 0x077F), (0x0870, 0x08FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE)],
    "Deva": [(0x0900, 0x097F), (0xA8E0, 0xA8FF)],
    "Beng": [(0x0980, 0x09FF)],
    "Guru": [(0x0A00, 0x0A7F)],
    "Gujr": [(0x0A80, 0x0AFF)],
    "Orya": [(0x0B00, 0x0B7F)],
    "Taml": [(0x0B80, 0x0BFF)],
    "Telu": [(0x0C00, 0x0C7F)],
    "Knda": [(0x0C80, 0x0CFF)],
    "Mlym": [(0x0D00, 0x0D7F)],
    "Sinh": [(0x0D80, 0x0DFF)],
    "Thai": [(0x0E00, 0x0E7F)],
    "Laoo": [(0x0E80, 0x0EFF)],
    "Tibt": [(0x0F00, 0x0FFF)],
    "Mymr": [(0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)],
    "Geor": [(0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)],
    "Ethi": [(0x1200, 0x139F), (0x2D80, 0x2DDF), (0xAB00, 0xAB2F)],
    "Khmr": [(0x1780, 0x17FF)],
    "Hang": [(0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF)],
    "Kana": [(0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)],
    "Thaa": [(0x0780, 0x07BF)],
    "Syrc": [(0x0700, 0x074F)],
    "Nkoo": [(0x07C0, 0x07FF)],
    "Cher": [(0x13A0, 0x13FF), (0xAB70, 0xABBF)],
    "Olck": [(0x1C50, 0x1C7F)],
    "Tfng": [(0x2D30, 0x2D7F)],
    "Yiii": [(0xA000, 0xA4CF)],
    "Vaii": [(0xA500, 0xA63F)],
    "Java": [(0xA980, 0xA9DF)],
    "Mong": [(0x1800, 0x18AF)],
    "Hani": [(0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)],
}  # fmt: skip

#: number of a script in the table; 0 is every other script
NAMES = ["", *_BLOCKS]
HAN, LATIN = NAMES.index("Hani"), NAMES.index("Latn")

#: ISO 639-3 → scripts, where Latin is not the only one (Unicode CLDR, languages and scripts)
_WRITTEN = {
    **dict.fromkeys(["bel", "bul", "kir", "mkd", "mon", "rus", "ukr", "bak", "tgk"], "Cyrl"),
    **dict.fromkeys(["srp", "bos", "uzb", "crh", "tuk", "tat"], "Cyrl Latn"),
    **dict.fromkeys(["ara", "fas", "pus", "urd", "uig", "sdh", "arz", "ary", "uzs"], "Arab"),
    **dict.fromkeys(["kur", "msa", "hau"], "Latn Arab"),
    **dict.fromkeys(["aze", "kaz"], "Latn Cyrl Arab"),
    **dict.fromkeys(["hin", "mar", "nep", "san"], "Deva"),
    **dict.fromkeys(["ell", "grc"], "Grek"),
    **dict.fromkeys(["heb", "hbo"], "Hebr"),
    **dict.fromkeys(["asm", "ben"], "Beng"),
    **dict.fromkeys(["zho", "wuu", "yue"], "Hani"),
    "amh": "Ethi",
    "dzo": "Tibt",
    "gom": "Deva Latn",
    "jav": "Latn Java",
    "guj": "Gujr",
    "hye": "Armn",
    "jpn": "Kana Hani",
    "kan": "Knda",
    "kat": "Geor",
    "khm": "Khmr",
    "kor": "Hang Hani",
    "lao": "Laoo",
    "mal": "Mlym",
    "mya": "Mymr",
    "ori": "Orya",
    "pan": "Guru Arab",
    "sin": "Sinh",
    "tam": "Taml",
    "tel": "Telu",
    "tha": "Thai",
    "zxx": " ".join(_BLOCKS),
}


#: ISO 15924 codes that differ from the names above, as FineWeb-2 and GlotLID write them
ISO_15924 = {"Kana": "Jpan"}
#: scripts of one language that the model does not know: the script alone tells it
SOLE = {
    "Thaa": "div", "Syrc": "syr", "Nkoo": "nqo", "Cher": "chr", "Olck": "sat", "Tfng": "zgh", "Yiii": "iii",
    "Vaii": "vai", "Mong": "mon",
}  # fmt: skip
#: a language is considered where its scripts have this share of the letters
SHARE = 0.125


def table() -> npt.NDArray[np.uint8]:
    """``uint8[65536]``: the number of the script whose block holds each character."""
    scripts = np.zeros(0x10000, np.uint8)
    for number, name in enumerate(NAMES):
        for first, last in _BLOCKS.get(name, []):
            scripts[first : last + 1] = number
    return scripts


def written(languages: list[str]) -> npt.NDArray[np.bool_]:
    """``bool[scripts, languages]``: whether the language is written in the script."""
    return np.array([[name in _WRITTEN.get(language, "Latn").split() for language in languages] for name in NAMES])


def may_be(language: str, script: int) -> bool:
    """Whether a language may be written in a script; those not known here may be in any."""
    return language not in _WRITTEN or NAMES[script] in _WRITTEN[language].split()
