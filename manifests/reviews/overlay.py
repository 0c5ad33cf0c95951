"""Reviews laid over a run that is finished: what its documents' evidence is with them, without running again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from manifests import parts, storage
from manifests.lineage import Index
from manifests.lineage.numbers import Ints
from manifests.reviews.book import Book
from manifests.signatures import Signature, with_claims


def overlay(index: Index, codes: Ints, book: Book) -> tuple[Ints, list[Signature]]:
    """The code of each document's signature, and the signatures, with the reviews that meet the documents.

    ``codes`` are those of the index, one a document.
    """
    signatures = [Signature.from_json(e) for e in index.signatures["evidence"].to_list()]
    if not book.current:
        return codes, signatures
    found = [s.found for s in signatures]
    chosen = _chosen(index, codes, found, book)
    met, size = np.flatnonzero(chosen >= 0), len(book.current)
    # a document's pair of a signature and a review as one number: each pair is made once
    pairs, place = np.unique(codes[met] * size + chosen[met], return_inverse=True)
    after, made = codes.copy(), list(signatures)
    after[met] = len(made) + place
    made += [_with(found[p // size], {p % size}, book) for p in pairs.tolist()]
    known: dict[tuple[int, frozenset[int]], int] = {}
    for number, parents in _inherited(index, chosen, book).items():
        key = (int(codes[number]), parents | ({int(chosen[number])} - {-1}))
        if key not in known:
            known[key] = len(made)
            made.append(_with(found[key[0]], key[1], book))
        after[number] = known[key]
    return after, made


def _with(found: Signature, reviews: Iterable[int], book: Book) -> Signature:
    claims = (book.current[i].claim() for i in sorted(reviews))
    return with_claims(found, [c for c in claims if c is not None])


def _chosen(index: Index, codes: Ints, found: Sequence[Signature], book: Book) -> Ints:
    """For each document of the index the place in ``book.current`` of the review that counts, -1 for none."""
    chosen = np.full(len(codes), -1, np.int64)
    if named := book.values("signature"):
        of_code = np.array([named.get(s.name, -1) for s in found], np.int64)
        chosen = of_code[codes]
    if book.hosts:
        hosts = index.hosts
        of_host = book.latest_of_hosts(hosts["host"])
        chosen = np.maximum(chosen, np.repeat(of_host, hosts["documents"].to_numpy()))
    if named := book.values("document"):
        for review, numbers in zip(named.values(), index.by_ids(list(named)), strict=True):
            chosen[numbers] = np.maximum(chosen[numbers], review)
    return chosen


def _inherited(index: Index, chosen: Ints, book: Book) -> Mapping[int, frozenset[int]]:
    """What was decided of the parents of rewritten documents: it holds for what was made of them."""
    record = storage.join(index.run, "run.json")
    recipe = json.loads(storage.read_bytes(record)).get("recipe") or {} if storage.is_file(record) else {}
    source = (recipe.get("rephrase") or {}).get("source")
    derived = [p for p in index.names["part"] if source and p.split("/")[0] == source]
    if not derived or not (chosen >= 0).any():
        return {}
    frames = []
    for part in derived:
        table = storage.read_table(storage.join(index.run, parts.path(parts.DOCUMENTS, part)), ["id", "parents"])
        frame = pl.DataFrame(pl.from_arrow(table)).with_columns(parent=pl.col("parents").list.eval(_ID))
        frames.append(frame.select("id", "parent").explode("parent").drop_nulls())
    pairs = pl.concat(frames)
    places = dict(zip(names := pairs["parent"].unique().to_list(), index.by_ids(names), strict=True))
    told = {p: {int(c) for c in chosen[numbers] if c >= 0} for p, numbers in places.items()}
    pairs = pairs.filter(pl.col("parent").is_in([p for p, codes in told.items() if codes]))
    found: dict[int, frozenset[int]] = {}
    ids = pairs["id"].to_list()
    for numbers, parent in zip(index.by_ids(ids), pairs["parent"].to_list(), strict=True):
        for number in numbers.tolist():
            found[number] = found.get(number, frozenset()) | told[parent]
    return found


_ID = pl.element().struct.field("id")
