"""What another policy would permit: decided once per distinct evidence, applied to all documents as columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from manifests import reviews
from manifests.lineage import Index
from manifests.policy import Decision, Policy
from manifests.signatures import Signature


def decisions(signatures: Sequence[Signature], policy: Policy) -> list[Decision]:
    return [policy.decide(s) for s in signatures]


def documents(run: str) -> tuple[pl.DataFrame, list[Signature]]:
    """Kept documents of a run by its lineage index: ``signature`` (a code), ``domain``, ``tokens``; the signatures.

    Reviews count at once, whether the run has seen them or not. ValueError when the run has no index, or a broken file
    of reviews.
    """
    index = Index(run)
    frame = index.roll_up(["signature", "domain", "kept", "tokens"])
    codes, interned = reviews.overlay(index, frame["signature"].to_numpy().astype(np.int64), reviews.of_run(run))
    frame = frame.with_columns(signature=pl.Series(codes)).filter(pl.col("kept")).drop("kept")
    names = index.names["domain"]
    domain = pl.col("domain").replace_strict(dict(enumerate(names)), return_dtype=pl.Enum(sorted(set(names))))
    return frame.with_columns(domain), interned


def tally(frame: pl.DataFrame, signatures: Sequence[Signature], policy: Policy) -> pl.DataFrame:
    """Documents and tokens by ``domain``, ``action`` and ``reason``, most tokens first."""
    return _grouped(frame, [("", decisions(signatures, policy))])


def difference(frame: pl.DataFrame, signatures: Sequence[Signature], before: Policy, after: Policy) -> pl.DataFrame:
    """What changes between two policies: ``domain``, ``before``, ``after``, the reasons, documents and tokens.

    ``gained`` is tokens where the second allows what the first does not, negative where it is the other way round. One
    pass over the documents: each is a number among the pairs of decisions.
    """
    pairs = [("before", decisions(signatures, before)), ("after", decisions(signatures, after))]
    grouped = _grouped(frame, pairs)
    changed = grouped.filter(pl.col("action_before") != pl.col("action_after"))
    sign = (pl.col("action_after") == "allow").cast(pl.Int64) - (pl.col("action_before") == "allow").cast(pl.Int64)
    return changed.with_columns(gained=sign * pl.col("tokens"))


def _grouped(frame: pl.DataFrame, decided: Sequence[tuple[str, list[Decision]]]) -> pl.DataFrame:
    outcomes = [tuple((d.action, d.reason) for d in row) for row in zip(*(found for _, found in decided), strict=True)]
    distinct = sorted(set(outcomes))
    place = {o: i for i, o in enumerate(distinct)}
    codes = np.array([place[o] for o in outcomes], np.int64)
    domain = frame["domain"].to_physical().to_numpy().astype(np.int64)
    names = list(frame.schema["domain"].categories) if frame.height else []  # type: ignore[attr-defined]
    cell = codes[frame["signature"].to_numpy()] * max(len(names), 1) + domain if frame.height else np.empty(0, np.int64)
    size = max(len(distinct), 1) * max(len(names), 1)
    documents = np.bincount(cell, minlength=size)
    tokens = np.bincount(cell, weights=frame["tokens"].to_numpy().astype(np.float64), minlength=size)
    rows = []
    for i in np.flatnonzero(documents).tolist():
        outcome, where = distinct[i // len(names)], names[i % len(names)]
        row = {"domain": where}
        for (name, _), (action, reason) in zip(decided, outcome, strict=True):
            suffix = f"_{name}" if name else ""
            row |= {f"action{suffix}": action, f"reason{suffix}": reason}
        rows.append({**row, "documents": int(documents[i]), "tokens": int(tokens[i])})
    fields = {"domain": pl.String}
    for name, _ in decided:
        suffix = f"_{name}" if name else ""
        fields |= {f"action{suffix}": pl.String, f"reason{suffix}": pl.String}
    table = pl.DataFrame(rows, schema={**fields, "documents": pl.Int64, "tokens": pl.Int64})
    return table.sort(["tokens", "domain"], descending=[True, False], maintain_order=True)
