"""The query behind a number: Polars over the run folder's own files, which anyone can run without us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from manifests.report.thresholds import Threshold

#: of documents with verdicts, and those that these kept
JUDGED, KEPT = "documents.filter('judged')", "documents.filter('keep')"


@dataclass(frozen=True)
class Why:
    """What a number comes from: the query, what it gives, and documents behind it (numbers on the shelf).

    ``table``: it gives a whole table instead, row by row.
    """

    number: int
    query: str
    gives: Mapping[str, float]
    behind: Sequence[int] = field(default=())
    table: bool = False


def preamble(thresholds: Sequence[Threshold], meant: Mapping[str, Sequence[str]], evidence: Sequence[str]) -> str:
    """The beginning of every query: the frames that it asks, and which of all ``evidence`` is ``meant`` by a name."""
    statistics: dict[str, str] = {}
    for t in thresholds:
        statistics[t.folder] = statistics.get(t.folder, "") + f"{t.column!r}: pl.Float64, "
    known = {"annotations/heuristics": "'characters': count, ", "annotations/quality": "'quality': share, "}
    known["annotations/language"] = "'language': text, "
    listed = ", ".join(f"{f!r}: {{{known.get(f, '')}{names.rstrip(', ')}}}" for f, names in sorted(statistics.items()))
    text = resources.files(__package__).joinpath("recount.txt").read_text("utf-8")
    sets = "".join(f"    {name!r}: {_bits(chosen, evidence)!r},\n" for name, chosen in meant.items())
    return text.replace("**STATISTICS", f"**{{{listed}}}", 1).replace("    **MEANT,\n", sets, 1)


def _bits(chosen: Sequence[str], evidence: Sequence[str]) -> str:
    """One bit for each evidence in the order of their names, as a hexadecimal number."""
    among = frozenset(chosen)
    return f"{int('0' + ''.join('01'[e in among] for e in sorted(evidence)), 2):x}"


def where(*conditions: str, **equal: Any) -> str:
    """The documents for which columns have these values: ``documents.filter(domain='web')``."""
    said = [*conditions, *(f"{name}={value!r}" for name, value in equal.items())]
    return f"documents.filter({', '.join(said)})" if said else "documents"


def totals(documents: str, *names: str) -> str:
    """Sums over some documents: of documents, kept, tokens and characters those named; all of them by default."""
    chosen = ", ".join(f"{n}=totals[{n!r}]" for n in names) if names else "**totals"
    return f"{documents}.select({chosen})"


def left_out(shown: int, *columns: str, within: str = "documents") -> str:
    """How many distinct values of some columns have no row, where ``shown`` of them have one."""
    return f"{within}.select(more=pl.struct({', '.join(map(repr, columns))}).n_unique() - {shown})"


def few(column: str, names: Sequence[str]) -> str:
    """A column with all values but these as ``others``."""
    shown = [n for n in names if n != "others"]
    return f"pl.when(pl.col({column!r}).is_in({shown!r})).then({column!r}).otherwise(pl.lit('others'))"


def saying(statement: str) -> str:
    """The documents whose licence evidence holds this piece of JSON."""
    holds = f"pl.col('evidence').str.contains({statement!r}, literal=True)"
    return f"documents.join(signatures, on='signature').filter({holds})"
