"""What came of what, as a graph in columns: inputs, documents, keepers, pools, the blend and the shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shown import plain

#: nodes of a column; the rest share one
_NODES = 9
_OTHERS = "others"
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
    why: Mapping[str, Why]  #: by column


def of(m: Material) -> Graph | None:
    """None before there are documents."""
    if not m.sums.documents:
        return None
    columns = [("inputs", _inputs(m)), ("documents", _sources(m))]
    if m.judged:
        kept = m.sums.by("outcomes", "domain", where=pl.col("keep"))
        columns.append(("kept", [Held(r["domain"], r["documents"], "document") for r in kept.iter_rows(named=True)]))
    pools = m.sums.by("pools", "split")
    if pools.height:
        columns.append(
            ("pools", [Held(r["split"] or "train", r["tokens"], "token") for r in pools.iter_rows(named=True)])
        )
    if m.mix:
        columns.append(("blend", [Held(m.mix.policy or "no policy", m.mix.budget, "token")]))
    if formats := m.shards.get("formats"):
        columns.append(
            ("shards", [Held(n, sum(s["tokens"] for s in f), "token", len(f)) for n, f in sorted(formats.items())])
        )
    drawn = [(title, _few(held)) for title, held in columns if held]
    why = {title: _why(m, title, held) for title, held in drawn}
    return _laid(drawn, _moves(m, [name for name, _ in drawn]), why)


@dataclass(frozen=True)
class Held:
    """What a box stands for: so many of a unit, and of shards how many these are."""

    name: str
    number: int
    unit: str
    shards: int = 0

    @property
    def note(self) -> str:
        told = f"{self.number:,} {self.unit}{'s' if self.number != 1 else ''}"
        return f"{self.shards:,} shard{'s' if self.shards != 1 else ''}, {told}" if self.shards else told


def _few(held: Sequence[Held]) -> list[Held]:
    """The first of a column, and how many the others are."""
    rest = len(held) - _NODES
    return [*held[:_NODES], *([Held(_OTHERS, rest, "other")] if rest > 0 else [])]


def _inputs(m: Material) -> list[Held]:
    order = {r: i for i, (r,) in enumerate(m.sums.by("outcomes", "source").select("source").iter_rows())}
    named = sorted((m.record.get("inputs") or {}).items(), key=lambda i: (order.get(i[0], 1 << 30), i[0]))
    return [Held(name, len(source.get("files") or []), "file") for name, source in named]


def _sources(m: Material) -> list[Held]:
    rows = m.sums.by("outcomes", "source").iter_rows(named=True)
    return [Held(r["source"], r["documents"], "document") for r in rows]


#: the numbers of a column by name, and all the names it has
_COLUMNS = {
    "inputs": ("len(record['inputs'][n].get('files', []))", "record['inputs']"),
    "documents": ("(pl.col('source') == n).sum()", "documents['source'].unique()"),
    "kept": ("((pl.col('domain') == n) & pl.col('keep')).sum()", "documents.filter('keep')['domain'].unique()"),
    "pools": (
        "pl.col('tokens').filter(pl.col('stratum') != '', pl.col('split').replace('', 'train') == n).sum()",
        "documents.filter(pl.col('stratum') != '')['split'].unique()",
    ),
    "blend": ("mix['budget']", "[mix['policy']]"),
    "shards": ("sum(s['tokens'] for s in index['formats'][n])", "index['formats']"),
}


def _why(m: Material, column: str, held: Sequence[Held]) -> Why:
    names = [h.name for h in held if h.unit != "other"]
    number, known = _COLUMNS[column]
    asked = f"**{{n: {number} for n in {names!r}}}"
    gives = {h.name: h.number for h in held}
    if column == "shards":
        asked += f", **{{f'{{n}} shards': len(index['formats'][n]) for n in {names!r}}}"
        gives |= {f"{h.name} shards": h.shards for h in held if h.unit != "other"}
    if len(names) < len(held):
        asked += f", {_OTHERS}=len({known}) - {len(names)}"
    frame = "documents" if column in ("documents", "kept", "pools") else "pl"
    return m.why(f"{frame}.select({asked})", gives)


def _moves(m: Material, columns: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
    """By the column they lead to: from which node to which. A column that is not named takes from all before it."""
    sources = {r for (r,) in m.sums.by("outcomes", "source").select("source").iter_rows()}
    inputs = {h.name for h in _inputs(m)}
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


def _laid(
    columns: Sequence[tuple[str, Sequence[Held]]], moves: dict[str, set[tuple[str, str]]], why: Mapping[str, Why]
) -> Graph:
    nodes: list[Node] = []
    edges: list[str] = []
    most = max(len(held) for _, held in columns)
    gap = (1060 - len(columns) * _WIDTH) / max(1, len(columns) - 1)
    before: dict[str, Node] = {}
    for c, (title, held) in enumerate(columns):
        top = _TOP + (most - len(held)) * _ROW / 2
        here = {h.name: Node(plain(h.name, 18), plain(h.note, 40), c, top + i * _ROW) for i, h in enumerate(held)}
        pairs = moves.get(title) or {(a, b) for a in before for b in here}
        drawn = {(a if a in before else _OTHERS, b if b in here else _OTHERS) for a, b in pairs}
        for a, b in sorted(drawn):
            if a in before and b in here:
                x0, x1 = (c - 1) * (_WIDTH + gap) + _WIDTH, c * (_WIDTH + gap)
                y0, y1, mid = before[a].y + _HEIGHT / 2, here[b].y + _HEIGHT / 2, (x0 + x1) / 2
                edges.append(f"M{x0:.1f} {y0:.1f}C{mid:.1f} {y0:.1f} {mid:.1f} {y1:.1f} {x1:.1f} {y1:.1f}")
        nodes += here.values()
        before = here
    return Graph([t for t, _ in columns], nodes, edges, 1060.0, _TOP + most * _ROW, why)
