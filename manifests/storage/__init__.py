"""Files by URI: local paths, ``s3://``, ``gs://``, and ``http(s)://`` to read, through the same calls.

Writers are atomic: a file appears under its name complete, or not at all. Locally that is a temporary sibling and a
rename; for an object store the content is gathered first and becomes visible when the upload completes.
"""

from __future__ import annotations

import fnmatch
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.storage.backend import Backend, Contested, Damaged, Entry, Leasing, StorageError
from manifests.storage.gcs import GCS
from manifests.storage.local import LocalFiles, path_of
from manifests.storage.local import replacing as replacing_local
from manifests.storage.s3 import S3
from manifests.storage.web import Web

__all__ = [
    "Contested",
    "Damaged",
    "Entry",
    "StorageError",
    "at_once",
    "check",
    "digest",
    "digest_bytes",
    "entries",
    "exists",
    "is_file",
    "is_local",
    "is_store",
    "join",
    "leasing",
    "list_files",
    "list_folders",
    "local_path",
    "on_this_machine",
    "open_input",
    "open_output",
    "open_parquet",
    "read_bytes",
    "read_metadata",
    "read_range",
    "read_table",
    "remove",
    "replacing",
    "rows",
    "size",
    "stat",
    "write_bytes",
    "write_table",
]

_COMPRESSION = "zstd"
#: what is written to an object store is gathered in memory up to this, and on disk beyond
_IN_MEMORY = 32 << 20
_REMOTE_THREADS = 16
_BACKENDS: dict[str, Backend] = {
    "": LocalFiles(),
    "file": LocalFiles(),
    "s3": S3(),
    "gs": GCS(),
    "http": Web(),
    "https": Web(),
}

A = TypeVar("A")
B = TypeVar("B")


def is_local(uri: str) -> bool:
    return "://" not in uri or uri.startswith("file://")


def is_store(uri: str) -> bool:
    """Whether the URI is of an object store that can hold a run folder."""
    return uri.startswith(("s3://", "gs://"))


def join(uri: str, *names: str) -> str:
    """``uri`` with path components appended."""
    return "/".join([uri.rstrip("/"), *(n.strip("/") for n in names if n)])


def local_path(uri: str) -> Path:
    """The local path of ``uri``; ValueError when it lies elsewhere."""
    if not is_local(uri):
        raise ValueError(f"{uri} is not on this machine")
    return path_of(uri)


def _backend(uri: str) -> Backend:
    scheme = uri.split("://", 1)[0] if "://" in uri else ""
    if scheme not in _BACKENDS:
        raise StorageError(
            f"{uri}: unknown kind of address; known: paths, {', '.join(f'{s}://' for s in _BACKENDS if s)}"
        )
    return _BACKENDS[scheme]


def leasing(uri: str) -> Leasing:
    """The object store of ``uri``, which writes on conditions."""
    if not is_store(uri):
        raise ValueError(f"{uri} is not on an object store")
    return cast(Leasing, _backend(uri))


def check(uri: str) -> None:
    """StorageError, at once, when the object store of ``uri`` cannot be used."""
    if is_store(uri):
        leasing(uri).check(uri)


def at_once(work: Callable[[A], B], uris: Iterable[A], *, remote: bool) -> list[B]:
    """``work`` on each; side by side when every call waits for a network."""
    items = list(uris)
    if not remote or len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(_REMOTE_THREADS, len(items))) as pool:
        return list(pool.map(work, items))


def stat(uri: str) -> Entry | None:
    """Size and version of a file; None when there is no such file."""
    return _backend(uri).stat(uri)


def is_file(uri: str) -> bool:
    return stat(uri) is not None


def exists(uri: str) -> bool:
    """Whether there is such a file or folder."""
    if is_local(uri):
        return local_path(uri).exists()
    return is_file(uri) or next(iter(_backend(uri).entries(uri, recursive=True)), None) is not None


def size(uri: str) -> int:
    """Bytes; FileNotFoundError when absent."""
    found = stat(uri)
    if found is None:
        raise FileNotFoundError(uri)
    return found.size


def entries(folder: str, pattern: str = "*", *, recursive: bool = False) -> list[Entry]:
    """The files below ``folder`` whose name matches the glob, sorted by URI; none when the folder is absent."""
    found = _backend(folder).entries(folder, recursive=recursive)
    return sorted((e for e in found if fnmatch.fnmatch(e.uri.rsplit("/", 1)[-1], pattern)), key=lambda e: e.uri)


def list_files(folder: str, pattern: str = "*", *, recursive: bool = False) -> list[str]:
    """URIs of the files below ``folder`` whose name matches the glob, sorted; none when the folder is absent."""
    return [e.uri for e in entries(folder, pattern, recursive=recursive)]


def list_folders(folder: str) -> list[str]:
    """Names of the folders in ``folder``, sorted; none when it is absent."""
    return sorted(_backend(folder).folders(folder))


