"""``http://`` and ``https://``: files to read, by ranges. Nothing can be listed or written there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, BinaryIO

from manifests.storage.backend import READ_AHEAD, Contested, Entry, StorageError
from manifests.storage.ranged import ranged
from manifests.storage.retry import ATTEMPTS, pause

_AGENT = "cuvee"
_BEYOND_ITS_END = 416


@cache
def _pool() -> Any:
    import urllib3

    class Retry(urllib3.Retry):
        def get_backoff_time(self) -> float:
            failures = [h for h in self.history if not h.redirect_location]
            return pause(len(failures)) if failures else 0.0

    retries = Retry(
        total=ATTEMPTS,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("GET", "HEAD"),
        redirect=5,
        raise_on_status=False,
    )
    timeout = urllib3.Timeout(connect=10, read=60)
    return urllib3.PoolManager(maxsize=16, retries=retries, timeout=timeout, headers={"User-Agent": _AGENT})


def _request(method: str, uri: str, headers: dict[str, str]) -> Any:
    from urllib3.exceptions import HTTPError, MaxRetryError

    try:
        answer = _pool().request(method, uri, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers})
    except MaxRetryError as error:
        raise StorageError(f"{uri}: the server does not answer: {error.reason}") from None
    except HTTPError as error:
        raise StorageError(f"{uri}: {error}") from error
    if answer.status in (404, 410):
        raise FileNotFoundError(uri)
    if answer.status == 412:
        raise Contested(f"{uri}: was changed while it was read")
    if answer.status >= 400 and answer.status != _BEYOND_ITS_END:
        raise StorageError(f"{uri}: the server answers {answer.status} {answer.reason or ''}".rstrip())
    return answer


def _range(uri: str, start: int, length: int, *, whole: int = -1, version: str = "") -> bytes:
    """Fewer bytes at the end of the file. Contested when it is another version by now, where its server can tell."""
    condition = {"If-Match": version} if version.startswith('"') else {}
    answer = _request("GET", uri, {"Range": f"bytes={start}-{start + length - 1}", **condition})
    if answer.status == _BEYOND_ITS_END:
        return b""
    if answer.status != 206 and length != whole:
        raise StorageError(f"{uri}: the server serves no ranges; download the file first")
    data: bytes = answer.data
    return data


class Web:
    """A ``Backend`` to read from."""

    def stat(self, uri: str) -> Entry | None:
        try:
            answer = _request("HEAD", uri, {})
        except FileNotFoundError:
            return None
        length = answer.headers.get("Content-Length")
        if length is None:
            raise StorageError(f"{uri}: the server does not tell the size; download the file first")
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        return Entry(uri, int(length), version)

    def entries(self, folder: str, *, recursive: bool) -> Iterator[Entry]:
        raise StorageError(f"{folder}: a web server lists no folders; name each file")

    def folders(self, folder: str) -> list[str]:
        raise StorageError(f"{folder}: a web server lists no folders")

    def remove(self, uri: str) -> None:
        raise StorageError(f"{uri}: cannot be removed: a web server is only read from")

    def open(self, uri: str, read_ahead: int = READ_AHEAD) -> BinaryIO:
        found = self.stat(uri)
        if found is None:
            raise FileNotFoundError(uri)
        size, version = found.size, found.version
        return ranged(size, lambda start, length: _range(uri, start, length, whole=size, version=version), read_ahead)

    def read(self, uri: str, start: int, length: int) -> bytes:
        return _range(uri, start, length)

    def put(self, uri: str, content: BinaryIO, digest: str) -> None:
        raise StorageError(f"{uri}: cannot be written: a web server is only read from")
