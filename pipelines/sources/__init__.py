"""Readers of input files: each turns a range of a file into documents and rejects.

A reader is a module with ``ranges(file) -> list[(start, end)]``, the units of work a file splits into, and
``read(file, start, end, source, counts)``, which yields what is in one of them and counts what it passes over. What is
wrong with a record becomes a Reject and reading goes on; SourceError is for what is wrong with the recipe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from manifests.documents import Document, HostFile, Reject
    from pipelines.recipe import Source

__all__ = ["Reader", "SourceError", "SourceFile", "reader"]

KINDS = ("warc", "common_crawl", "pdf", "parquet", "jsonl", "text")


@dataclass(frozen=True)
class SourceFile:
    """An input file: where it is, its name relative to its source's base, its size in bytes, its content digest."""

    uri: str
    name: str
    size: int
    checksum: str


class SourceError(ValueError):
    """A source that cannot be read as the recipe says: names the file, what was asked for, and what is there."""


class Reader(Protocol):
    """What each module of this package offers."""

    def ranges(self, file: SourceFile) -> list[tuple[int, int]]: ...

    def read(
        self, file: SourceFile, start: int, end: int, source: Source, counts: dict[str, int]
    ) -> Iterator[Document | Reject | HostFile]: ...


def reader(kind: str) -> Reader:
    """The reader of files of a kind. SourceError when there is none."""
    if kind not in KINDS:
        raise SourceError(f"no reader for files of kind {kind!r}; there are: {', '.join(KINDS)}")
    return cast(Reader, import_module(f"pipelines.sources.{kind}"))
