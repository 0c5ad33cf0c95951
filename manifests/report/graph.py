"""What came of what, as a graph in columns: inputs, documents, keepers, pools, the blend and the shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests.report.material import Material
from manifests.report.shown import plain

#: nodes of a column; the rest share one
_NODES = 9
_WIDTH, _HEIGHT, _ROW, _TOP = 150.0, 40.0, 54.0, 34.0


@dataclass(frozen=True)
class Node:
    """A box; ``note`` is how much of what it holds."""

    name: str
    note: str
    column: int
    y: float


@dataclass(frozen=True)
class Graph:
    columns: Sequence[str]
    nodes: Sequence[Node]
    edges: Sequence[str]  #: SVG paths
    width: float
    height: float


def of(m: Material) -> Graph | None:
    """None before there are documents."""
    if not m.sums.documents:
        return None
    columns = [("inputs", _inputs(m)), ("documents", _sources(m))]
    if m.judged:
        kept = m.sums.by("outcomes", "domain", where=pl.col("keep"))
        columns.append(("kept", [(r["domain"], f"{r['documents']:,} documents") for r in kept.iter_rows(named=True)]))
    pools = m.sums.by("pools", "split")
    if pools.height:
        columns.append(
            ("pools", [(r["split"] or "train", f"{r['tokens']:,} tokens") for r in pools.iter_rows(named=True)])
        )
    if m.mix:
        columns.append(("blend", [(m.mix.policy or "no policy", f"{m.mix.budget:,} tokens")]))
    if formats := m.shards.get("formats"):
        shards = [(n, f"{len(f):,} shards, {sum(s['tokens'] for s in f):,} tokens") for n, f in sorted(formats.items())]
        columns.append(("shards", shards))
    return _laid(columns, _moves(m, [name for name, _ in columns]))


def _inputs(m: Material) -> list[tuple[str, str]]:
    found = []
    order = {r: i for i, (r,) in enumerate(m.sums.by("outcomes", "source").select("source").iter_rows())}
    for name, source in sorted((m.record.get("inputs") or {}).items(), key=lambda i: (order.get(i[0], 1 << 30), i[0])):
        files = source.get("files") or []
        found.append((name, f"{len(files):,} file{'s' if len(files) != 1 else ''}"))
    return found


def _sources(m: Material) -> list[tuple[str, str]]:
    rows = m.sums.by("outcomes", "source").iter_rows(named=True)
    return [(r["source"], f"{r['documents']:,} documents") for r in rows]


def _moves(m: Material, columns: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
    """By the column they lead to: from which node to which. A column that is not named takes from all before it."""
    sources = {r for (r,) in m.sums.by("outcomes", "source").select("source").iter_rows()}
    inputs = {n for n, _ in _inputs(m)}
    moves = {"documents": {(s, s) for s in sources & inputs}}
    made = sources - inputs  # rephrased from documents of others
    if "kept" in columns:
        table = m.sums.by("outcomes", "source", "domain", where=pl.col("keep"))
        moves["kept"] = set(table.select("source", "domain").rows())
    if "blend" in columns and m.mix:
        moves["blend"] = {("train", m.mix.policy or "no policy")}
    if made:
        moves["documents"] |= {(n, s) for n in inputs for s in made}
    return moves


def _laid(columns: Sequence[tuple[str, Sequence[tuple[str, str]]]], moves: dict[str, set[tuple[str, str]]]) -> Graph:
    nodes: list[Node] = []
    edges: list[str] = []
    most = max(min(len(listed), _NODES + 1) for _, listed in columns)
    gap = (1060 - len(columns) * _WIDTH) / max(1, len(columns) - 1)
    before: dict[str, Node] = {}
    for c, (title, listed) in enumerate(columns):
        few = [*listed[:_NODES], *([("others", f"{len(listed) - _NODES:,} more")] if len(listed) > _NODES else [])]
        top = _TOP + (most - len(few)) * _ROW / 2
        here = {name: Node(plain(name, 18), plain(note, 40), c, top + i * _ROW) for i, (name, note) in enumerate(few)}
        pairs = moves.get(title) or {(a, b) for a in before for b in here}
        drawn = {(a if a in before else "others", b if b in here else "others") for a, b in pairs}
        for a, b in sorted(drawn):
            if a in before and b in here:
                x0, x1 = (c - 1) * (_WIDTH + gap) + _WIDTH, c * (_WIDTH + gap)
                y0, y1, mid = before[a].y + _HEIGHT / 2, here[b].y + _HEIGHT / 2, (x0 + x1) / 2
                edges.append(f"M{x0:.1f} {y0:.1f}C{mid:.1f} {y0:.1f} {mid:.1f} {y1:.1f} {x1:.1f} {y1:.1f}")
        nodes += here.values()
        before = here
    return Graph([t for t, _ in columns], nodes, edges, 1060.0, _TOP + most * _ROW)
