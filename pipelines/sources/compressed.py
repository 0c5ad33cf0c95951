"""Bytes of a file as they are or decompressed (gzip, Zstandard), in pieces of bounded size; what is broken is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from isal import isal_zlib

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_BLOCK = 1 << 20

#: as zlib's, at two to three times the speed
inflater = isal_zlib.decompressobj
InflateError: Any = isal_zlib.error  # its stub says an instance


class Broken(Exception):
    """The compressed data ends early (``truncated``) or is damaged (``corrupt``); what came before is good."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """The content in pieces of at most a megabyte (Zstandard: about 16), decompressed as its first bytes say."""
    head = file.read(4)
    file.seek(0)
    if head.startswith(GZIP):
        yield from _gunzip(file)
    elif head == ZSTD:
        yield from _unzstd(file)
    else:
        while block := file.read(_BLOCK):
            yield bytes(block)


def _gunzip(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while rest or (rest := file.read(_BLOCK)):
        if not (rest := rest.lstrip(b"\0")):  # padding after a member
            continue
        member = inflater(wbits=31)
        try:
            while not member.eof:
                data = rest or file.read(_BLOCK)
                if not data:
                    raise Broken("truncated", f"gzip data ends early, at byte {file.tell():,}")
                if out := member.decompress(data, _BLOCK):
                    yield out
                rest = member.unconsumed_tail
        except InflateError as error:
            raise Broken("corrupt", f"gzip data damaged before byte {file.tell():,}: {error}") from None
        rest = member.unused_data


def _unzstd(file: BinaryIO) -> Iterator[bytes]:
    import zstandard

    block = memoryview(b"")
    step = 128  # a compressed byte can make 32 kB, and this decoder has no bound on its output
    while block or (block := memoryview(file.read(_BLOCK))):
        frame: Any = zstandard.ZstdDecompressor().decompressobj()
        try:
            while not frame.eof:
                block = block or memoryview(file.read(_BLOCK))
                if not block:
                    raise Broken("truncated", f"Zstandard data ends early, at byte {file.tell():,}")
                fed, block = block[:step], block[step:]
                if out := frame.decompress(fed):
                    yield out
        except zstandard.ZstdError as error:
            raise Broken("corrupt", f"Zstandard data damaged before byte {file.tell():,}: {error}") from None
        if frame.unused_data:
            block = memoryview(frame.unused_data + bytes(block))
