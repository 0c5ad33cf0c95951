"""``gs://``: Google Cloud Storage, by its own client (the ``gcp`` extra), with the usual application credentials.

``STORAGE_EMULATOR_HOST`` leads to an emulator. The client repeats requests with jittered backoff.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, BinaryIO

from manifests.storage.backend import READ_AHEAD, Contested, Entry, StorageError
from manifests.storage.ranged import ranged
from manifests.storage.retry import retrying

_DIGEST = "blake2b"
_CHUNK = 16 << 20


@cache
def _client() -> Any:
    try:
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import storage
    except ImportError:
        raise StorageError("gs:// needs Google's client: pip install 'cuvee[gcp]'") from None
    import os

    if os.environ.get("STORAGE_EMULATOR_HOST"):
        return storage.Client.create_anonymous_client()
    try:
        return storage.Client()
    except (DefaultCredentialsError, OSError):
        raise StorageError("gs://: no credentials: run gcloud auth application-default login") from None


def split(uri: str) -> tuple[str, str]:
    """Bucket and name. StorageError when there is no bucket."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not bucket:
        raise StorageError(f"{uri}: names no bucket; expected gs://BUCKET/PATH")
    return bucket, name


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except exceptions.NotFound:
        raise FileNotFoundError(uri) from None
    except exceptions.PreconditionFailed:
        raise Contested(f"{uri}: was changed by somebody else") from None
    except (exceptions.Forbidden, exceptions.Unauthorized):
        raise StorageError(f"{uri}: access is denied: these credentials lack the permission") from None
    except (exceptions.GoogleAPIError, GoogleAuthError) as error:
        raise StorageError(f"{uri}: {' '.join(str(error).split())}") from None


class GCS:
    """A ``Leasing`` backend."""

    def check(self, uri: str) -> None:
        """StorageError when the bucket cannot be used."""
        bucket, _ = split(uri)
        try:
            with _explained(uri):
                next(iter(_client().list_blobs(bucket, max_results=1, timeout=10, retry=None)), None)
        except FileNotFoundError:
            raise StorageError(f"{uri}: there is no such bucket: create it, or correct the address") from None
        except StorageError:
            raise
        except OSError:
            raise StorageError(f"{uri}: the store does not answer") from None

    def stat(self, uri: str) -> Entry | None:
        bucket, name = split(uri)
        if not name or name.endswith("/"):
            return None
        with _explained(uri):
            blob = _client().bucket(bucket).get_blob(name)
        return None if blob is None else _entry(uri, blob)

    def entries(self, folder: str, *, recursive: bool) -> Iterator[Entry]:
        bucket, prefix = self._prefix(folder)
        with _explained(folder):
            found = list(_client().list_blobs(bucket, prefix=prefix, delimiter=None if recursive else "/"))
        for blob in found:
            if not blob.name.endswith("/"):
                yield _entry(f"gs://{bucket}/{blob.name}", blob)

    def folders(self, folder: str) -> list[str]:
        bucket, prefix = self._prefix(folder)
        with _explained(folder):
            listing = _client().list_blobs(bucket, prefix=prefix, delimiter="/")
            for _ in listing:  # prefixes are known once the pages were read
                pass
        return [p.rstrip("/").rsplit("/", 1)[-1] for p in listing.prefixes]

    def remove(self, uri: str) -> None:
        bucket, name = split(uri)
        try:
            with _explained(uri):
                _client().bucket(bucket).blob(name).delete()
        except FileNotFoundError:
            pass

    def open(self, uri: str, read_ahead: int = READ_AHEAD) -> BinaryIO:
        bucket, name = split(uri)
        with _explained(uri):
            blob = _client().bucket(bucket).get_blob(name)
        if blob is None:
            raise FileNotFoundError(uri)

        def fetch(start: int, length: int) -> bytes:
            with _explained(uri):
                return _fetch(blob, start, length)

        return ranged(int(blob.size), fetch, read_ahead)

    def read(self, uri: str, start: int, length: int) -> bytes:
        bucket, name = split(uri)
        with _explained(uri):
            return _fetch(_client().bucket(bucket).blob(name), start, length)

    def put(self, uri: str, content: BinaryIO, digest: str) -> None:
        bucket, name = split(uri)
        size = content.seek(0, io.SEEK_END)
        content.seek(0)
        blob = _client().bucket(bucket).blob(name, chunk_size=_CHUNK if size > _CHUNK else None)
        blob.metadata = {_DIGEST: digest}
        with _explained(uri):
            blob.upload_from_file(content, size=size, checksum="crc32c", rewind=True)

    def put_if(self, uri: str, content: bytes, version: str) -> str:
        bucket, name = split(uri)
        blob = _client().bucket(bucket).blob(name)
        try:
            with _explained(uri):
                blob.upload_from_string(content, if_generation_match=int(version or 0))
        except FileNotFoundError:
            raise Contested(f"{uri}: was removed by somebody else") from None
        return str(blob.generation)

    def _prefix(self, folder: str) -> tuple[str, str]:
        bucket, name = split(folder)
        return bucket, name.rstrip("/") + "/" if name.rstrip("/") else ""


def _fetch(blob: Any, start: int, length: int) -> bytes:
    from google.api_core import exceptions
    from requests.exceptions import RequestException

    def once() -> bytes:
        data: bytes = blob.download_as_bytes(start=start, end=start + length - 1, raw_download=True)
        return data

    try:
        return retrying(once, lambda error: isinstance(error, (RequestException, ConnectionError)))
    except exceptions.RequestRangeNotSatisfiable:  # beyond the end
        return b""


def _entry(uri: str, blob: Any) -> Entry:
    return Entry(uri, int(blob.size), str(blob.generation), (blob.metadata or {}).get(_DIGEST, ""))
