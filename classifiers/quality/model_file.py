"""A model as one file: a ZIP archive of JSON, NumPy arrays and fastText's own format. Reading one runs nothing."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from classifiers.quality.learner import State
from manifests import storage

_FORMAT = "cuvee-classifier/1"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever it is written
_LARGEST = 2 << 30
#: what readers of ZIP, JSON and NumPy raise for damaged content
_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, TypeError, EOFError, RuntimeError)
_JSON, _ARRAY, _FILE = "model.json", "arrays/", "files/"


@dataclass(frozen=True)
class Saved:
    """``about`` says what the model is, in JSON; ``state`` is what it was restored from."""

    about: Mapping[str, Any]
    state: State


def write(path: str, about: Mapping[str, Any], state: State) -> None:
    """Writes a model to a path or URI; the same model gives the same bytes."""
    said = {**about, "format": _FORMAT, "options": dict(state.options)}
    entries = {_JSON: json.dumps(said, sort_keys=True, indent=1).encode()}
    for name, array in sorted(state.arrays.items()):
        out = io.BytesIO()
        np.lib.format.write_array(out, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
        entries[f"{_ARRAY}{name}.npy"] = out.getvalue()
    entries |= {f"{_FILE}{name}": content for name, content in sorted(state.files.items())}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content, compresslevel=6)
    storage.write_bytes(path, whole.getvalue())


def read(path: str) -> Saved:
    """ValueError when there is no such file, or it is no model."""
    if not storage.is_file(path):
        raise ValueError(f"{path} does not exist; it should be a model that `cuvee classifier train` wrote")
    try:
        return _unpacked(storage.read_bytes(path))
    except _DAMAGE as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is no model of cuvée: {why}") from None


def _unpacked(content: bytes) -> Saved:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if (size := sum(i.file_size for i in archive.infolist())) > _LARGEST:
            raise ValueError(f"it unpacks to {size:,} bytes; a model has {_LARGEST:,} at most")
        entries = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(entries[_JSON])
    if about["format"] != _FORMAT:
        raise ValueError(f"its format is {about['format']!r}; this version reads {_FORMAT!r}")
    arrays = {
        name.removeprefix(_ARRAY).removesuffix(".npy"): np.load(io.BytesIO(data), allow_pickle=False)
        for name, data in entries.items()
        if name.startswith(_ARRAY)
    }
    files = {name.removeprefix(_FILE): data for name, data in entries.items() if name.startswith(_FILE)}
    return Saved(about, State(arrays, files, about["options"]))
