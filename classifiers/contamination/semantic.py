"""Items in other words or another language, as far as an embedding backend tells: sentences beside questions.

Two windows begin at each sentence of a document, one of about as many words as a short question and one as a long; the
question whose vector is nearest counts when the cosine reaches a threshold. How right that is, is the backend's doing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from classifiers.embedding import Backend, Floats, encode

SCHEMA = pa.schema(
    [("row", pa.int64()), ("item", pa.string()), ("score", pa.float32()), ("start", pa.int64()), ("end", pa.int64())]
)
#: words at which a window is full
_WORDS = (12, 40)
_SENTENCE = re.compile(r"\S.*?(?:[.!?。？！]+[\"'”’)]*(?=\s|$)|(?=\n)|$)", re.DOTALL)
_UNSPACED_WORD = 2  #: characters that count as a word where no spaces are
_BATCH = 2048


@dataclass(frozen=True)
class Meaning:
    """What is needed to look for items by meaning."""

    backend: Backend
    vectors: Floats  #: of the questions, ``float32[items, d]``, of unit length
    similarity: float  #: least cosine


def locate(texts: pa.Array | pa.ChunkedArray, names: list[str], meaning: Meaning) -> pa.Table:
    """Per text and item the nearest window: ``row``, ``item``, ``score`` (cosine), ``start`` and ``end`` in bytes."""
    best: dict[tuple[int, int], tuple[float, int, int]] = {}
    held: list[tuple[int, int, int, str]] = []

    def settle() -> None:
        found = encode(meaning.backend, [window for *_, window in held]) @ meaning.vectors.T
        nearest = found.argmax(axis=1)
        for (row, start, end, _), item, score in zip(
            held, nearest.tolist(), found[np.arange(len(held)), nearest].tolist(), strict=True
        ):
            if score >= meaning.similarity and score > best.get((row, item), (0.0,))[0]:
                best[row, item] = (score, start, end)
        held.clear()

    for row, text in enumerate(texts.to_pylist() if len(names) else []):
        for start, end in _windows(text or ""):
            held.append((row, start, end, text[start:end]))
            if len(held) == _BATCH:
                settle()
    if held:
        settle()
    rows = [(row, names[item], score, start, end) for (row, item), (score, start, end) in sorted(best.items())]
    table = pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)
    return _in_bytes(table, texts)


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Spans of whole sentences, in characters."""
    spans = [m.span() for m in _SENTENCE.finditer(text)]
    sizes = [max(len(text[a:b].split()), (len(text[a:b].encode()) - (b - a)) // (2 * _UNSPACED_WORD)) for a, b in spans]
    for first, (start, _) in enumerate(spans):
        words = 0
        ends: list[int] = []
        for (_, end), size in zip(spans[first:], sizes[first:], strict=True):
            words += size
            while len(ends) < len(_WORDS) and words >= _WORDS[len(ends)]:
                ends.append(end)
            if len(ends) == len(_WORDS):
                break
        else:
            ends.append(spans[-1][1])
        yield from ((start, end) for end in dict.fromkeys(ends))


def _in_bytes(table: pa.Table, texts: pa.Array | pa.ChunkedArray) -> pa.Table:
    for column in ("start", "end"):
        at = [
            len(texts[row].as_py()[:place].encode())
            for row, place in zip(table["row"].to_pylist(), table[column].to_pylist(), strict=True)
        ]
        table = table.set_column(table.column_names.index(column), column, pa.array(at, pa.int64()))
    return table
