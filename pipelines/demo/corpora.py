"""Code and prose from the Python installation: sources, and the words their authors wrote about them.

Copies are welcome: packages vendor one another, and near-duplicates that occur by nature are what a run must find.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from manifests import storage
from pipelines.demo.installed import Package, is_licence_file, packages

_FEWEST_CODE_CHARACTERS = 200
_MOST_CODE_BYTES = 60_000  # of one file; larger ones are tables or generated
_LONGEST_MEAN_LINE = 160  # bytes; longer ones are data or minified
_GENERATED = ("_pb2.py", "_pb2_grpc.py")
_MOST_PROSE_BYTES = 100_000
_FEWEST_PROSE_WORDS = 40
_PROSE_SUFFIXES = {".md", ".rst", ".txt"}
_PROSE_NAMES = re.compile(
    r"readme|change|history|news|authors|contributing|code_of_conduct|guide|tutorial|docs?/", re.I
)
_HEADER_LICENCE = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n*]+)")
_DOCSTRING = re.compile(r'\A(?:[ \t]*(?:#[^\n]*)?\n)*([rRuU]?("""|\'\'\').*?\2)', re.DOTALL)


class _File(NamedTuple):
    package: Package
    path: str
    place: Path

    @property
    def key(self) -> tuple[bytes, str, str]:
        """Order of sampling: by the last two parts of the path, so that copies of a file stay together."""
        tail = "/".join(self.path.split("/")[-2:])
        return hashlib.blake2b(tail.encode(), digest_size=8).digest(), self.package.name, self.path

    def row(self, text: str, title: str, source: str = "", fragment: str = "") -> dict[str, str | None]:
        """One document; a licence in the head of its ``source`` goes before the package's."""
        package = self.package
        spdx = _HEADER_LICENCE.search(source[:4000])
        return {
            "id": f"{package.name}-{package.version}/{self.path}{fragment}",
            "text": text,
            "url": package.url(self.path),
            "title": title,
            "license": spdx[1].strip() if spdx else package.licence,
            "path": self.path,
            "package": package.name,
        }


_COLUMNS = pa.schema([(name, pa.string()) for name in ("id", "text", "url", "title", "license", "path", "package")])


def write_code(folder: Path, *, documents: int = 1500, max_bytes: int = 12_000_000) -> list[Path]:
    """Writes ``code.parquet``: at most ``documents`` Python files (count) of ``max_bytes`` UTF-8 bytes together.

    Columns id, text, url, title, license (as declared; null where nothing is), path, package; sorted by id. A
    sample over all packages, the same for the same installation. ValueError when a limit is below one.
    """
    _check(documents=documents, max_bytes=max_bytes)
    rows: list[dict[str, str | None]] = []
    room = max_bytes
    for file in sorted(_sources(packages()), key=lambda file: file.key):
        if len(rows) == documents or room < _FEWEST_CODE_CHARACTERS:
            break
        text = _read(file.place, _MOST_CODE_BYTES)
        if text is None or not _is_code(text) or len(text.encode()) > room:
            continue
        room -= len(text.encode())
        rows.append(file.row(text, _module(file.path), text))
    target = folder / "code.parquet"
    rows.sort(key=lambda row: str(row["id"]))
    storage.write_table(str(target), pa.Table.from_pylist(rows, schema=_COLUMNS))
    return [target]


def write_prose(folder: Path, *, documents: int = 800) -> list[Path]:
    """Writes ``prose.jsonl.gz``: at most ``documents`` texts (count), with the columns of the code, one a line.

    Package descriptions first, then the documents packages ship (read-mes, change logs), then module docstrings.
    ValueError when ``documents`` is below one.
    """
    _check(documents=documents)
    found = list(packages())
    rows: list[dict[str, str | None]] = []
    for row in _prose(found):
        text = str(row["text"])
        if len(text.split()) >= _FEWEST_PROSE_WORDS and len(text.encode()) <= _MOST_PROSE_BYTES:
            rows.append(row)
        if len(rows) == documents:
            break
    rows.sort(key=lambda row: str(row["id"]))
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    target = folder / "prose.jsonl.gz"
    storage.write_bytes(str(target), gzip.compress(lines.encode(), mtime=0))
    return [target]


def _check(**limits: int) -> None:
    for name, value in limits.items():
        if value < 1:
            raise ValueError(f"{name} is {value}: it must be at least 1")


def _sources(found: Iterable[Package]) -> Iterator[_File]:
    for package in found:
        for path, place in package.files:
            if path.endswith(".py") and not path.endswith(_GENERATED):
                yield _File(package, path, place)


def _prose(found: list[Package]) -> Iterator[dict[str, str | None]]:
    for package in found:
        yield _File(package, "METADATA", Path()).row(package.description, f"{package.name} {package.version}")
    for package in found:
        for path, place in package.files:
            if Path(path).suffix in _PROSE_SUFFIXES and _PROSE_NAMES.search(path) and not is_licence_file(path):
                text = _read(place, _MOST_PROSE_BYTES)
                if text is not None:
                    yield _File(package, path, place).row(text.strip(), f"{package.name}: {Path(path).name}")
    for file in sorted(_sources(found), key=lambda file: file.key):
        text = _read(file.place, _MOST_CODE_BYTES)
        docstring = _docstring(text) if text is not None else None
        if docstring:
            yield file.row(docstring, _module(file.path), text or "", "#docstring")


def _read(place: Path, limit: int) -> str | None:
    """The file's text; None when it is absent, larger than ``limit`` bytes or not UTF-8."""
    try:
        if place.stat().st_size > limit:
            return None
        text = place.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _is_code(text: str) -> bool:
    return _FEWEST_CODE_CHARACTERS <= len(text) <= _LONGEST_MEAN_LINE * (text.count("\n") + 1)


def _docstring(text: str) -> str | None:
    """The module's docstring, clean of indentation; only the head of the file is parsed."""
    head = _DOCSTRING.match(text)
    if not head:
        return None
    try:
        return ast.get_docstring(ast.parse(head[1]))
    except (SyntaxError, ValueError):  # a docstring that only looks like one
        return None


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
