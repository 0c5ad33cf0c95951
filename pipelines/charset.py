"""From bytes to text, whatever the page declares: a declared charset is believed as far as the bytes agree with it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

import numpy as np

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
#: the codec that decodes what the web means by a name, where Python's codec of that name is narrower
_WIDER = {"shift_jis": "cp932", "euc-kr": "cp949", "gbk": "gb18030", "big5": "big5hkscs", "iso8859-11": "cp874"}
#: in these, valid text can look like valid UTF-8 (or ASCII), so they are tried first where they are declared
_MULTIBYTE = frozenset(
    {"cp932", "cp949", "gb18030", "big5hkscs", "euc-jp", "euc_jp", "iso2022_jp", "utf-16-le", "utf-16-be"}
)
_META = re.compile(rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)


def decode(data: bytes, declared: str | None = None, *, html: bool = False) -> tuple[str, str]:
    """Text of ``data``, and the name of the codec that decoded it. Never fails: bytes that fit nothing become U+FFFD.

    The byte order mark decides. Then the first of these in which all bytes are valid: the charset ``declared`` (by an
    HTTP header) or by a meta tag of ``html``, with UTF-8 before the one-byte charsets, in which every byte is valid;
    then what detection on the bytes says.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), name
    for name in _candidates(data, declared, html):
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    text = data.decode("utf-8", "replace")
    if text.count("\ufffd") * 50 <= len(text):  # UTF-8 with a wrong paste, or cut in the middle of a character
        return text, "utf-8"
    name = next(n for n in _candidates(data, declared, html) if n != "utf-8")
    return data.decode(name, "replace"), name


def as_utf8(data: bytes, declared: str | None = None, *, html: bool = False) -> tuple[bytes, str]:
    """As ``decode``, with the text as UTF-8: ``data`` itself where it is that, which is found without decoding it."""
    marked = any(data.startswith(mark) for mark, _ in _MARKS)
    if not marked and next(_candidates(data, declared, html)) == "utf-8" and _is_utf8(data):
        return data, "utf-8"
    text, name = decode(data, declared, html=html)
    return text.encode(), name


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(data)], np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _candidates(data: bytes, declared: str | None, html: bool) -> Iterator[str]:
    """Codecs in the order in which they are tried."""
    # Japanese in seven bits is valid ASCII too
    if data.isascii() and b"\x1b" in data and (b"\x1b$B" in data or b"\x1b$@" in data):
        yield "iso2022_jp"
    stated = [name for name in (_codec(declared), _meta(data) if html else None) if name]
    if _MULTIBYTE.isdisjoint(stated):
        yield "utf-8"
        yield from stated
    else:
        yield from stated
        yield "utf-8"
    yield _detected(data)  # costly, and seldom asked for


def _codec(label: str | None) -> str | None:
    """Python's codec for a label of the web (WHATWG Encoding Standard); None when there is none."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    name = map_encoding_to_html5(label.strip("\"' \t"), fallback_utf8=False) if label else None
    if name is None:
        return None
    name = _WIDER.get(name, name)
    try:
        codecs.lookup(name)
    except LookupError:
        return None
    return str(name)


def _meta(data: bytes) -> str | None:
    """What a meta tag near the start declares; a tag that reads as ASCII cannot declare UTF-16."""
    found = _META.search(data[:2048])
    name = _codec(found.group(1).decode("ascii")) if found else None
    return "utf-8" if name and name.startswith("utf-16") else name


def _detected(data: bytes) -> str:
    from resiliparse.parse.encoding import detect_encoding

    name = _codec(detect_encoding(data))
    return name if name and name != "utf-8" else "cp1252"
