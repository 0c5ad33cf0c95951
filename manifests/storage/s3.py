"""``s3://``: Amazon S3 and the stores that speak its protocol.

boto3 finds credentials, region and endpoint the usual way (``AWS_ACCESS_KEY_ID`` …, ``AWS_PROFILE``, instance roles,
``AWS_ENDPOINT_URL_S3``); with an endpoint of one's own, buckets are addressed by path. Requests are repeated with
jittered backoff on 500, 503 and slow-down, and reads also when a connection breaks within the body. An object is
written by one PUT, or by parts that become visible together; its blake2b digest travels as metadata.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any, BinaryIO, TypeVar

from manifests.storage.backend import FIRST_READ, READ_AHEAD, Contested, Entry, StorageError
from manifests.storage.ranged import ranged
from manifests.storage.retry import ATTEMPTS, retrying

_PART = 16 << 20
_WHOLE = 4 * _PART  #: up to this, one PUT
_MOST_PARTS = 10_000
_DIGEST = "blake2b"
#: about a second in all where nobody answers; of a store that refuses half of all requests, one check in 4,000 fails
_ATTEMPTS_AT_ONCE = 12
T = TypeVar("T")
_REMEDIES = {
    "NoSuchBucket": "there is no such bucket: create it, or correct the address",
    "AccessDenied": "access is denied: these credentials lack the permission",
    "403": "access is denied: wrong credentials, or they lack the permission",
    "InvalidAccessKeyId": "the access key is unknown: check AWS_ACCESS_KEY_ID or AWS_PROFILE",
    "SignatureDoesNotMatch": "the secret key is wrong: check AWS_SECRET_ACCESS_KEY or AWS_PROFILE",
    "ExpiredToken": "the session token has expired: renew the credentials",
    "RequestTimeTooSkewed": "this machine's clock is more than 15 minutes off the store's: set it (chronyc makestep)",
    "PermanentRedirect": "the bucket is in another region: set AWS_REGION",
    "SlowDown": "the store is overloaded and stayed so; run again to resume",
    "503": "the store is overloaded and stayed so; run again to resume",
}
_PASSING = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
_BEYOND_ITS_END = 416
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_CONTESTED = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


@cache
def _client() -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise StorageError("s3:// needs boto3: pip install boto3") from None

    def made(style: str) -> Any:
        config = Config(
            s3={"addressing_style": style},
            retries={"mode": "standard", "total_max_attempts": 1},  # ours last longer: see retry.py
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
            tcp_keepalive=True,
        )
        return boto3.session.Session().client("s3", config=config)

    client = made("auto")
    return client if ".amazonaws.com" in client.meta.endpoint_url else made("path")


def _ask(uri: str, call: Callable[[Any], T], attempts: int = ATTEMPTS) -> T:
    """``call(client)``, repeated while the store is away or overloaded; errors of one line."""
    with _explained(uri):
        return retrying(lambda: call(_client()), _passes, attempts)


def split(uri: str) -> tuple[str, str]:
    """Bucket and key. StorageError when there is no bucket."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise StorageError(f"{uri}: names no bucket; expected s3://BUCKET/PATH")
    return bucket, key


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """What boto3 raises, as errors of one line."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _ABSENT:
            raise FileNotFoundError(uri) from None
        if code in _CONTESTED:
            raise Contested(f"{uri}: was changed by somebody else") from None
        raise StorageError(f"{uri}: {_REMEDIES.get(code, error)}") from None
    except exceptions.NoCredentialsError:
        raise StorageError(
            f"{uri}: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        ) from None
    except exceptions.NoRegionError:
        raise StorageError(f"{uri}: no region: set AWS_REGION") from None
    except exceptions.EndpointConnectionError as error:
        where = str(error.kwargs.get("endpoint_url", "its address")).partition("?")[0]
        raise StorageError(
            f"{uri}: the store does not answer at {where}: start it, or correct AWS_ENDPOINT_URL_S3 or AWS_REGION"
        ) from None
    except exceptions.BotoCoreError as error:
        raise StorageError(f"{uri}: {error}") from None


def _passes(error: Exception) -> bool:
    """Whether it may go better the next time: the store is away, overloaded, or the connection broke within a body."""
    from botocore import exceptions
    from urllib3.exceptions import HTTPError

    if isinstance(error, exceptions.ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return status >= 500 or status == 429 or error.response.get("Error", {}).get("Code") in _PASSING
    away = (exceptions.ConnectionError, exceptions.HTTPClientError)
    passing = (*away, exceptions.IncompleteReadError, HTTPError, ConnectionError)
    return isinstance(error, passing)


class S3:
    """A ``Leasing`` backend."""

    def check(self, uri: str) -> None:
        """StorageError, within seconds, when the bucket cannot be used."""
        bucket, _ = split(uri)
        _ask(uri, lambda s3: s3.list_objects_v2(Bucket=bucket, MaxKeys=1), attempts=_ATTEMPTS_AT_ONCE)

    def stat(self, uri: str) -> Entry | None:
        bucket, key = split(uri)
        if not key or key.endswith("/"):
            return None
        try:
            head = _ask(uri, lambda s3: s3.head_object(Bucket=bucket, Key=key))
        except FileNotFoundError:
            return None
        return Entry(uri, head["ContentLength"], head["ETag"], head.get("Metadata", {}).get(_DIGEST, ""))

    def entries(self, folder: str, *, recursive: bool) -> Iterator[Entry]:
        for page in self._pages(folder, "" if recursive else "/"):
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/"):
                    yield Entry(f"s3://{split(folder)[0]}/{item['Key']}", item["Size"], item["ETag"])

    def folders(self, folder: str) -> list[str]:
        return [
            prefix["Prefix"].rstrip("/").rsplit("/", 1)[-1]
            for page in self._pages(folder, "/")
            for prefix in page.get("CommonPrefixes", ())
        ]

    def remove(self, uri: str) -> None:
        bucket, key = split(uri)
        _ask(uri, lambda s3: s3.delete_object(Bucket=bucket, Key=key))

    def open(self, uri: str, read_ahead: int = READ_AHEAD) -> BinaryIO:
        size, version, head = _get(uri, 0, FIRST_READ)
        return ranged(size, lambda start, length: _get(uri, start, length, IfMatch=version)[2], read_ahead, head)

    def read(self, uri: str, start: int, length: int) -> bytes:
        return _get(uri, start, length)[2]

    def put(self, uri: str, content: BinaryIO, digest: str) -> None:
        bucket, key = split(uri)
        target = {"Bucket": bucket, "Key": key}
        size = content.seek(0, io.SEEK_END)
        if size > _WHOLE:
            self._put_in_parts(uri, target, content, size, digest)
            return
        content.seek(0)
        data = content.read()
        _ask(uri, lambda s3: s3.put_object(**target, Body=data, Metadata={_DIGEST: digest}))

    def _put_in_parts(self, uri: str, target: dict[str, str], content: BinaryIO, size: int, digest: str) -> None:
        """Multipart upload: nothing is visible until it is complete, and what an error leaves is thrown away."""
        length = max(_PART, -(-size // _MOST_PARTS))
        started = _ask(uri, lambda s3: s3.create_multipart_upload(**target, Metadata={_DIGEST: digest}))
        target = {**target, "UploadId": started["UploadId"]}
        parts: list[dict[str, Any]] = []
        try:
            content.seek(0)
            while data := content.read(length):
                number = len(parts) + 1
                sent = _ask(uri, partial(_upload_part, {**target, "PartNumber": number, "Body": data}))
                parts.append({"ETag": sent["ETag"], "PartNumber": number})
            _ask(uri, lambda s3: s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts}))
        except BaseException:
            with suppress(OSError):
                _ask(uri, lambda s3: s3.abort_multipart_upload(**target))
            raise

    def put_if(self, uri: str, content: bytes, version: str) -> str:
        bucket, key = split(uri)
        condition = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        try:
            put = _ask(uri, lambda s3: s3.put_object(Bucket=bucket, Key=key, Body=content, **condition))
        except FileNotFoundError:  # If-Match on an object that is gone
            raise Contested(f"{uri}: was removed by somebody else") from None
        return str(put["ETag"])

    def _pages(self, folder: str, delimiter: str) -> Iterator[dict[str, Any]]:
        bucket, key = split(folder)
        prefix = key.rstrip("/") + "/" if key.rstrip("/") else ""
        wanted = {"Bucket": bucket, "Prefix": prefix, "Delimiter": delimiter}
        while True:
            page = _ask(folder, partial(_list, wanted))
            yield page
            if not page.get("IsTruncated"):
                return
            wanted = {**wanted, "ContinuationToken": page["NextContinuationToken"]}


def _get(uri: str, start: int, length: int, **conditions: str) -> tuple[int, str, bytes]:
    """Size and version of an object, and a range of it: all in one request."""
    from botocore.exceptions import ClientError

    bucket, key = split(uri)
    if not key or key.endswith("/"):
        raise FileNotFoundError(uri)
    wanted = {"Bucket": bucket, "Key": key, "Range": f"bytes={start}-{start + length - 1}", **conditions}

    def once(s3: Any) -> tuple[int, str, bytes]:
        try:
            answer = s3.get_object(**wanted)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == _BEYOND_ITS_END:
                return 0, "", b""
            raise
        data: bytes = answer["Body"].read()
        return int(answer.get("ContentRange", f"/{len(data)}").rpartition("/")[2]), str(answer["ETag"]), data

    return _ask(uri, once)


def _list(wanted: dict[str, Any], s3: Any) -> dict[str, Any]:
    found: dict[str, Any] = s3.list_objects_v2(**wanted)
    return found


def _upload_part(wanted: dict[str, Any], s3: Any) -> dict[str, Any]:
    sent: dict[str, Any] = s3.upload_part(**wanted)
    return sent
