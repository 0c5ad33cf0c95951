"""What the documents' licences are, from which evidence, where claims contradict each other, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests.report import evidence as evidences
from manifests.report import permissions
from manifests.report.evidence import Evidence
from manifests.report.material import Material
from manifests.report.permissions import Permissions
from manifests.report.queries import Why, where
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
    why_more: Why
    kinds: Sequence[Row]
    conflicts: Sequence[Conflict] | None  #: None where evidence was not kept by signature
    conflicting: int
    why_conflicting: Why | None
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
    conflicts, conflicting, why_conflicting = _conflicts(m, found) if found else (None, 0, None)
    more = max(0, expressions.height - _EXPRESSIONS)
    return Licences(
        classes=_rows(m, m.sums.by("licences", "licence_class"), "licence_class"),
        expressions=[
            Row(
                plain(r["licence"], 120),
                r["documents"],
                r["kept"],
                r["tokens"],
                _why_expression(m, r, reserved.get(r["licence"], 0)),
                r["licence_class"],
                reserved.get(r["licence"], 0),
            )
            for r in expressions.head(_EXPRESSIONS).iter_rows(named=True)
        ],
        more=more,
        why_more=m.left_out(more, _EXPRESSIONS, "licence", "licence_class"),
        kinds=_rows(m, kinds, "licence_kind"),
        conflicts=conflicts,
        conflicting=conflicting,
        why_conflicting=why_conflicting,
        permissions=permissions.of(m, found) if found else None,
    )


def _why_expression(m: Material, row: Mapping[str, Any], reserved: int) -> Why:
    chosen = where(licence=row["licence"], licence_class=row["licence_class"])
    gives = {n: row[n] for n in ("documents", "kept", "tokens")} | {"reserved": reserved}
    return m.why(f"{chosen}.select(**totals, reserved=pl.col('reserved').sum())", gives, row["behind"])


def _rows(m: Material, table: pl.DataFrame, key: str) -> list[Row]:
    return [
        Row(plain(r[key], 80), r["documents"], r["kept"], r["tokens"], m.summed(r, **{key: r[key]}))
        for r in table.iter_rows(named=True)
    ]


def _conflicts(m: Material, found: Evidence) -> tuple[list[Conflict], int, Why]:
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
    return rows, table.height, evidences.counted(m, "conflicts", table["signature"].to_list(), len(rows))
