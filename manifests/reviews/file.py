"""The file of reviews: JSON lines, which only ever grow, and which appear whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from manifests import storage
from manifests.reviews.review import Review

_MOST_BYTES = 256 << 20


def read(uri: str) -> list[Review]:
    """The reviews of a file, in its order; none when it is absent. ValueError names file and line of what is none."""
    if not storage.is_file(uri):
        return []
    if storage.size(uri) > _MOST_BYTES:
        raise ValueError(f"{uri}: {storage.size(uri):,} bytes of reviews, limit {_MOST_BYTES:,}")
    while True:
        try:
            return _parsed(uri, storage.read_bytes(uri))
        except storage.Contested:  # somebody appended while we read
            continue


def _parsed(uri: str, data: bytes) -> list[Review]:
    found = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                found.append(Review.of(json.loads(line.decode("utf-8"))))
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{uri}:{number}: no review: {' '.join(str(error).split())}") from None
    return found


def append(uri: str, reviews: Sequence[Review]) -> list[Review]:
    """Adds reviews at the end; returns them as written: none is older than the line before it.

    Whoever appends at the same time waits, or tries again on an object store: nothing is lost. After a crash the
    file is as it was, or has them all. ValueError when the file holds a line that is no review.
    """
    if storage.is_store(uri):
        return _on_store(uri, reviews)
    with _alone(uri):
        before = storage.read_bytes(uri) if storage.is_file(uri) else b""
        data, written = _added(uri, before, reviews)
        with storage.replacing(uri) as temporary, open(temporary, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        return written


def _on_store(uri: str, reviews: Sequence[Review]) -> list[Review]:
    """By compare and swap."""
    while True:
        try:
            found = storage.stat(uri)
            data, written = _added(uri, storage.read_bytes(uri) if found else b"", reviews)
            storage.leasing(uri).put_if(uri, data, found.version if found else "")
        except storage.Contested:
            continue
        return written


def _added(uri: str, before: bytes, reviews: Sequence[Review]) -> tuple[bytes, list[Review]]:
    known = _parsed(uri, before)
    last = max(known, key=lambda r: r.moment, default=None)
    written = [r if last is None or r.moment >= last.moment else replace(r, time=last.time) for r in reviews]
    lines = "".join(f"{json.dumps(r.as_dict(), sort_keys=True, ensure_ascii=False)}\n" for r in written)
    return before + (b"" if not before or before.endswith(b"\n") else b"\n") + lines.encode(), written


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Holds the file's folder, so that nothing is left behind by whoever is killed."""
    folder = storage.local_path(uri).parent
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
