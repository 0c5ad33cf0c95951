"""Chunks: a document in pieces that a small model can hold, cut between paragraphs, else between sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Chunk:
    """``text`` is ``[start, end)`` of the document, in UTF-8 bytes."""

    text: str
    start: int
    end: int


def split(text: str, limit: int) -> list[Chunk]:
    """Pieces of at most ``limit`` characters that together are the whole text, white space at their borders aside."""
    pieces: list[tuple[int, int]] = []
    _cut(text, 0, len(text), limit, (_PARAGRAPH, _SENTENCE, _SPACE), pieces)
    chunks = []
    at = size = 0  # characters passed so far, and their UTF-8 bytes
    for start, end in pieces:
        body = text[start:end]
        stripped = body.strip()
        if stripped:
            start += len(body) - len(body.lstrip())
            first = size + len(text[at:start].encode())
            at, size = start + len(stripped), first + len(stripped.encode())
            chunks.append(Chunk(stripped, first, size))
    return chunks


def _cut(
    text: str, start: int, end: int, limit: int, borders: tuple[re.Pattern[str], ...], pieces: list[tuple[int, int]]
) -> None:
    """Packs the stretches between borders of the coarsest kind; what is still too long is cut at the next kind."""
    if end - start <= limit:
        pieces.append((start, end))
        return
    if not borders:
        pieces += [(i, min(i + limit, end)) for i in range(start, end, limit)]
        return
    cuts = [m.end() for m in borders[0].finditer(text, start, end) if m.end() < end] + [end]
    first = last = start
    for cut in cuts:
        if cut - first > limit and last > first:
            pieces.append((first, last))
            first = last
        if cut - first > limit:
            _cut(text, first, cut, limit, borders[1:], pieces)
            first = cut
        last = cut
    if last > first:
        pieces.append((first, last))
