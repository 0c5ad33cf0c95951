"""A remote object as a seekable file: ranges are fetched as they are asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO, cast

_PIECE = 16 << 20


class _Ranges(io.RawIOBase):
    def __init__(self, size: int, fetch: Callable[[int, int], bytes], head: bytes) -> None:
        self._size, self._fetch, self._head, self._position = size, fetch, head, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        data = self._head[self._position : self._position + wanted] or self._exactly(wanted)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        """The rest, in large pieces: the inherited method asks for a few kilobytes at a time."""
        pieces = [self._head[self._position :]]
        self._position += len(pieces[0])
        while (left := self._size - self._position) > 0:
            pieces.append(self._exactly(min(left, _PIECE)))
            self._position += len(pieces[-1])
        return b"".join(pieces)

    def _exactly(self, length: int) -> bytes:
        data = self._fetch(self._position, length)
        if len(data) != length:
            raise OSError(f"asked for {length} bytes at {self._position}, got {len(data)}")
        return data


def ranged(size: int, fetch: Callable[[int, int], bytes], read_ahead: int, head: bytes = b"") -> BinaryIO:
    """A buffered file of ``size`` bytes; ``fetch(offset, length)`` brings that range, and ``head`` is here already."""
    if len(head) == size:
        return io.BytesIO(head)
    return cast(BinaryIO, io.BufferedReader(_Ranges(size, fetch, head), buffer_size=max(1, min(size, read_ahead))))
