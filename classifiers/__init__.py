"""What a text is like: its language, the statistics of published rules, its quality by the user's own examples."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Classifier", "identify", "measure", "train"]

_WHERE = {
    "Classifier": ("quality", "Classifier"),
    "identify": ("language", "identify"),
    "measure": ("heuristics", "measure"),
    "train": ("quality", "train"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'classifiers' has no attribute {name!r}")
    module, found = _WHERE[name]  # compiled kernels and models are imported when they are used
    return getattr(import_module(f"classifiers.{module}"), found)
