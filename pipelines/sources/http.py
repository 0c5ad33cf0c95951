"""HTTP responses as crawlers store them: status, headers, and the body with its transfer and content codings undone.

What a body may grow to is bounded: a compressed body is decompressed up to the limit and no further.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.sources.compressed import GZIP, ZSTD, InflateError, inflater


@dataclass(frozen=True)
class Response:
    """``headers`` have lower-case names; repeated fields are joined by commas, as RFC 9110 (5.2) allows."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        found = re.search(r"charset\s*=\s*[\"']?([^\s;\"']+)", self.headers.get("content-type", ""), re.IGNORECASE)
        return found.group(1) if found else None


class BadResponse(ValueError):
    """A response that cannot be used; ``reason`` is a short code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def parse(block: bytes, *, limit: int) -> Response:
    """The response in a record's block. BadResponse ``bad_http`` or ``record_too_large``."""
    head, gap, body = _split(block)
    lines = re.sub(rb"\r?\n[ \t]+", b" ", head).split(b"\n")
    status = re.match(rb"(?:HTTP/|ICY)\S*\s+(\d{3})", lines[0])
    if status is None or not gap:
        raise BadResponse("bad_http", f"not an HTTP response: {block[:40]!r}")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            key, said = name.strip().lower().decode("latin-1"), _text(value.strip())
            headers[key] = f"{headers[key]}, {said}" if key in headers and key != "content-type" else said
    return Response(int(status.group(1)), headers, _decoded(body, headers, limit))


def _split(block: bytes) -> tuple[bytes, bytes, bytes]:
    windows, unix = block.find(b"\r\n\r\n"), block.find(b"\n\n")
    if windows >= 0 and (unix < 0 or windows < unix):
        return block[:windows], b"\r\n\r\n", block[windows + 4 :]
    return block.partition(b"\n\n")


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _decoded(body: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    # crawlers that undo a coding often keep its header, so a body that is not coded as declared is taken as it is
    transfer = headers.get("transfer-encoding", "").lower()
    if "chunked" in transfer:
        body = _unchunked(body)
    for coding in reversed(f"{headers.get('content-encoding', '')},{transfer}".lower().split(",")):
        match coding.strip():
            case "gzip" | "x-gzip":
                body = _inflated(body, 31, limit) if body.startswith(GZIP) else body
            case "deflate":  # the zlib format, by RFC 9110 (8.4.1.2); some mean the bare one, some gzip's
                body = _inflated(body, 31 if body.startswith(GZIP) else 15 if _is_zlib(body) else -15, limit)
            case "br":
                body = _unbrotli(body, limit)
            case "zstd":
                body = _unzstd(body, limit) if body.startswith(ZSTD) else body
            case _:
                pass
    if len(body) > limit:
        raise BadResponse("record_too_large", f"body of {len(body):,} bytes, limit {limit:,}")
    return body


def _unchunked(body: bytes) -> bytes:
    """The chunks joined (RFC 9112, 7.1); the body itself where it is not chunked; what there is where it breaks off."""
    parts: list[bytes] = []
    at = 0
    while at < len(body):
        end = body.find(b"\n", at, at + 256)
        size = re.match(rb"\s*([0-9A-Fa-f]{1,15})\s*(?:;.*)?$", body[at:end].rstrip(b"\r")) if end >= 0 else None
        if size is None:
            return body if not parts else b"".join([*parts, body[at:]])
        n = int(size.group(1), 16)
        if n == 0:
            break
        parts.append(body[end + 1 : end + 1 + n])
        at = end + 1 + n
        at += 2 if body[at : at + 2] == b"\r\n" else 1
    return b"".join(parts)


def _too_large(limit: int) -> BadResponse:
    return BadResponse("record_too_large", f"body of more than {limit:,} bytes decompressed")


def _inflated(body: bytes, wbits: int, limit: int) -> bytes:
    """gzip or deflate, members joined; what there is where it breaks off; the body itself where it is no deflate.

    BadResponse where it is damaged: what comes out before the damage shows may be wrong already.
    """
    out = b""
    rest = body
    while rest:
        inflate = inflater(wbits=wbits)
        try:
            out += inflate.decompress(rest, limit + 1 - len(out))
        except InflateError as error:
            if wbits < 0:  # without a header that says what it is
                return body
            raise BadResponse("bad_http", f"damaged compressed body: {error}") from None
        if len(out) > limit:
            raise _too_large(limit)
        if not inflate.eof or not inflate.unused_data.startswith(GZIP):
            break
        rest = inflate.unused_data
    return out or body


def _is_zlib(body: bytes) -> bool:
    return len(body) > 2 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _unbrotli(body: bytes, limit: int) -> bytes:
    from fastwarc.stream_io import BrotliReader

    out = bytearray()
    try:
        with BrotliReader(io.BytesIO(body)) as stream:
            while piece := stream.read(1 << 16):
                out += piece
                if len(out) > limit:
                    raise _too_large(limit)
    except OSError:
        pass
    return bytes(out) or body


def _unzstd(body: bytes, limit: int) -> bytes:
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True) as stream:
            out = bytes(stream.read(limit + 1))
    except zstandard.ZstdError as error:
        raise BadResponse("bad_http", f"damaged zstd body: {error}") from None
    if len(out) > limit:
        raise _too_large(limit)
    return out
