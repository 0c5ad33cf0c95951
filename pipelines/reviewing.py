"""Deciding about documents of a run: what a decision meets, what it replaces, and what its reviewer should know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from manifests import lineage, parts, reviews, storage
from manifests.lineage import Index
from manifests.policy import Policy
from manifests.reviews import Book, Review
from pipelines.recipe_paths import pattern_path


@dataclass(frozen=True)
class Decided:
    """A decision as it was kept. ``documents`` and ``tokens`` are those kept by the run that it meets."""

    review: Review
    replaced: Sequence[Review]
    documents: int
    tokens: int
    notes: Sequence[str]


def policy_of(run: str, name: str = "") -> Policy:
    """The policy of this name or file; by default that of the run's mix, else ``permissive-only``. ValueError."""
    record = json.loads(storage.read_bytes(storage.join(run, "run.json")))
    section = (record.get("recipe") or {}).get("mix") or {}
    chosen = name or str(section.get("policy") or "permissive-only")
    if not name and chosen.endswith((".yaml", ".yml")):
        chosen = pattern_path(chosen, Path(record.get("recipe_path", "")).parent, run)
    policy = Policy.load(chosen)
    as_of = section.get("as_of") if not name else None
    return replace(policy, as_of=date.fromisoformat(str(as_of))) if as_of else policy


def decide(run: str, review: Review) -> Decided:
    """Keeps a decision in the run's file of reviews. ValueError when it meets no document of the run."""
    index, book = Index(run), reviews.of_run(run)
    numbers = met(index, review)
    if not len(numbers):
        raise ValueError(f"{review.scope} {review.value}: no document of {run}")
    frame = index.rows(numbers, ["kept", "tokens"])
    kept = frame.filter(frame["kept"])
    notes = _notes(run, index, numbers) if review.scope == "document" else []
    replaced = [r for r in book.current if r.target == review.target]
    (written,) = reviews.append(storage.join(run, reviews.PATH), [review])
    return Decided(written, replaced, kept.height, int(kept["tokens"].cast(int).sum()), notes)


def met(index: Index, review: Review) -> np.ndarray:
    """Numbers of the documents that a decision speaks of, whatever else was decided of them."""
    frame = index.roll_up(["signature"])
    alone = Book((replace(review, action="deny", licence=""),))
    before = frame["signature"].to_numpy().astype(np.int64)
    after, _ = reviews.overlay(index, before, alone)
    return np.flatnonzero(after != before)


def _notes(run: str, index: Index, numbers: np.ndarray) -> list[str]:
    """Of a document that another stands for: it is the other that is trained on."""
    found = []
    for entry in index.entries(numbers):
        if entry.kept or not storage.is_file(storage.join(run, parts.path("duplicates", entry.part))):
            continue
        if survivor := lineage.row_of(run, "duplicates", entry.part, entry.row)["survivor"]:
            found.append(f"it is not kept: its duplicate {survivor} stands for it; decide about that one too")
    return found
