"""Rewriting documents: chunk, ask (or remember), judge, and hand on as documents that know their parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from manifests.documents import Claim, Document, Parent, Reject, Reservation
from manifests.receipts import digest_of
from pipelines.rephrase import chunks, gate
from pipelines.rephrase.cache import Cache
from pipelines.rephrase.generator import REFUSED, Completion, Generator
from pipelines.rephrase.styles import Style

#: words below which a piece, such as a heading left over at the end, is not worth a question
FEWEST_WORDS = 12


def rewrite(documents: pa.Table, style: Style, generator: Generator, cache: Cache) -> Iterator[Document | Reject]:
    """One document or reject per chunk of each row.

    Columns read: ``id``, ``content_hash``, ``text``, ``title``, ``language``, ``licence``, ``licence_confidence`` and,
    where present, ``reserved``. A rewritten document carries the licence and the reservation of its parent, never laxer
    ones.
    """
    for row in documents.to_pylist():
        pieces = chunks.split(row["text"], style.chunk)
        worthwhile = [piece.text for piece in pieces if len(piece.text.split()) >= FEWEST_WORDS]
        answers = _answers(worthwhile, style, generator, cache)
        for piece in pieces:
            identity = digest_of(row["id"], row["content_hash"], style.digest, generator.digest, piece.start, piece.end)
            if piece.text not in answers:
                yield Reject("too_short_to_rephrase", f"parent {row['id']}: {piece.text[:100]}", locator=identity)
                continue
            yield _judged(row, piece, answers[piece.text], identity, style, generator)


def _answers(texts: Sequence[str], style: Style, generator: Generator, cache: Cache) -> dict[str, Completion]:
    """The answer to each distinct text; new ones are remembered before they are used, refusals never."""
    keys = {text: digest_of("rephrase", style.digest, generator.digest, text) for text in texts}
    known = {text: cache.get(key) for text, key in keys.items()}
    found = {text: answer for text, answer in known.items() if answer is not None}
    missing = [text for text in keys if text not in found]
    prompts = [style.messages(text) for text in missing]
    for text, answer in zip(missing, generator.generate(prompts), strict=True):
        if answer.finish_reason != REFUSED:
            cache.put(keys[text], answer)
        found[text] = answer
    return found


def _judged(
    row: Mapping[str, Any],
    piece: chunks.Chunk,
    answer: Completion,
    identity: str,
    style: Style,
    generator: Generator,
) -> Document | Reject:
    if answer.finish_reason == REFUSED:
        return Reject("generator_refused", f"parent {row['id']}: {answer.text[:200]}", locator=identity)
    verdict = gate.judge(
        piece.text, answer.text, style=style, finish_reason=answer.finish_reason, language=row["language"]
    )
    if not verdict.accepted:
        said = ", ".join(f"{k} {v:.2f}" for k, v in verdict.scores.items())
        return Reject(f"gate_{verdict.reason}", f"parent {row['id']}: {said}", locator=identity)
    parent = f"document {row['id']}"
    inherited = Claim(
        expression=row["licence"],
        kind="declared",
        scope="text",
        locator=parent,
        raw="licence of the parent",
        asserter="curator",
        confidence=row["licence_confidence"],
    )
    reserved = (Reservation("inherited", "deny", locator=parent, raw="reservation of the parent"),)
    return Document(
        locator=identity,
        text=verdict.text,
        title=row["title"],
        media_type="text/plain",
        headers=tuple((f"gate-{name.replace('_', '-')}", f"{score:.3f}") for name, score in verdict.scores.items()),
        origin="synthetic",
        generator=generator.name,
        style=style.digest,
        parents=(Parent(row["id"], row["content_hash"], piece.start, piece.end, "rephrase"),),
        claims=(inherited,),
        reservations=reserved if row.get("reserved") else (),
    )
