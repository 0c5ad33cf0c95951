"""Statistics of the published rules: one compiled pass beside datatrove's filters, each on all texts."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from benchmarks.inputs import megabytes
from benchmarks.stopwatch import Load, Table, compare
from classifiers.heuristics import Words

NOTE = """cuvée computes every statistic of every text, those of Gopher, C4, RefinedWeb, FineWeb, FineWeb-2 and Dolma,
from a list of strings that it turns into Arrow first; with `gopher` words, separated by white space, and with
`datatrove` words, which are those of spaCy's English tokeniser and give the decisions of datatrove's filters. The four
filters (Gopher repetition, Gopher quality, C4, FineWeb) each see all texts, as if none had been dropped before, one
text after another as in a pipeline, so that they share its words; each stops at the first rule a text breaks."""


def run(texts: dict[str, list[str]], repeats: int) -> Table:
    loads = {name: Load(some, megabytes(some), some[:3]) for name, some in texts.items()}
    entrants = {
        "cuvée `heuristics.measure`, `gopher` words": lambda: _cuvee("gopher"),
        "cuvée `heuristics.measure`, `datatrove` words": lambda: _cuvee("datatrove"),
        "datatrove's four filters": datatrove_filters,
    }
    return Table("Rule statistics", "MB of text per CPU second", compare(entrants, loads, repeats), NOTE)


def _cuvee(words: Words) -> Callable[[list[str]], object]:
    from classifiers import heuristics

    return lambda texts: heuristics.measure(pa.array(texts, pa.large_string()), words=words)


def datatrove_filters() -> Callable[[list[str]], object]:
    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    filters = [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(), FineWebQualityFilter()]
    return lambda texts: [one.filter(Document(text, "")) for text in texts for one in filters]
