"""A flow diagram of two columns, sources to outcomes, as plain geometry: bands are as thick as their documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

#: what documents that no rule dropped flow into
KEPT = "kept"
#: reasons and sources with a node of their own; rarer ones share one
_NODES = 9
_OTHERS = "others"
_WIDTH, _BODY = 1000, 380
_LEFT, _RIGHT, _BAR = 150.0, 760.0, 10.0
#: room a label needs; a thin node is given this much, so that labels never overlap
_SLOT, _GAP = 24.0, 10.0


@dataclass(frozen=True)
class Node:
    name: str
    n: int
    x: float
    y: float
    height: float
    slot: float  #: height it takes in its column

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True)
class Band:
    source: str
    outcome: str
    n: int
    path: str  #: SVG path of the filled band


@dataclass(frozen=True)
class Flow:
    width: int
    height: int
    bar: float
    sources: list[Node]
    outcomes: list[Node]
    bands: list[Band]


def of(moves: pl.DataFrame) -> Flow | None:
    """From sources to what became of their documents, kept first; None where there are none.

    ``moves`` has the columns source, outcome and documents.
    """
    few = _few(_few(moves.select("source", "outcome", "documents"), "source"), "outcome")
    if few.is_empty():
        return None
    columns = []
    for name in ("source", "outcome"):
        counted = few.group_by(name).agg(pl.col("documents").sum()).sort("documents", name, descending=[True, False])
        first, last = pl.col(name) == KEPT, pl.col(name) == _OTHERS
        columns.append(counted.sort(first, ~last, descending=True, maintain_order=True)[name].to_list())
    summed = few.group_by("source", "outcome").agg(pl.col("documents").sum()).sort("source", "outcome")
    return flow(summed.rows(), *columns)


def _few(moves: pl.DataFrame, name: str) -> pl.DataFrame:
    """With the most frequent values of a column, and all others as one."""
    ranked = moves.group_by(name).agg(pl.col("documents").sum()).sort("documents", name, descending=[True, False])
    column = pl.col(name)
    few = column.is_in(ranked[name].head(_NODES).implode()) | (column == KEPT)
    return moves.with_columns(pl.when(few).then(column).otherwise(pl.lit(_OTHERS)).alias(name))


def flow(moves: Sequence[tuple[str, str, int]], sources: Sequence[str], outcomes: Sequence[str]) -> Flow:
    """Lays out ``moves`` (source, outcome, documents); columns in the given orders. No moves, no height."""
    total = sum(n for _, _, n in moves)
    if not total:
        return Flow(_WIDTH, 0, _BAR, [], [], [])
    scale = _BODY / total
    left = _column(sources, {s: sum(n for a, _, n in moves if a == s) for s in sources}, _LEFT, scale)
    right = _column(outcomes, {o: sum(n for _, b, n in moves if b == o) for o in outcomes}, _RIGHT, scale)
    amount = {(a, b): n for a, b, n in moves}
    begin, end = {n.name: n.y for n in left}, {n.name: n.y for n in right}
    bands = []
    for s in sources:
        for o in outcomes:
            if n := amount.get((s, o), 0):
                thick = n * scale
                bands.append(Band(s, o, n, _band(_LEFT + _BAR, begin[s], _RIGHT, end[o], thick)))
                begin[s] += thick
                end[o] += thick
    height = max(sum(n.slot + _GAP for n in column) for column in (left, right))
    return Flow(_WIDTH, round(height), _BAR, left, right, bands)


def _column(names: Sequence[str], amounts: dict[str, int], x: float, scale: float) -> list[Node]:
    nodes, y = [], 0.0
    for name in names:
        height = amounts[name] * scale
        slot = max(height, _SLOT)
        nodes.append(Node(name, amounts[name], x, round(y + (slot - height) / 2, 2), round(height, 2), slot))
        y += slot + _GAP
    return nodes


def _band(x0: float, y0: float, x1: float, y1: float, thick: float) -> str:
    mid = (x0 + x1) / 2
    return (
        f"M{x0:.1f} {y0:.2f}C{mid:.1f} {y0:.2f} {mid:.1f} {y1:.2f} {x1:.1f} {y1:.2f}"
        f"V{y1 + thick:.2f}C{mid:.1f} {y1 + thick:.2f} {mid:.1f} {y0 + thick:.2f} {x0:.1f} {y0 + thick:.2f}Z"
    )
