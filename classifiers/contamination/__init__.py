"""Contamination: benchmark items within documents, word for word, reformatted, or with other numbers and names.

``find`` answers with characters, so that a match can be shown, cut out, or be the reason to drop its document.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from classifiers.contamination import semantic
from classifiers.contamination.compare import Matches, compare
from classifiers.contamination.index import Index, build
from classifiers.contamination.semantic import Meaning
from classifiers.contamination.tokens import tokens
from classifiers.embedding import Backend, encode
from manifests import text

__all__ = ["SCHEMA", "SIMILARITY", "THRESHOLD", "Index", "Meaning", "build", "find", "locate"]

#: bits of evidence a match needs; ``docs/decontamination.md`` shows what other values find
THRESHOLD = 36.0
#: cosine of a question and a stretch of text that mean the same; what fits depends on the backend
SIMILARITY = 0.8
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


def find(
    documents: pa.Table,
    items: pa.Table | Index,
    *,
    threshold: float = THRESHOLD,
    backend: Backend | None = None,
    similarity: float = SIMILARITY,
) -> pa.Table:
    """Benchmark items that occur in documents.

    ``documents`` has ``id`` and ``text``; ``items`` has ``item``, ``question`` and ``answer``, or is what ``build``
    made of such a table. The answer is a table of ``SCHEMA``, one row an occurrence, in the order of the documents:

    - ``kind`` is ``exact`` (every word of the question and no other between them), ``masked`` (other numbers or
      names in the place of its own), ``ngram13`` or ``ngram8`` (the most words in a row reach 13, or 8), or ``near``;
      with an embedding ``backend``, ``semantic`` where only the meaning is near;
    - ``score`` is the share of the item's information found there, in (0, 1]; of ``semantic`` the cosine, at least
      ``similarity``;
    - ``start`` and ``end`` are characters of ``text``; an answer that follows is within.

    The answer for one document does not depend on the others. ValueError when a column is missing or no text, or when
    ``threshold`` is not above zero.
    """
    for column in ("id", "text"):
        if column not in documents.column_names:
            raise ValueError(f"documents have no column {column!r}; needed: id, text")
    index = items if isinstance(items, Index) else build(items)
    meaning = None if backend is None else Meaning(backend, encode(backend, index.questions), similarity)
    found = locate(documents["text"], index, threshold=threshold, meaning=meaning)
    starts, ends = _characters(documents["text"], found)
    ids = documents["id"].cast(pa.string()).take(found["row"])
    return pa.table([ids, *found.select(["item", "kind", "score"]).columns, starts, ends], schema=SCHEMA)


def locate(
    texts: pa.Array | pa.ChunkedArray, index: Index, *, threshold: float = THRESHOLD, meaning: Meaning | None = None
) -> pa.Table:
    """What ``find`` finds, with ``row`` for the text's number, and ``start`` and ``end`` in bytes of its UTF-8."""
    if not threshold > 0:
        raise ValueError(f"threshold is {threshold}; it must be above 0 bits")
    words = tokens(texts)
    matches = compare(words, index, threshold)
    base = text.buffers(texts)[0][matches.document]
    columns = {
        "row": pa.array(matches.document, pa.int64()),
        "item": pa.array([index.names[i] for i in matches.item], pa.string()),
        "kind": pa.array(_kinds(matches, index), pa.string()),
        "score": pa.array(matches.share, pa.float32()),
        "start": pa.array(words.starts[matches.start] - base, pa.int64()),
        "end": pa.array(words.ends[matches.end - 1] - base, pa.int64()),
    }
    found = pa.table(columns)
    return found if meaning is None else _and_semantic(found, texts, index, meaning)


def _and_semantic(found: pa.Table, texts: pa.Array | pa.ChunkedArray, index: Index, meaning: Meaning) -> pa.Table:
    """With what only the meaning tells: of each text, the items that its words do not show."""
    near = semantic.locate(texts, index.names, meaning)
    by_words = set(zip(found["row"].to_pylist(), found["item"].to_pylist(), strict=True))
    rows = zip(near["row"].to_pylist(), near["item"].to_pylist(), strict=True)
    more = near.filter(pa.array([row not in by_words for row in rows], pa.bool_()))
    kinds = pa.array(["semantic"] * more.num_rows, pa.string())
    both = pa.concat_tables([found, more.add_column(2, "kind", kinds)])
    return both.sort_by([("row", "ascending"), ("start", "ascending"), ("item", "ascending")])


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


def _characters(texts: pa.ChunkedArray, found: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Where the matches lie in their texts, in characters."""
    offsets, data = text.buffers(texts)
    row, start, end = (found[c].to_numpy() for c in ("row", "start", "end"))
    starts, ends = np.empty_like(start), np.empty_like(end)
    for k, base in enumerate(offsets[row].tolist()):
        starts[k] = np.count_nonzero(data[base : base + start[k]] & 0xC0 != 0x80)
        ends[k] = starts[k] + np.count_nonzero(data[base + start[k] : base + end[k]] & 0xC0 != 0x80)
    return pa.array(starts), pa.array(ends)
