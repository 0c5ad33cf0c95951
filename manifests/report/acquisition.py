"""How the documents were come by, and who or what wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shown import plain

_MOST = 40


@dataclass(frozen=True)
class Row:
    """Documents that have the same ``values``."""

    values: Sequence[str]
    documents: int
    kept: int
    tokens: int
    why: Why


@dataclass(frozen=True)
class Acquisition:
    """``routes``: source, route, access, training, licensor, order, expiry; ``origins``: origin, generator, style."""

    routes: Sequence[Row]
    origins: Sequence[Row]
    more: int
    undeclared: int  #: documents whose route nobody declared
    why: Mapping[str, Why]  #: of more and undeclared


_ROUTES = ("source", "route", "lawful_access", "training", "licensor", "order", "expires")
_ORIGINS = ("origin", "generator", "style")


def of(m: Material) -> Acquisition | None:
    """None before any document was read."""
    if not m.sums.documents:
        return None
    (routes, more), (origins, _) = _rows(m, _ROUTES), _rows(m, _ORIGINS)
    undeclared = m.sums.by("terms", where=pl.col("route") == "unknown").row(0, named=True)
    why = {
        "more": m.left_out(more, _MOST, *_ROUTES),
        "undeclared": m.summed(undeclared, names=("documents",), route="unknown"),
    }
    return Acquisition(routes, origins, more, undeclared["documents"], why)


def _rows(m: Material, keys: Sequence[str]) -> tuple[list[Row], int]:
    table = m.sums.by("terms", *keys)
    return [
        Row(
            [plain(r[k], 80) for k in keys],
            r["documents"],
            r["kept"],
            r["tokens"],
            m.summed(r, **{k: r[k] for k in keys}),
        )
        for r in table.head(_MOST).iter_rows(named=True)
    ], max(0, table.height - _MOST)
