"""Look-up: one box for an address, a site or path, an id, a token, evidence, or words in quotation marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from manifests import lineage
from manifests.lineage import Index
from manifests.signatures import Signature
from pipelines import questions
from pipelines.chain import Chain, Head, follow, heads
from pipelines.original import Original, of_token
from pipelines.serving.site import Site

WAYS = ("anything", "address", "site", "id", "token", "words", "evidence")
PAGE = 50  #: documents on a page
_MOST_BY_WORDS = 200
_TOKEN = re.compile(r"(shards/[\w./-]{1,200}):(\d{1,18})")
_SITE = re.compile(r"[\w-]+(\.[\w-]+)+\.?(:\d+)?(/\S*)?")


@dataclass(frozen=True)
class Token:
    """One token of a shard. ``original`` is None where it is no character's of the document's text."""

    shard: str
    offset: int
    start: int  #: its document's tokens ``[start, end)``
    end: int
    before: str
    after: str
    original: Original | None


@dataclass(frozen=True)
class Answer:
    """``number`` documents were found; ``heads`` are those of this page, in the order of their address; ``chain`` is
    the whole of it where there is one alone."""

    way: str
    number: int
    numbers: np.ndarray
    more: bool  #: the search stopped before the last text
    heads: Sequence[Head] = ()
    chain: Chain | None = None
    token: Token | None = None


def way_of(question: str) -> str:
    """What a question most likely is."""
    text = question.strip()
    if _TOKEN.fullmatch(text):
        return "token"
    if re.fullmatch(r"[0-9a-f]{32}", text):
        return "id"
    if re.fullmatch(r"[0-9a-f]{16}", text):
        return "evidence"
    if re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE):
        return "address"
    return "site" if _SITE.fullmatch(text) else "words"


def answer(site: Site, question: str, way: str = "anything", page: int = 0) -> Answer:
    """ValueError when the question cannot be what it is said to be, or the run has no index."""
    question, way = question.strip(), _way(question, way)
    index = site.index()
    if way == "token":
        return _token(site, index, question)
    numbers, more = _numbers(site, index, question, way)
    policy, book = site.own_policy, site.book()
    if len(numbers) == 1:
        return Answer(way, 1, numbers, more, chain=follow(index, numbers, policy, book)[0])
    chosen = numbers[page * PAGE : (page + 1) * PAGE]
    return Answer(way, len(numbers), numbers, more, heads(index, chosen, policy, book))


def _way(question: str, way: str) -> str:
    if way not in WAYS:
        raise ValueError(f"look-up by {way!r}; it can be by {', '.join(WAYS)}")
    return way_of(question) if way == "anything" else way


def _numbers(site: Site, index: Index, question: str, way: str) -> tuple[np.ndarray, bool]:
    if way == "words":
        if site.redact:
            raise ValueError("texts are left out here: words cannot be looked for")
        words = question.strip("\"'“”„«»")
        if len(words.strip()) < 3:
            raise ValueError("name at least three letters to look for")
        with site.costly():
            found = questions.by_text(index, words, _MOST_BY_WORDS)
        return np.sort(found), len(found) >= _MOST_BY_WORDS
    if way == "address":
        found = index.by_url(question)
        return (found if len(found) else _below(index, question)), False
    if way == "site":
        return index.below(question), False
    return (questions.by_id if way == "id" else questions.by_signature)(index, question), False


def _below(index: Index, address: str) -> np.ndarray:
    """What lies below an address that is no document's."""
    try:
        return index.below(address)
    except ValueError:
        return np.empty(0, np.int64)


def _token(site: Site, index: Index, question: str) -> Answer:
    match = _TOKEN.fullmatch(question)
    if match is None:
        raise ValueError("a token is SHARD:OFFSET, as in shards/olmo/part-00000.npy:12345")
    shard, offset = match[1], int(match[2])
    entry, place = index.at(shard, offset)
    (chain,) = follow(index, np.array([entry.number]), site.own_policy, site.book())
    found = Token(shard, offset, place.start, place.end, "", "", None)
    if not site.redact and site.tokenizer is not None:
        trace = lineage.trace(site.run, shard, offset, site.decode)
        tokens = lineage.tokens_of(site.run, shard, place.start, place.end)
        place_of = of_token(site.run, entry.part, entry.row, tokens, offset - place.start)
        found = Token(shard, offset, place.start, place.end, trace.before, trace.after, place_of)
    return Answer("token", 1, np.array([entry.number]), False, chain=chain, token=found)


def table(site: Site, question: str, way: str) -> pl.DataFrame:
    """All documents of an answer: address, source, domain, evidence, whether kept, tokens, record."""
    question, way, index = question.strip(), _way(question, way), site.index()
    token = way == "token"
    numbers = _token(site, index, question).numbers if token else _numbers(site, index, question, way)[0]
    frame = index.rows(numbers) if len(numbers) else index.rows(np.array([0]))[:0]
    names = index.names
    signatures = [Signature.from_json(e).found.name for e in index.signatures["evidence"].to_list()]

    def named(column: str, values: Sequence[Any]) -> pl.Expr:
        return pl.col(column).replace_strict(dict(enumerate(values)), return_dtype=pl.String)

    return frame.select(
        "surt",
        part=named("part", names["part"]),
        row=pl.col("row"),
        domain=named("domain", names["domain"]),
        signature=named("signature", signatures),
        kept=pl.col("kept"),
        tokens=pl.col("tokens"),
        file=named("file", names["file"]),
        offset=pl.col("offset"),
        length=pl.col("length"),
    )


def document(site: Site, identifier: str) -> Chain | None:
    """The chain of one document; None when the run has none of this id."""
    index = site.index()
    found = follow(index, questions.by_id(index, identifier)[:1], site.own_policy, site.book())
    return found[0] if found else None
