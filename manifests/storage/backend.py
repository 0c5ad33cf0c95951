"""What a place for files must be able to do, and the errors it speaks in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

#: so that reading forwards costs a request every few megabytes
READ_AHEAD = 4 << 20
#: what opening a file brings, where that says its size as well: most files of a run are smaller, and come whole
FIRST_READ = 1 << 20


class StorageError(OSError):
    """A store that cannot be used as asked; the text names the address, the cause and the remedy."""


class Contested(StorageError):
    """A conditional write lost: the object was created, changed or removed by somebody else."""


class Damaged(StorageError):
    """A file that does not hold what it should: cut short, or overwritten."""


@dataclass(frozen=True)
class Entry:
    """A file."""

    uri: str
    size: int  #: bytes
    version: str = ""  #: names the content where the store tells: an ETag, a generation
    digest: str = ""  #: blake2b-128 of the content, where it was written by ``put``


class Backend(Protocol):
    """Files by URI in one kind of place. A write appears whole or not at all; reads may be retried without harm."""

    def stat(self, uri: str) -> Entry | None:
        """None when there is no such file."""
        ...

    def entries(self, folder: str, *, recursive: bool) -> Iterator[Entry]:
        """The files below a folder; none when it is absent."""
        ...

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in a folder."""
        ...

    def remove(self, uri: str) -> None:
        """Absent is fine."""
        ...

    def open(self, uri: str, read_ahead: int = READ_AHEAD) -> BinaryIO:
        """Seekable; at least ``read_ahead`` bytes come with a request. FileNotFoundError when absent."""
        ...

    def read(self, uri: str, start: int, length: int) -> bytes:
        """Bytes from ``start`` on, fewer at the end of the file, in one request. FileNotFoundError when absent."""
        ...

    def put(self, uri: str, content: BinaryIO, digest: str) -> None:
        """Writes a file whole; ``content`` is read from its start."""
        ...


class Leasing(Backend, Protocol):
    """An object store that writes on a condition: what a lock needs."""

    def check(self, uri: str) -> None:
        """StorageError, within seconds, when the bucket cannot be used."""
        ...

    def put_if(self, uri: str, content: bytes, version: str) -> str:
        """Writes if the object's version is still ``version`` (empty: if there is none). Returns the new version.

        Contested when it is not.
        """
        ...
