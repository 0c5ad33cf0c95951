"""Contamination: benchmark items within documents, word for word, reformatted, or with other numbers and names.

``find`` answers with characters, so that a match can be shown, cut out, or be the reason to drop its document.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifiers.contamination.compare import Matches, compare
from classifiers.contamination.index import Index, build
from classifiers.contamination.tokens import Tokens, tokens
from manifests import text

__all__ = ["SCHEMA", "THRESHOLD", "Index", "build", "find"]

#: bits of evidence a match needs; ``docs/decontamination.md`` shows what other values find
THRESHOLD = 36.0
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("item", pa.string()),
        ("kind", pa.string()),
        ("score", pa.float32()),
        ("start", pa.int64()),
        ("end", pa.int64()),
    ]
)
#: words of an item in their place from which differing numbers and names are the only difference
_OTHERWISE_SAME = 0.9
_RUNS = (13, 8)


def find(documents: pa.Table, items: pa.Table | Index, *, threshold: float = THRESHOLD) -> pa.Table:
    """Benchmark items that occur in documents.

    ``documents`` has ``id`` and ``text``; ``items`` has ``item``, ``question`` and ``answer``, or is what ``build``
    made of such a table. The answer is a table of ``SCHEMA``, one row an occurrence, in the order of the documents:

    - ``kind`` is ``exact`` (every word of the question and no other between them), ``masked`` (other numbers or
      names in the place of its own), ``ngram13`` or ``ngram8`` (the most words in a row reach 13, or 8), or ``near``;
    - ``score`` is the share of the item's information found there, in (0, 1];
    - ``start`` and ``end`` are characters of ``text``; an answer that follows is within.

    The answer for one document does not depend on the others. ValueError when a column is missing or no text, or when
    ``threshold`` is not above zero.
    """
    if not threshold > 0:
        raise ValueError(f"threshold is {threshold}; it must be above 0 bits")
    for column in ("id", "text"):
        if column not in documents.column_names:
            raise ValueError(f"documents have no column {column!r}; needed: id, text")
    index = items if isinstance(items, Index) else build(items)
    found = tokens(documents["text"])
    matches = compare(found, index, threshold)
    starts, ends = _characters(documents["text"], found, matches)
    return pa.table(
        {
            "id": documents["id"].cast(pa.string()).take(pa.array(matches.document)),
            "item": pa.array([index.names[i] for i in matches.item], pa.string()),
            "kind": pa.array(_kinds(matches, index), pa.string()),
            "score": pa.array(matches.share, pa.float32()),
            "start": pa.array(starts, pa.int64()),
            "end": pa.array(ends, pa.int64()),
        },
        SCHEMA,
    )


def _kinds(matches: Matches, index: Index) -> list[str]:
    sizes = np.diff(index.question.offsets)[matches.item]
    same = matches.words + matches.masked >= _OTHERWISE_SAME * sizes
    kinds = np.select(
        [matches.whole, (matches.masked > 0) & same, *(matches.run >= n for n in _RUNS)],
        ["exact", "masked", *(f"ngram{n}" for n in _RUNS)],
        "near",
    )
    named: list[str] = kinds.tolist()
    return named


def _characters(
    texts: pa.ChunkedArray, found: Tokens, matches: Matches
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the matches lie in their texts, in characters."""
    offsets, data = text.buffers(texts)
    starts, ends = np.empty_like(matches.start), np.empty_like(matches.end)
    for k, d in enumerate(matches.document.tolist()):
        base, start, end = offsets[d], found.starts[matches.start[k]], found.ends[matches.end[k] - 1]
        starts[k] = np.count_nonzero(data[base:start] & 0xC0 != 0x80)
        ends[k] = starts[k] + np.count_nonzero(data[start:end] & 0xC0 != 0x80)
    return starts, ends