def remove(uri: str) -> None:
    """Deletes a file; absent is fine."""
    _backend(uri).remove(uri)


def open_input(uri: str) -> Any:
    """A seekable binary file. FileNotFoundError when absent."""
    return _backend(uri).open(uri)


def read_range(uri: str, start: int, length: int) -> bytes:
    """``length`` bytes from ``start`` on, fewer at the end of the file, in one request."""
    return _backend(uri).read(uri, start, length) if length else b""


@contextmanager
def open_output(uri: str) -> Iterator[Any]:
    """A binary file that takes its name when the block ends, and leaves nothing behind when the block raises."""
    if is_local(uri):
        with replacing(uri) as temporary, open(temporary, "wb") as out:
            yield out
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as gathered:
        yield gathered
        _put(uri, cast(Any, gathered))


@contextmanager
def replacing(uri: str) -> Iterator[Path]:
    """A temporary local path whose content becomes ``uri`` when the block ends: for writers that insist on a path."""
    if is_local(uri):
        with replacing_local(local_path(uri)) as temporary:
            yield temporary
        return
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder, uri.rsplit("/", 1)[-1])
        yield temporary
        with temporary.open("rb") as content:
            _put(uri, content)


@contextmanager
def on_this_machine(uri: str) -> Iterator[Path]:
    """A local path with the content of ``uri``: itself when local, else a copy that ends with the block."""
    if is_local(uri):
        yield local_path(uri)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, uri.rsplit("/", 1)[-1])
        with open_input(uri) as source, copy.open("wb") as out:
            while block := source.read(1 << 22):
                out.write(block)
        yield copy


def _put(uri: str, content: Any) -> None:
    content.seek(0)
    h = hashlib.blake2b(digest_size=16)
    while block := content.read(1 << 22):
        h.update(block)
    content.seek(0)
    _backend(uri).put(uri, content, h.hexdigest())


def read_bytes(uri: str) -> bytes:
    with open_input(uri) as f:
        return bytes(f.read())


def write_bytes(uri: str, data: bytes) -> None:
    with open_output(uri) as out:
        out.write(data)


@contextmanager
def _named(uri: str) -> Iterator[None]:
    """What is wrong with a Parquet file, with its name."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise Damaged(f"{uri}: damaged, or no Parquet file: {str(error).splitlines()[0]}") from None


def open_parquet(uri: str) -> pq.ParquetFile:
    """A Parquet file of which parts are read as they are asked for. Damaged when it is none."""
    with _named(uri):
        return pq.ParquetFile(open_input(uri))


def read_table(uri: str, columns: list[str] | None = None) -> pa.Table:
    """A whole Parquet file. Damaged when it is none."""
    with _named(uri), open_input(uri) as f:
        return pq.read_table(f, columns=columns)


def read_rows(uri: str, first: int, count: int, columns: list[str] | None = None) -> pa.Table:
    """Rows ``first`` … ``first + count - 1`` of a Parquet file; only the row groups that hold them are read."""
    with _named(uri), open_input(uri) as f:
        file = pq.ParquetFile(f)
        ends = [0, *accumulate(file.metadata.row_group(g).num_rows for g in range(file.num_row_groups))]
        groups = [g for g, (a, b) in enumerate(pairwise(ends)) if a < first + count and first < b]
        table = file.read_row_groups(groups, columns)
    return table.slice(first - (ends[groups[0]] if groups else first), count)


def read_metadata(uri: str) -> dict[str, str]:
    """The footer's key-value metadata."""
    with _named(uri), open_input(uri) as f:
        raw = pq.read_schema(f).metadata or {}
    return {k.decode(): v.decode() for k, v in raw.items() if not k.startswith(b"ARROW:")}


def rows(uri: str) -> int:
    """Rows of a Parquet file, by its footer."""
    with _named(uri), open_input(uri) as f:
        return int(pq.read_metadata(f).num_rows)


def write_table(uri: str, table: pa.Table, metadata: dict[str, str] | None = None) -> None:
    """One Parquet file; ``metadata`` goes to its footer. The same table gives the same bytes."""
    table = table.replace_schema_metadata(metadata or None)
    with open_output(uri) as out:
        pq.write_table(table, out, compression=_COMPRESSION, row_group_size=65_536, write_page_index=True)


def digest_bytes(data: bytes) -> str:
    """blake2b-128, hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def digest(uri: str) -> str:
    """blake2b-128 of a file's content, hex. An object store tells what was noted when the file was written."""
    if not is_local(uri):
        found = stat(uri)
        if found is None:
            raise FileNotFoundError(uri)
        if found.digest:
            return found.digest
    h = hashlib.blake2b(digest_size=16)
    with open_input(uri) as f:
        while block := f.read(1 << 22):
            h.update(block)
    return h.hexdigest()
