"""The run folder: its lock, its record ``run.json``, and the checksums of its inputs."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from manifests import storage
from manifests.receipts import digest_of
from pipelines.errors import RunFailed
from pipelines.recipe import Recipe

_LIBRARIES = ("cuvee", "apache-beam", "pyarrow", "polars", "numpy", "numba", "fasttext-community", "tokenizers")


class RunFolder:
    """A run's folder, held by one driver at a time. Use as a context manager."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._lock: Any = None

    def __enter__(self) -> RunFolder:
        if not storage.is_local(self.uri):
            raise RunFailed(f"{self.uri}: only local run folders in this version")
        folder = storage.local_path(self.uri)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = open(folder / ".lock", "a+")
        except OSError as error:
            raise RunFailed(f"{self.uri}: cannot be used as a run folder: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "another process"
            self._lock.close()
            raise RunFailed(f"{self.uri} is in use by {holder}: wait for it or stop it") from None
        with suppress(OSError):  # only a help for people
            self._lock.truncate(0)
            self._lock.write(f"process {os.getpid()} on {platform.node()}\n")
            self._lock.flush()
        _remove_leftovers(folder)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    @property
    def record_path(self) -> str:
        return storage.join(self.uri, "run.json")

    def record(self) -> dict[str, Any]:
        """``run.json``, empty when there is none."""
        if not storage.is_file(self.record_path):
            return {}
        return dict(json.loads(storage.read_bytes(self.record_path)))

    def write_record(self, **values: Any) -> None:
        merged = {**self.record(), **values}
        storage.write_bytes(self.record_path, json.dumps(merged, indent=1, sort_keys=True, default=str).encode())


def description(recipe: Recipe, recipe_path: str, workers: int) -> dict[str, Any]:
    """What ``run.json`` says about a start of the run: the one place for hosts, paths, commands and times."""
    dump = recipe.model_dump(mode="json")
    return {
        "run": recipe.name,
        "recipe": dump,
        "recipe_path": str(Path(recipe_path).absolute()),
        "recipe_digest": digest_of(dump),
        "command": " ".join(["cuvee", *sys.argv[1:]]),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "workers": workers,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "finished": None,
        "versions": _versions(),
    }


def _versions() -> Mapping[str, str]:
    found = {}
    for name in _LIBRARIES:
        with suppress(Exception):
            found[name] = version(name)
    return found


def _remove_leftovers(folder: Path) -> None:
    """Temporary files of a driver or worker that was killed; the lock says that nobody is writing now."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)
