"""The query behind a number: Polars over the run folder's own files, which anyone can run without us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from manifests.report.thresholds import Threshold

#: values of a condition that are written out
_LISTED = 60


@dataclass(frozen=True)
class Why:
    """What a number comes from: the query, what it gives, and documents behind it (numbers on the shelf)."""

    number: int
    query: str
    gives: Mapping[str, float]
    behind: Sequence[int] = field(default=())


def preamble(thresholds: Sequence[Threshold]) -> str:
    """The beginning of every query: it makes the frames ``documents`` and ``signatures``."""
    statistics: dict[str, str] = {}
    for t in thresholds:
        statistics[t.folder] = statistics.get(t.folder, "") + f"{t.column!r}: pl.Float64, "
    known = {"annotations/heuristics": "'characters': count, ", "annotations/quality": "'quality': share, "}
    known["annotations/language"] = "'language': text, "
    listed = ", ".join(f"{f!r}: {{{known.get(f, '')}{names.rstrip(', ')}}}" for f, names in sorted(statistics.items()))
    text = resources.files(__package__).joinpath("recount.txt").read_text("utf-8")
    return text.replace("**STATISTICS", f"**{{{listed}}}", 1)


def where(*conditions: str, **equal: Any) -> str:
    """The documents for which columns have these values: ``documents.filter(domain='web')``."""
    said = [*conditions, *(f"{name}={value!r}" for name, value in equal.items())]
    return f"documents.filter({', '.join(said)})" if said else "documents"


def totals(documents: str, *names: str) -> str:
    """Sums over some documents: of documents, kept, tokens and characters those named; all of them by default."""
    chosen = ", ".join(f"{n}=totals[{n!r}]" for n in names) if names else "**totals"
    return f"{documents}.select({chosen})"


def among(column: str, values: Sequence[str]) -> str | None:
    """A condition: one of these values; None where they are too many to be written out."""
    return f"pl.col({column!r}).is_in({sorted(values)!r})" if len(values) <= _LISTED else None


def saying(statement: str) -> str:
    """The documents whose licence evidence holds this piece of JSON."""
    holds = f"pl.col('evidence').str.contains({statement!r}, literal=True)"
    return f"documents.join(signatures, on='signature').filter({holds})"
