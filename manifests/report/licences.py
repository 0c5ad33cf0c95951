"""What the documents' licences are, from which evidence, where claims contradict each other, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests.report import evidence as evidences
from manifests.report import permissions
from manifests.report.evidence import Evidence
from manifests.report.material import Material
from manifests.report.permissions import Permissions
from manifests.report.queries import Why
from manifests.report.shown import plain

_EXPRESSIONS, _CONFLICTS, _KINDS = 30, 20, 24


@dataclass(frozen=True)
class Row:
    """Documents of one class, expression or kind of evidence."""

    name: str
    documents: int
    kept: int
    tokens: int
    why: Why
    note: str = ""
    reserved: int = 0


@dataclass(frozen=True)
class Conflict:
    """Claims about one text that do not agree, and what was concluded."""

    claims: Sequence[str]
    categories: Sequence[str]
    concluded: str
    documents: int
    tokens: int
    why: Why


@dataclass(frozen=True)
class Licences:
    classes: Sequence[Row]
    expressions: Sequence[Row]
    more: int
    kinds: Sequence[Row]
    conflicts: Sequence[Conflict] | None  #: None where evidence was not kept by signature
    conflicting: int
    permissions: Permissions | None


def of(m: Material) -> Licences | None:
    """None before licences are concluded."""
    table = m.sums.tables["licences"]
    if not table.height or not table["licensed"].any():
        return None
    expressions = m.sums.by("licences", "licence", "licence_class")
    reserved = dict(
        m.sums.by("licences", "licence", where=pl.col("reserved")).select("licence", "documents").iter_rows()
    )
    kinds = m.sums.by("licences", "licence_kind", where=pl.col("licence_kind") != "").head(_KINDS)
    found = evidences.of(m)
    conflicts, conflicting = _conflicts(m, found) if found else (None, 0)
    return Licences(
        classes=_rows(m, m.sums.by("licences", "licence_class"), "licence_class"),
        expressions=[
            Row(
                plain(r["licence"], 120),
                r["documents"],
                r["kept"],
                r["tokens"],
                m.summed(r, licence=r["licence"], licence_class=r["licence_class"]),
                r["licence_class"],
                reserved.get(r["licence"], 0),
            )
            for r in expressions.head(_EXPRESSIONS).iter_rows(named=True)
        ],
        more=max(0, expressions.height - _EXPRESSIONS),
        kinds=_rows(m, kinds, "licence_kind"),
        conflicts=conflicts,
        conflicting=conflicting,
        permissions=permissions.of(m, found) if found else None,
    )


def _rows(m: Material, table: pl.DataFrame, key: str) -> list[Row]:
    return [
        Row(plain(r[key], 80), r["documents"], r["kept"], r["tokens"], m.summed(r, **{key: r[key]}))
        for r in table.iter_rows(named=True)
    ]


def _conflicts(m: Material, found: Evidence) -> tuple[list[Conflict], int]:
    """Claims of different categories about the same text, of all documents, most tokens first."""
    apart = {n: c for n, s in found.signatures.items() if len(c := evidences.stated(s)) > 1}
    table = m.sums.by("licences", "signature", where=pl.col("signature").is_in(list(apart)))
    rows = []
    for row in table.head(_CONFLICTS).iter_rows(named=True):
        signature = found.signatures[row["signature"]]
        concluded, kind_of, _, _ = signature.conclusion()
        why = m.summed(row, names=("documents", "tokens"), signature=row["signature"])
        said, categories = evidences.claims(signature), sorted(apart[row["signature"]])
        name = f"{plain(concluded, 80)}: {kind_of}"
        rows.append(Conflict(said, categories, name, row["documents"], row["tokens"], why))
    return rows, table.height
