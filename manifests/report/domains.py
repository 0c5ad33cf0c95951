"""Where the documents are from: the recipe's domains, hosts, and languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shown import plain

#: rows of a table; the rest is counted below it
_DOMAINS, _HOSTS, _LANGUAGES = 40, 40, 25


@dataclass(frozen=True)
class Row:
    """A group of documents."""

    name: str
    documents: int
    kept: int
    tokens: int
    characters: int
    why: Why


@dataclass(frozen=True)
class Groups:
    """``more`` groups of ``rest`` documents have no row; ``without`` have none of what is grouped by."""

    rows: Sequence[Row]
    groups: int
    more: int
    rest: int
    measure: str
    without: int = 0


@dataclass(frozen=True)
class Domains:
    domains: Groups
    hosts: Groups | None  #: None where no document has an address


def domains(m: Material) -> Domains | None:
    if not m.sums.documents:
        return None
    hosts = m.sums.by("hosts", "host")
    without = m.sums.documents - int(hosts["documents"].sum() or 0)
    return Domains(
        _groups(m, m.sums.by("outcomes", "domain"), "domain", _DOMAINS),
        _groups(m, hosts, "host", _HOSTS, without) if hosts.height else None,
    )


def languages(m: Material) -> Groups | None:
    """None where languages were not identified."""
    table = m.sums.by("languages", "language").sort("documents", "language", descending=[True, False])
    return _groups(m, table, "language", _LANGUAGES) if (table["language"] != "unknown").any() else None


def _groups(m: Material, table: pl.DataFrame, key: str, most: int, without: int = 0) -> Groups:
    rows = [
        Row(
            plain(r[key], 80),
            r["documents"],
            r["kept"],
            r["tokens"],
            r["characters"],
            m.summed(r, **{key: r[key]}),
        )
        for r in table.head(most).iter_rows(named=True)
    ]
    rest = table.slice(most)
    return Groups(rows, table.height, rest.height, int(rest["documents"].sum() or 0), m.measure, without)
