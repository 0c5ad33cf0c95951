"""A small embedding backend for tests: which beginnings of words a text has, hashed; word order plays no part."""

from __future__ import annotations

import re
import zlib

import numpy as np
import numpy.typing as npt


class Stems:
    def encode(self, texts: list[str]) -> npt.NDArray[np.float32]:
        out = np.zeros((len(texts), 512), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                out[row, zlib.crc32(word[:4].encode()) % 512] += 1
        return out
