"""Where the documents are from: the recipe's domains, hosts, and languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    why: Why  #: of more, rest and groups
    without: int = 0
    why_without: Why | None = None


@dataclass(frozen=True)
class Domains:
    domains: Groups
    hosts: Groups | None  #: None where no document has an address


def domains(m: Material) -> Domains | None:
    if not m.sums.documents:
        return None
    hosts, named = m.sums.by("hosts", "host"), _groups(m, m.sums.by("outcomes", "domain"), "domain", _DOMAINS)
    if not hosts.height:
        return Domains(named, None)
    without = m.sums.documents - int(hosts["documents"].sum() or 0)
    why = m.why("documents.filter(host='').select(documents=pl.len())", {"documents": without})
    found = _groups(m, hosts, "host", _HOSTS, "documents.filter(pl.col('host') != '')")
    return Domains(named, replace(found, without=without, why_without=why))


def languages(m: Material) -> Groups | None:
    """None where languages were not identified."""
    table = m.sums.by("languages", "language").sort("documents", "language", descending=[True, False])
    return _groups(m, table, "language", _LANGUAGES) if (table["language"] != "unknown").any() else None


def _groups(m: Material, table: pl.DataFrame, key: str, most: int, within: str = "documents") -> Groups:
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
    left = int(rest["documents"].sum() or 0)
    size = f"pl.col({key!r}).n_unique()"
    query = f"{within}.select(groups={size}, more={size} - {len(rows)})"
    gives = {"groups": table.height, "more": rest.height}
    if rest.height:
        shown = [r[key] for r in table.head(most).iter_rows(named=True)]
        query = query[:-1] + f", documents=(~pl.col({key!r}).is_in({shown!r})).sum())"
        gives["documents"] = left
    return Groups(rows, table.height, rest.height, left, m.measure, m.why(query, gives))
