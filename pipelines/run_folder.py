"""The run folder: held by one driver, its record ``run.json``, and the checksums of its inputs."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from manifests import storage
from manifests.receipts import digest_of
from pipelines import lease
from pipelines.errors import RunFailed
from pipelines.recipe import Recipe

_LIBRARIES = ("cuvee", "apache-beam", "pyarrow", "polars", "numpy", "numba", "fasttext-community", "tokenizers")


class RunFolder:
    """A run's folder, held by one driver at a time. Use as a context manager."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._hold: lease.Hold | None = None

    def __enter__(self) -> RunFolder:
        self._hold = lease.acquire(self.uri)
        if storage.is_local(self.uri):
            _remove_leftovers(storage.local_path(self.uri))
        return self

    def __exit__(self, *_: object) -> None:
        if self._hold is not None:
            self._hold.release()

    def check(self) -> None:
        """RunFailed when the folder is held no more: another driver may be writing."""
        if self._hold is not None and self._hold.lost:
            raise RunFailed(f"{self.uri}: {self._hold.lost}")

    @property
    def record_path(self) -> str:
        return storage.join(self.uri, "run.json")

    def record(self) -> dict[str, Any]:
        """``run.json``, empty when there is none."""
        try:
            return dict(json.loads(storage.read_bytes(self.record_path)))
        except FileNotFoundError:
            return {}

    def recipe(self) -> Recipe:
        """The recipe of the record. RunFailed for one with keys that this version has no more."""
        try:
            return Recipe.model_validate(self.record()["recipe"])
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise RunFailed(f"{self.uri}: made by another version of cuvee ({key}): run its recipe again") from None

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
