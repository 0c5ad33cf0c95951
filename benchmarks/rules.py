"""Statistics of the published rules: one compiled pass beside datatrove's filters, each on all texts."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from benchmarks.inputs import megabytes
from benchmarks.stopwatch import Load, Table, compare

NOTE = """cuvée computes every statistic of every text, from a list of strings that it turns into Arrow first.
datatrove's filters each see all texts, as if none had been dropped before, and stop at the first rule a text breaks.
cuvée's words are separated by white space, datatrove's by spaCy."""


def run(texts: dict[str, list[str]], repeats: int) -> Table:
    loads = {name: Load(some, megabytes(some), some[:3]) for name, some in texts.items()}
    entrants = {
        "cuvée `heuristics.measure`": _cuvee,
        "datatrove Gopher repetition + Gopher quality + FineWeb filters": _datatrove,
    }
    return Table("Rule statistics", "MB of text per CPU second", compare(entrants, loads, repeats), NOTE)


def _cuvee() -> Callable[[list[str]], object]:
    from classifiers import heuristics

    return lambda texts: heuristics.measure(pa.array(texts, pa.large_string()))


def _datatrove() -> Callable[[list[str]], object]:
    from datatrove.data import Document
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    filters = [GopherRepetitionFilter(), GopherQualityFilter(), FineWebQualityFilter()]
    return lambda texts: [one.filter(Document(text, "")) for text in texts for one in filters]
