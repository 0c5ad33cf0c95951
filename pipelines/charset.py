"""From bytes to text, whatever the page declares: a declared charset is believed as far as the bytes agree with it."""

from __future__ import annotations

import codecs
import re

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
    names = [name for name in (_codec(declared), _meta(data) if html else None) if name]
    names.insert(0 if _MULTIBYTE.isdisjoint(names) else len(names), "utf-8")
    names.append(_detected(data))
    if b"\x1b$B" in data or b"\x1b$@" in data:  # Japanese in seven bits, which is valid ASCII too
        names.insert(0, "iso2022_jp")
    for name in names:
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    text = data.decode("utf-8", "replace")
    if text.count("\ufffd") * 50 <= len(text):  # UTF-8 with a wrong paste, or cut in the middle of a character
        return text, "utf-8"
    name = next(n for n in names if n != "utf-8")
    return data.decode(name, "replace"), name


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
