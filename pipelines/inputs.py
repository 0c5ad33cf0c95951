"""Inputs: the files the run makes for itself, once, and the files its sources name, with their checksums."""

from __future__ import annotations

import glob
import json
import os
from pathlib import Path
from typing import Any

from manifests import storage
from pipelines.errors import RecipeError
from pipelines.recipe import Recipe
from pipelines.recipe_file import pattern_path
from pipelines.sources import SourceFile


def list_inputs(recipe: Recipe, recipe_folder: Path, run: str) -> dict[str, list[SourceFile]]:
    """The files of each source with their checksums. RecipeError when a pattern matches nothing."""
    known = _Checksums(run)
    found = {}
    for source in recipe.sources:
        patterns = [pattern_path(p, recipe_folder, run) for p in source.paths]
        paths = sorted({path for pattern in patterns for path in _expand(pattern, source.name)})
        base = os.path.commonpath([_static(p) for p in patterns])
        found[source.name] = [
            SourceFile(
                uri=path, name=os.path.relpath(path, base), size=storage.size(path), checksum=known.checksum(path)
            )
            for path in paths
        ]
    known.save()
    return found


def _expand(pattern: str, source: str) -> list[str]:
    if not storage.is_local(pattern):
        folder, name = pattern.rsplit("/", 1)
        paths = storage.list_files(folder, name) if glob.has_magic(name) else [pattern]
    else:
        matches = [pattern] if os.path.isfile(pattern) else glob.glob(pattern, recursive=True)  # "x[1].txt" is a name
        paths = [p for p in matches if os.path.isfile(p)]
    if not paths:
        raise RecipeError(f"source {source!r}: no file matches {pattern}")
    return paths


def _static(pattern: str) -> str:
    """The folder of a pattern before its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


class _Checksums:
    """Content digests of local inputs, remembered by size and modification time."""

    def __init__(self, run: str) -> None:
        self.path = storage.join(run, "cache", "checksums.json")
        self.known: dict[str, Any] = {}
        if storage.is_file(self.path):
            self.known = json.loads(storage.read_bytes(self.path))
        self.used: dict[str, Any] = {}

    def checksum(self, uri: str) -> str:
        status = os.stat(storage.local_path(uri))
        stamp = [status.st_size, status.st_mtime_ns]
        entry = self.known.get(uri)
        digest = entry["digest"] if entry and entry["stamp"] == stamp else storage.digest(uri)
        self.used[uri] = {"stamp": stamp, "digest": digest}
        return str(digest)

    def save(self) -> None:
        if self.used != self.known:
            storage.write_bytes(self.path, json.dumps(self.used).encode())


def record(files: dict[str, list[SourceFile]], run: str) -> dict[str, Any]:
    """What ``run.json`` says of the inputs; a base inside the run folder is written ``{run}/…``: runs can move."""
    described = {}
    for source, found in files.items():
        base = found[0].uri.removesuffix(found[0].name).rstrip("/")
        if f"{base}/".startswith(f"{run}/"):
            base = "{run}" + base.removeprefix(run)
        listed = [{"name": f.name, "size": f.size, "checksum": f.checksum} for f in found]
        described[source] = {"base": base, "files": listed}
    return described
