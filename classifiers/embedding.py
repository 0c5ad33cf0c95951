"""Sentence embeddings by whatever the user has: any object with ``encode``, named by its import path."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from manifests import storage

Floats = npt.NDArray[np.float32]


class Backend(Protocol):
    """What turns texts into vectors; sentence-transformers' models are such."""

    def encode(self, texts: list[str], /) -> Any:
        """One vector of numbers a text."""


def load(path: str) -> Backend:
    """The backend at ``package.module:name``: an object with ``encode``, or a class or function that makes one.

    ValueError when there is none.
    """
    module, _, name = path.partition(":")
    if not (module and name):
        raise ValueError(f"embedding backend {path!r}: must be an import path, package.module:name")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"embedding backend {path!r}: {error}") from None
    if callable(found) and (isinstance(found, type) or not hasattr(found, "encode")):
        found = found()
    if not callable(getattr(found, "encode", None)):
        raise ValueError(f"embedding backend {path!r} is a {type(found).__name__} without `encode(texts)`")
    backend: Backend = found
    return backend


def source_digest(path: str) -> str:
    """Digest of the module's source: with another one the vectors may be others. ValueError when there is none."""
    module = path.partition(":")[0]
    try:
        found = find_spec(module)
    except ImportError:
        found = None
    if found is None or not found.origin or not Path(found.origin).is_file():
        raise ValueError(f"embedding backend {path!r}: no module named {module!r}")
    return storage.digest_bytes(Path(found.origin).read_bytes())


def encode(backend: Backend, texts: Sequence[str]) -> Floats:
    """``float32[n, d]``: unit vectors, zero where the backend gives zero. ValueError for what is no finite vector."""
    if not texts:
        return np.zeros((0, 0), np.float32)
    vectors = np.asarray(backend.encode(list(texts)), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
        raise ValueError(
            f"the embedding backend made {vectors.shape} of {len(texts)} texts; expected ({len(texts)}, d), all finite"
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)
