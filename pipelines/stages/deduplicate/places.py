"""Parts of this run, and of the earlier runs that an index names, under one name each."""

from __future__ import annotations

from manifests import storage

FOLDER = "exchange"
KEYS = f"{FOLDER}/keys"
EDGES = f"{FOLDER}/edges"
SAMPLES = f"{FOLDER}/samples"
_OTHER = "::"


def foreign(run: str, part: str) -> str:
    """The name of a part of another run."""
    return f"{run.rstrip('/')}{_OTHER}{part}"


def place(run: str, name: str) -> tuple[str, str]:
    """Run and part of a name."""
    other, _, part = name.rpartition(_OTHER)
    return (other, part) if other else (run, name)


def of_key_file(path: str) -> str:
    """The name of the part whose keys this file holds."""
    before, _, part = path.removesuffix(".keys").rpartition(f"{KEYS}/")
    return foreign(before, part) if before else part


def edges_file(run: str, name: str) -> str:
    """Where the pairs found within a part lie."""
    other, part = place(run, name)
    return storage.join(other, f"{EDGES}/{part}.parquet")
