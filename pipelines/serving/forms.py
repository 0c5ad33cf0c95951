"""Forms: small, of this server's own pages, with their token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES = 65_536
_MOST_FIELDS = 20


async def read(request: Request, token: str) -> Mapping[str, str]:
    """The fields of a posted form. HTTPException when it is too large, no form, or lacks the token."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/x-www-form-urlencoded":
        raise HTTPException(415, "a form is needed")
    data = b""
    async for block in request.stream():
        data += block
        if len(data) > MOST_BYTES:
            raise HTTPException(413, f"a form of more than {MOST_BYTES} bytes")
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise HTTPException(400, "not a form") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise HTTPException(400, "a field is given twice")
    if not hmac.compare_digest(fields.pop("token", "").encode(), token.encode()):
        raise HTTPException(403, "the page is of an earlier start of this server: load it again")
    return fields
