"""Files by URI: local paths today's engine shares, object stores through the same calls.

Writers are atomic: a file appears under its name complete, or not at all. Locally that is a temporary sibling and a
rename; an object store makes the object visible when the upload completes.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

_COMPRESSION = "zstd"


def is_local(uri: str) -> bool:
    return "://" not in uri or uri.startswith("file://")


def join(uri: str, *names: str) -> str:
    """``uri`` with path components appended."""
    return "/".join([uri.rstrip("/"), *(n.strip("/") for n in names if n)])


def local_path(uri: str) -> Path:
    """The local path of ``uri``; ValueError when it lies on an object store."""
    if not is_local(uri):
        raise ValueError(f"{uri} is not on this machine")
    return Path(uri.removeprefix("file://"))


def _resolve(uri: str) -> tuple[pafs.FileSystem, str]:
    if is_local(uri):
        return pafs.LocalFileSystem(), str(local_path(uri).absolute())
    filesystem, path = pafs.FileSystem.from_uri(uri)
    return filesystem, path


def exists(uri: str) -> bool:
    filesystem, path = _resolve(uri)
    return bool(filesystem.get_file_info(path).type != pafs.FileType.NotFound)


def is_file(uri: str) -> bool:
    filesystem, path = _resolve(uri)
    return bool(filesystem.get_file_info(path).is_file)


def size(uri: str) -> int:
    """Bytes; FileNotFoundError when absent."""
    filesystem, path = _resolve(uri)
    info = filesystem.get_file_info(path)
    if not info.is_file:
        raise FileNotFoundError(uri)
    return int(info.size)


def list_files(folder: str, pattern: str = "*", *, recursive: bool = False) -> list[str]:
    """URIs of the files below ``folder`` whose name matches the glob, sorted; none when the folder is absent."""
    filesystem, path = _resolve(folder)
    selector = pafs.FileSelector(path, recursive=recursive, allow_not_found=True)
    found = (i.path for i in filesystem.get_file_info(selector) if i.is_file and fnmatch.fnmatch(i.base_name, pattern))
    root = folder.rstrip("/")
    return sorted(join(root, p[len(path.rstrip("/")) :]) for p in found)


def list_folders(folder: str) -> list[str]:
    """Names of the folders in ``folder``, sorted; none when it is absent."""
    filesystem, path = _resolve(folder)
    selector = pafs.FileSelector(path, allow_not_found=True)
    return sorted(i.base_name for i in filesystem.get_file_info(selector) if i.type == pafs.FileType.Directory)


def remove(uri: str) -> None:
    """Deletes a file; absent is fine."""
    filesystem, path = _resolve(uri)
    if filesystem.get_file_info(path).is_file:
        filesystem.delete_file(path)


def open_input(uri: str) -> Any:
    """A seekable binary file."""
    filesystem, path = _resolve(uri)
    return filesystem.open_input_file(path)


@contextmanager
def open_output(uri: str) -> Iterator[Any]:
    """A binary file that takes its name when the block ends, and leaves nothing behind when the block raises."""
    if not is_local(uri):
        filesystem, path = _resolve(uri)
        with filesystem.open_output_stream(path) as out:
            yield out
        return
    with replacing(uri) as temporary, open(temporary, "wb") as out:
        yield out


@contextmanager
def replacing(uri: str) -> Iterator[Path]:
    """A temporary local path that becomes ``uri`` when the block ends: for writers that insist on a path."""
    path = local_path(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_bytes(uri: str) -> bytes:
    with open_input(uri) as f:
        return bytes(f.read())


def write_bytes(uri: str, data: bytes) -> None:
    with open_output(uri) as out:
        out.write(data)


def read_table(uri: str, columns: list[str] | None = None) -> pa.Table:
    with open_input(uri) as f:
        return pq.read_table(f, columns=columns)


def read_metadata(uri: str) -> dict[str, str]:
    """The footer's key-value metadata."""
    with open_input(uri) as f:
        raw = pq.read_schema(f).metadata or {}
    return {k.decode(): v.decode() for k, v in raw.items() if not k.startswith(b"ARROW:")}


def write_table(uri: str, table: pa.Table, metadata: dict[str, str] | None = None) -> None:
    """One Parquet file; ``metadata`` goes to its footer. The same table gives the same bytes."""
    table = table.replace_schema_metadata(metadata or None)
    with open_output(uri) as out:
        pq.write_table(table, out, compression=_COMPRESSION, row_group_size=65_536, write_page_index=True)


def digest_bytes(data: bytes) -> str:
    """blake2b-128, hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def digest(uri: str) -> str:
    """blake2b-128 of a file's content, hex."""
    h = hashlib.blake2b(digest_size=16)
    with open_input(uri) as f:
        while block := f.read(1 << 22):
            h.update(block)
    return h.hexdigest()


def sync_folder(uri: str) -> None:
    """Makes renames in a local folder survive a power cut; a no-op elsewhere."""
    if is_local(uri):
        fd = os.open(local_path(uri), os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
