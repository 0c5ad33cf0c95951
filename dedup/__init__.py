"""Duplicates: exact by content, fuzzy by MinHash; removed only where similarity with the survivor is verified."""

from __future__ import annotations

from typing import Any

from dedup.params import MinHashParams

__all__ = ["MinHashParams", "cluster"]


def __getattr__(name: str) -> Any:
    if name == "cluster":  # compiled kernels are imported when they are used
        from dedup.clustering import cluster

        return cluster
    raise AttributeError(f"module 'dedup' has no attribute {name!r}")
