"""Inputs that the run makes for itself, such as the demo's crawl: once, and never again while they are there."""

from __future__ import annotations

import importlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests import storage
from manifests.receipts import digest_of, output
from pipelines.recipe import Input
from pipelines.task import Made, Task

FOLDER = "inputs"
MARK = "made.json"


@dataclass(frozen=True)
class Making:
    name: str
    input: Input


def missing(run: str, inputs: dict[str, Input]) -> list[str]:
    """Inputs that are not there yet. A folder copied from another run counts as there: its mark came with it."""
    return [name for name in inputs if not _complete(run, name)]


def task(name: str, made: Input) -> Task:
    key = digest_of("make", name, made.model_dump(mode="json"))
    return Task("inputs", name, key, make, Making(name, made))


def make(run: str, spec: Making) -> Made:
    """Calls the maker with the folder and the recipe's options, then marks the folder complete."""
    if not _complete(run, spec.name):
        folder = storage.join(run, FOLDER, spec.name)
        with _local(folder) as made:
            _maker(spec.input.maker)(made, **spec.input.options)
        files = {
            path.removeprefix(f"{folder}/"): [storage.size(path), storage.digest(path)]
            for path in storage.list_files(folder, recursive=True)
            if not path.endswith(f"/{MARK}")
        }
        if not files:
            raise ValueError(f"inputs.{spec.name}: {spec.input.maker} made no file")
        mark = {"maker": spec.input.maker, "options": spec.input.options, "files": files}
        storage.write_bytes(storage.join(folder, MARK), json.dumps(mark, indent=1, sort_keys=True).encode())
    return Made([output(run, f"{FOLDER}/{spec.name}/{MARK}")])


@contextmanager
def _local(folder: str) -> Iterator[Path]:
    """A folder of this machine for the maker to fill; for an object store, what it holds at the end goes there."""
    if storage.is_local(folder):
        yield storage.local_path(folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        yield made
        for path in sorted(p for p in made.rglob("*") if p.is_file()):
            with storage.replacing(storage.join(folder, path.relative_to(made).as_posix())) as target:
                path.replace(target)


def _complete(run: str, name: str) -> bool:
    folder = storage.join(run, FOLDER, name)
    mark = storage.join(folder, MARK)
    try:
        files = json.loads(storage.read_bytes(mark))["files"]
    except FileNotFoundError:
        return False
    found = storage.at_once(storage.stat, [storage.join(folder, f) for f in files], remote=not storage.is_local(folder))
    return [f.size if f else None for f in found] == [size for size, _ in files.values()]


def _maker(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"inputs: {path} cannot be imported: {error}") from None
    if not callable(found):
        raise ValueError(f"inputs: {path} is not a function")
    return found  # type: ignore[no-any-return]
