"""Inputs: the files the run makes for itself, once, and the files its sources name, with their checksums."""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from manifests import storage
from manifests.receipts import digest_of
from pipelines import crawl_index
from pipelines.errors import RecipeError
from pipelines.recipe import Recipe, Source
from pipelines.recipe_paths import pattern_path
from pipelines.sources import SourceFile
from pipelines.sources.common_crawl import SELECTION_SUFFIX

_Checksum = Callable[[storage.Entry], str]


def list_inputs(recipe: Recipe, recipe_folder: Path, run: str) -> dict[str, list[SourceFile]]:
    """The files of each source with their checksums. RecipeError when a pattern matches nothing."""
    known = Checksums(run)
    found = {s.name: _files(s, recipe_folder, run, known.checksum) for s in recipe.sources}
    known.save()
    return found


def listed(recipe: Recipe, recipe_folder: Path, run: str) -> dict[str, list[SourceFile]]:
    """The files of each source, not read yet and so without checksums; none of what the run has yet to make itself."""
    return {
        s.name: _files(s, recipe_folder, run, lambda _: "") if _is_made(s, recipe_folder, run) else []
        for s in recipe.sources
    }


def _is_made(source: Source, recipe_folder: Path, run: str) -> bool:
    """Whether what the run makes for itself of this source, if anything, is there."""
    if source.kind == "common_crawl":
        return not source.where or bool(_selections(source, run))
    own = [pattern_path(p, recipe_folder, run) for p in source.paths if p.startswith("{run}")]
    return not own or any(_matches(p) for p in own)


def _files(source: Source, recipe_folder: Path, run: str, checksum: _Checksum) -> list[SourceFile]:
    if source.kind == "common_crawl":
        return _crawl_files(source, run, checksum)
    patterns = [pattern_path(p, recipe_folder, run) for p in source.paths]
    files = {entry.uri: entry for pattern in patterns for entry in _expand(pattern, source.name)}
    base = _common([_static(p) for p in patterns])
    return [SourceFile(uri, _relative(uri, base), files[uri].size, checksum(files[uri])) for uri in sorted(files)]


def _selections(source: Source, run: str) -> list[storage.Entry]:
    return list(storage.entries(storage.join(run, "inputs", source.name), f"*{SELECTION_SUFFIX}"))


def _crawl_files(source: Source, run: str, checksum: _Checksum) -> list[SourceFile]:
    """The files of a crawl, or the selections of its records that the run made. RecipeError when there is none."""
    if source.where:
        made = _selections(source, run)
        if not made:
            raise RecipeError(f"source {source.name!r}: no record of {source.crawl} meets `{source.where}`")
        return [SourceFile(e.uri, e.uri.rsplit("/", 1)[-1], e.size, checksum(e)) for e in made]
    try:
        names = crawl_index.files(source.base, source.crawl, source.subset, source.segment_range)
    except ValueError as error:
        raise RecipeError(f"source {source.name!r}: {error}") from None

    def described(name: str) -> SourceFile:
        entry = storage.stat(storage.join(source.base, name))
        if entry is None:
            raise RecipeError(f"source {source.name!r}: {storage.join(source.base, name)} is listed, but not there")
        return SourceFile(entry.uri, name, entry.size, checksum(entry))

    return storage.at_once(described, names, remote=not storage.is_local(source.base))


def _expand(pattern: str, source: str) -> list[storage.Entry]:
    files = _matches(pattern)
    if not files:
        raise RecipeError(f"source {source!r}: no file matches {pattern}")
    return files


def _matches(pattern: str) -> list[storage.Entry]:
    if storage.is_local(pattern):
        matches = [pattern] if os.path.isfile(pattern) else glob.glob(pattern, recursive=True)  # "x[1].txt" is a name
        found = [storage.stat(p) for p in matches]
    else:
        one = storage.stat(pattern)
        found = [one] if one or not glob.has_magic(pattern) else list(_matching(pattern))
    return [entry for entry in found if entry is not None]


