"""Each distinct licence evidence of a run, with the documents that have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests import storage
from manifests.licences import TEXT_SCOPES, category
from manifests.report import frame as frames
from manifests.report import queries
from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shown import plain
from manifests.signatures import FOLDERS, Signature

_CLAIMS = 6


@dataclass(frozen=True)
class Evidence:
    """``documents``: by signature, domain and keep, a table of sums; ``signatures`` by name."""

    documents: pl.DataFrame
    signatures: dict[str, Signature]

    def by_signature(self, names: Sequence[str], *, kept: bool = True) -> pl.DataFrame:
        return self.documents.filter(pl.col("signature").is_in(list(names)), pl.col("keep") | (not kept))


def of(m: Material) -> Evidence | None:
    """None before licences are concluded, or where an earlier version concluded them without signatures."""
    documents = m.sums.by("licences", "signature", "domain", "keep", where=pl.col("signature") != "")
    interned: dict[str, str] = {}
    for folder in FOLDERS:
        for uri in storage.list_files(storage.join(m.run, folder), "*.parquet", recursive=True):
            for name, text in frames.read(uri).iter_rows():
                interned.setdefault(name, text)
    used = set(documents["signature"].to_list())
    if not used or not used <= set(interned):
        return None
    documents = documents.with_columns(pl.col("keep").fill_null(False))
    return Evidence(documents, {name: Signature.from_json(interned[name]) for name in sorted(used)})


def claims(signature: Signature) -> list[str]:
    """What its claims say, as shown."""
    found = [f"{plain(c.expression, 80)} ({c.kind}, {c.scope})" for c in signature.claims]
    return found if len(found) <= _CLAIMS else [*found[:_CLAIMS], f"and {len(found) - _CLAIMS} more"]


def stated(signature: Signature) -> set[str]:
    """Categories that claims about the text state."""
    return {category(c.expression) for c in signature.claims if c.scope in TEXT_SCOPES and c.kind != "mention"}


def counted(m: Material, called: str, names: Sequence[str], shown: int, *, kept: bool = False) -> Why:
    """Of how many distinct evidences documents have, of these names, and how many of them have no row."""
    chosen = queries.where(m.evidence(called, names), **({"keep": True} if kept else {}))
    number = "pl.col('signature').n_unique()"
    gives = {"evidence": len(names), "more": len(names) - shown}
    return m.why(f"{chosen}.select(evidence={number}, more={number} - {shown})", gives)
