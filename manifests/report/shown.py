"""What strangers wrote, made fit to be shown: one line of visible characters, and links that only open web pages."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

#: characters without a shape, that reorder or hide what is shown around them: controls but for white space, and formats
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


def plain(text: str | None, length: int) -> str:
    """One line of visible characters, cut to ``length``."""
    line = " ".join(_UNSEEN.sub("", text or "").split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def safe_link(url: str) -> str:
    """The URL if following it opens a web page, else nothing: never ``javascript:``, ``data:`` and their kin."""
    try:
        split = urlsplit(url)
    except ValueError:
        return ""
    return url if split.scheme in ("http", "https") and split.hostname else ""
