"""Rewriting documents: chunk, ask (or remember), judge, and hand on as documents that know their parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from manifests.documents import Claim, Document, Parent, Reject
from manifests.receipts import digest_of
from pipelines.rephrase import chunks, gate
from pipelines.rephrase.cache import Cache
from pipelines.rephrase.generator import Generator
from pipelines.rephrase.styles import Style

#: characters of source text given to the model at a time
CHUNK = 1800


def rewrite(documents: pa.Table, style: Style, generator: Generator, cache: Cache) -> Iterator[Document | Reject]:
    """One document or reject per chunk of each row.

    Columns read: ``id``, ``content_hash``, ``text``, ``title``, ``language``, ``licence``, ``licence_confidence``. A
    rewritten document carries the licence of its parent, never a laxer one.
    """
    for row in documents.to_pylist():
        for chunk in chunks.split(row["text"], CHUNK):
            completion = _answer(chunk.text, style, generator, cache)
            verdict = gate.judge(
                chunk.text,
                completion.text,
                style=style,
                finish_reason=completion.finish_reason,
                language=row["language"],
            )
            locator = digest_of(row["id"], row["content_hash"], style.digest, generator.digest, chunk.start, chunk.end)
            if verdict.accepted:
                yield _document(row, chunk, verdict.text, locator, style, generator)
            else:
                said = ", ".join(f"{k} {v:.2f}" for k, v in verdict.scores.items())
                yield Reject(f"gate_{verdict.reason}", f"parent {row['id']}: {said}", locator=locator)


def _answer(text: str, style: Style, generator: Generator, cache: Cache) -> Any:
    key = digest_of("rephrase", style.digest, generator.digest, text)
    completion = cache.get(key)
    if completion is None:
        completion = generator.generate([style.messages(text)])[0]
        cache.put(key, completion)
    return completion


def _document(
    row: Mapping[str, Any], chunk: chunks.Chunk, text: str, locator: str, style: Style, generator: Generator
) -> Document:
    inherited = Claim(
        expression=row["licence"],
        kind="declared",
        scope="text",
        locator=f"document {row['id']}",
        raw="licence of the parent",
        asserter="curator",
        confidence=row["licence_confidence"],
    )
    return Document(
        locator=locator,
        text=text,
        title=row["title"],
        media_type="text/plain",
        origin="synthetic",
        generator=generator.name,
        style=style.digest,
        parents=(Parent(row["id"], row["content_hash"], chunk.start, chunk.end, "rephrase"),),
        claims=(inherited,),
    )
