"""Markdown in which strangers' words stay words: no tag, link or formatting of theirs comes through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from manifests.report.shown import plain

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#!|~^$<>&])")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
#: what renderers turn into links by themselves
_AUTOMATIC = re.compile(r"(?i)(://|www\.|@)")


def text(value: Any, length: int = 200) -> str:
    """One line, cut to ``length``; numbers with separators."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    escaped = _SPECIAL.sub(lambda m: _ENTITIES.get(m[1], f"\\{m[1]}"), plain(str(value), length))
    return _AUTOMATIC.sub(lambda m: f"{m[1][:-1]}&#{ord(m[1][-1])};", escaped)


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]], empty: str = "None.") -> str:
    """A table, or a line where there are no rows."""
    lines = ["| " + " | ".join(text(v) if v != "" else "–" for v in row) + " |" for row in rows]
    if not lines:
        return empty
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads), *lines])


def bullets(items: Iterable[Any], empty: str = "None.") -> str:
    """A list of lines, each long enough for every language there is."""
    return "\n".join(f"- {text(i, 10_000)}" for i in items) or empty


def page(*blocks: str) -> str:
    """Blocks with a line between them."""
    return "\n\n".join(b for b in blocks if b) + "\n"
