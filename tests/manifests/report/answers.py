"""A page asked where its numbers come from: every query is run, and every number that is shown is looked for in what
the queries beside it give.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl

from manifests.report import numbers

_VOID = frozenset("meta link input br img path rect".split())
#: what holds no numbers of ours: strangers' words, code, names, the environment of the run, and the queries themselves
_QUOTED = frozenset("code pre script style blockquote".split())
_SAID = frozenset("q doc lead kind facts name said failures".split())
_NUMBER = re.compile(r"\d(?:[\d,]*\d)?(?:\.\d+)?")


@dataclass
class Node:
    tag: str
    attributes: dict[str, str]
    parent: Node | None
    inner: list[Node | str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    def nodes(self) -> Iterator[Node]:
        yield self
        for child in self.inner:
            if isinstance(child, Node):
                yield from child.nodes()

    def find(self, tag: str = "", css: str = "") -> list[Node]:
        return [n for n in self.nodes() if (not tag or n.tag == tag) and (not css or css in n.classes)]

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.inner)


class _Tree(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = self.at = Node("", {}, None)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {k: v or "" for k, v in attrs}, self.at)
        self.at.inner.append(node)
        if tag not in _VOID:
            self.at = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.inner.append(Node(tag, {k: v or "" for k, v in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        here: Node | None = self.at
        while here is not None and here.tag != tag:
            here = here.parent
        if here is not None and here.parent is not None:
            self.at = here.parent

    def handle_data(self, data: str) -> None:
        self.at.inner.append(data)


@dataclass(frozen=True)
class Answer:
    """A query of the page, what the page says it gives, and what it gives: a row, or the rows of a table."""

    query: str
    said: dict[str, float]
    gives: pl.DataFrame | None  #: None of what is a command

    @property
    def wrong(self) -> bool:
        if self.gives is None:
            return bool(self.said)
        if not self.said:
            return False  # a table: see ``shown_wrong``
        row = self.gives.row(0, named=True)
        return self.gives.height != 1 or any(not same(row[n], v) for n, v in self.said.items())


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def same(given: Any, shown: float) -> bool:
    """Whether a query gives a number as the page has it: sums of floating point may differ in their last digits."""
    return given is not None and abs(float(given) - shown) <= 1e-9 * max(1.0, abs(shown))


class Page:
    """A page of the run in ``folder``, with all its queries run there after the lines that come before them."""

    def __init__(self, text: str, folder: Path) -> None:
        self.root = _Tree(text).root
        lines = next(n for n in self.root.nodes() if n.attributes.get("id") == "lines").text
        names: dict[str, Any] = {}
        self.answers: dict[str, Answer] = {}
        with inside(folder):
            exec(lines, names)
            for box in self.root.find("div", "q"):
                (query,) = (n.text for n in box.find("pre"))
                given = [
                    (n.inner[0], n.find("b")[0].attributes["data-v"])
                    for g in box.find("p", "gives")
                    for n in g.find("span")
                ]
                said = {str(name).strip(): float(value) for name, value in given}
                found = None if query.startswith("#") else eval(query, names)
                self.answers[box.attributes["id"]] = Answer(query, said, found)

    def wrong(self) -> list[str]:
        """Queries that give something else than the page says, and those that give nothing."""
        found = [a.query for a in self.answers.values() if a.wrong]
        empty = [a.query for a in self.answers.values() if a.gives is not None and a.gives.width == 0]
        return found + empty

    def unexplained(self) -> list[str]:
        """Numbers of the page that no query beside them gives."""
        found = []
        for section in [*self.root.find("header", "hero"), *self.root.find("section")]:
            for node in section.nodes():
                words = " ".join(c for c in node.inner if isinstance(c, str))
                words = words.rsplit(":", 1)[-1] if node.tag == "title" else words  # before it stand names
                if not _NUMBER.search(words) or self._quoted(node):
                    continue
                answers, block = self._beside(node)
                known = self._tokens(answers)
                left = [t for t in _NUMBER.findall(words) if t not in known]
                cell = node if node.tag == "td" else next((p for p in _above(node) if p.tag == "td"), None)
                exact = cell.attributes.get("data-v") if cell is not None else None
                if left or (exact is not None and not self._gives(answers, float(exact))):
                    found.append(
                        f"{section.attributes.get('id', '')}: {' '.join(block.text.split())[:80]!r}: {words.strip()!r}"
                    )
        return found

    def tables_apart(self) -> list[str]:
        """Tables whose rows are not those that their own query gives, number by number."""
        found = []
        for box_id, answer in self.answers.items():
            button = next(n for n in self.root.find("button", "why") if n.attributes["popovertarget"] == box_id)
            if answer.said or answer.gives is None:
                continue
            card = next(p for p in _above(button) if "card" in p.classes)
            if not card.find("table"):
                continue
            rows = [[float(c.attributes["data-v"]) for c in r.inner if isinstance(c, Node) and "data-v" in c.attributes]
                    for r in card.find("table")[0].find("tbody")[0].find("tr")]  # fmt: skip
            given = [
                [v for v in row if isinstance(v, int | float) and not isinstance(v, bool)]
                for row in answer.gives.rows()
            ]
            apart = len(rows) != len(given) or any(
                not any(same(g, v) for g in have) for shown, have in zip(rows, given, strict=False) for v in shown
            )
            if apart:
                found.append(answer.query)
        return found

    def _quoted(self, node: Node) -> bool:
        for here in [node, *_above(node)]:
            if here.tag in _QUOTED or here.classes & _SAID:
                return True
            if here.tag == "svg" and not here.classes & {"flow", "graph"}:
                return True  # the axes of a chart
        return False

    def _beside(self, node: Node) -> tuple[list[Answer], Node]:
        """The answers nearest to a number, and the block they stand in; in a table also those that stand over it."""
        found: list[Answer] = []
        first = node
        for here in [node, *_above(node)]:
            if here.tag in ("section", "main", "body", ""):
                break
            buttons = here.find("button", "why")
            within = [b for b in buttons if not found or not any(p.tag == "tbody" for p in _above(b))]
            if within and not found:
                first = here
            found += [self.answers[b.attributes["popovertarget"]] for b in within]
            in_row = any(p.tag == "tbody" for p in [here, *_above(here)])
            if (
                found
                and not in_row
                and ((here.tag != "table" and "scroll" not in here.classes) or "card" in here.classes)
            ):
                break
        return found, first

    def _tokens(self, answers: list[Answer]) -> set[str]:
        return {t for v in self._values(answers) for r in _renderings(v) for t in _NUMBER.findall(r)}

    def _gives(self, answers: list[Answer], value: float) -> bool:
        return any(same(v, value) for v in self._values(answers))

    def _values(self, answers: list[Answer]) -> set[float]:
        values: set[float] = set()
        for a in answers:
            if a.gives is None:  # a command gives what it says itself
                continue
            values |= {float(v) for row in a.gives.rows() for v in row if isinstance(v, int | float)}
        return values


def _above(node: Node) -> Iterator[Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def _renderings(value: float) -> list[str]:
    forms = ["{:.2f}", "{:.3f}", "{:.4f}", "{:.2g}", "{:.3g}", "{:.4g}", "{:+.1f}"]
    made = [f.format(value) for f in forms] + [f"{100 * value:+.2f}", f"{100 * value:+.1f}"]
    made += [numbers.share(value), numbers.share(value, 0), f"{value:.1%}", f"{value:,.0f}"]
    return made + ([numbers.short(value), numbers.size(value), numbers.time(value)] if value >= 0 else [])


def ask(page: Path, run: Path) -> Page:
    """The page in a file, of a run folder."""
    return Page(page.read_text("utf-8"), run)
