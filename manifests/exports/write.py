"""The formats by name, and where each is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from manifests import storage
from manifests.exports import ab2013, article53, attribution, card, croissant, cyclonedx, spdx
from manifests.exports.facts import Facts, gather

#: one JSON document
_JSON: dict[str, Callable[[Facts], dict[str, Any]]] = {
    "croissant": croissant.document,
    "spdx": spdx.document,
    "cyclonedx": cyclonedx.document,
}
#: one Markdown text
_TEXT: dict[str, Callable[[Facts], str]] = {"card": card.text, "ab2013": ab2013.text}
#: several files in a folder
_FOLDER: dict[str, Callable[[Facts, str], list[str]]] = {
    "attribution": attribution.write,
    "article53": article53.write,
}
FORMATS = (*_JSON, *_TEXT, *_FOLDER)


def write(form: str, run: str, to: str) -> list[str]:
    """Writes an export of the run folder ``run`` to the file ``to``: for ``attribution`` and ``article53`` a folder.

    Returns the files. ValueError for an unknown format, or a folder that is no run.
    """
    if form not in FORMATS:
        raise ValueError(f"unknown format {form!r}; there are {', '.join(FORMATS)}")
    facts = gather(run)
    if form in _FOLDER:
        return _FOLDER[form](facts, to)
    told = json.dumps(_JSON[form](facts), indent=1, ensure_ascii=False) if form in _JSON else _TEXT[form](facts)
    storage.write_bytes(to, f"{told.rstrip()}\n".encode())
    return [to]