def _matching(pattern: str) -> list[storage.Entry]:
    """Files of an object store by glob: ``*`` and ``?`` within a name, ``**`` across folders."""
    expression = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    matches = re.compile(expression).fullmatch
    return [e for e in storage.entries(_static(pattern), recursive=True) if matches(e.uri)]


def _static(pattern: str) -> str:
    """The folder of a pattern before its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def _common(folders: Sequence[str]) -> str:
    """The folder that holds them all; empty when they lie in different places."""
    schemes = {f.partition("://")[0] if "://" in f else "" for f in folders}
    if len(schemes) > 1:
        return ""
    scheme = schemes.pop()
    prefix = f"{scheme}://" if scheme else ""
    common = os.path.commonpath([f.removeprefix(prefix) for f in folders])
    return f"{prefix}{common}" if common else ""


def _relative(uri: str, base: str) -> str:
    return os.path.relpath(uri, base) if storage.is_local(uri) and base else uri.removeprefix(f"{base}/")


class Checksums:
    """What tells one content of an input from another.

    For local files the digest, remembered by size and modification time; for others what the store says of them: the
    digest we noted when we wrote them, else the version.
    """

    def __init__(self, run: str) -> None:
        self.path = storage.join(run, "cache", "checksums.json")
        self.known: dict[str, Any] = {}
        if storage.is_file(self.path):
            self.known = json.loads(storage.read_bytes(self.path))
        self.used: dict[str, Any] = {}

    def checksum(self, file: storage.Entry) -> str:
        if not storage.is_local(file.uri):
            entry = file if storage.is_store(file.uri) and file.digest else storage.stat(file.uri) or file
            return entry.digest or digest_of(entry.version, entry.size)
        status = os.stat(storage.local_path(file.uri))
        stamp = [status.st_size, status.st_mtime_ns]
        known = self.known.get(file.uri)
        digest = known["digest"] if known and known["stamp"] == stamp else storage.digest(file.uri)
        self.used[file.uri] = {"stamp": stamp, "digest": digest}
        return str(digest)

    def save(self) -> None:
        if self.used != self.known:
            storage.write_bytes(self.path, json.dumps(self.used).encode())


def local_folders(recipe: Recipe, recipe_folder: Path) -> list[str]:
    """The folders of this machine that sources name: a remote engine's workers must see them too."""
    patterns = (p for source in recipe.sources for p in source.paths if not p.startswith("{run}"))
    found = {_static(full) for p in patterns if storage.is_local(full := pattern_path(p, recipe_folder, ""))}
    return sorted(found)


def carried(recipe: Recipe, run: str) -> Recipe:
    """The recipe with the models it names on this machine copied into the run folder, where remote workers see them."""
    annotate, tokenizer = recipe.annotate.with_models(lambda path: _carry(path, run)), recipe.tokenizer
    if tokenizer and tokenizer.path:
        tokenizer = tokenizer.model_copy(update={"path": _carry(tokenizer.path, run)})
    return recipe.model_copy(update={"annotate": annotate, "tokenizer": tokenizer})


def _carry(path: str, run: str) -> str:
    if not storage.is_local(path):
        return path
    target = storage.join(run, "cache", "carried", f"{storage.digest(path)}{Path(path).suffix}")
    if not storage.is_file(target):
        storage.write_bytes(target, storage.read_bytes(path))
    return target


def record(files: dict[str, list[SourceFile]], run: str, recipe: Recipe) -> dict[str, Any]:
    """What ``run.json`` says of the inputs; a base inside the run folder is written ``{run}/…``: runs can move."""
    described = {}
    crawls = {s.name: s.base for s in recipe.sources if s.kind == "common_crawl"}
    for source, found in files.items():
        base = crawls.get(source) or found[0].uri.removesuffix(found[0].name).rstrip("/")
        if f"{base}/".startswith(f"{run}/"):
            base = "{run}" + base.removeprefix(run)
        listed = [{"name": f.name, "size": f.size, "checksum": f.checksum} for f in found]
        described[source] = {"base": base, "files": listed}
    return described
