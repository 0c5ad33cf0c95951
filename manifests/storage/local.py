"""Files of this machine: written beside their place under a temporary name, then renamed."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow.fs as pafs

from manifests.storage.backend import READ_AHEAD, Entry


def path_of(uri: str) -> Path:
    return Path(uri.removeprefix("file://"))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that becomes ``path`` when the block ends, and leaves nothing behind when the block raises."""
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a folder, not a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class LocalFiles:
    """The local file system, as a ``Backend``."""

    def stat(self, uri: str) -> Entry | None:
        path = path_of(uri)
        return Entry(uri, path.stat().st_size) if path.is_file() else None

    def entries(self, folder: str, *, recursive: bool) -> Iterator[Entry]:
        root = path_of(folder)
        if not root.is_dir():
            return
        below = str(root.absolute())
        selector = pafs.FileSelector(below, recursive=recursive, allow_not_found=True)
        for info in pafs.LocalFileSystem().get_file_info(selector):
            if info.is_file:
                yield Entry(folder.rstrip("/") + "/" + os.path.relpath(info.path, below), int(info.size))

    def folders(self, folder: str) -> list[str]:
        root = path_of(folder)
        return [p.name for p in root.iterdir() if p.is_dir()] if root.is_dir() else []

    def remove(self, uri: str) -> None:
        path = path_of(uri)
        if path.is_file():
            path.unlink(missing_ok=True)

    def open(self, uri: str, read_ahead: int = READ_AHEAD) -> BinaryIO:
        opened: BinaryIO = pafs.LocalFileSystem().open_input_file(str(path_of(uri).absolute()))
        return opened

    def read(self, uri: str, start: int, length: int) -> bytes:
        with self.open(uri) as f:
            f.seek(start)
            return bytes(f.read(length))

    def put(self, uri: str, content: BinaryIO, digest: str) -> None:
        with replacing(path_of(uri)) as temporary, open(temporary, "wb") as out:
            shutil.copyfileobj(content, out, 1 << 20)
