"""Rule sets with datatrove's words against datatrove's own filters, and its words against spaCy's."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classifiers import english_words, heuristics, rule_sets
from classifiers.spacy_tables import ASTRAL, SIZE

datatrove = pytest.importorskip("datatrove.pipeline.filters", reason="the datatrove extra is not installed")

FRAGMENT = st.sampled_from(
    (
        "don't cannot U.S. a.m. e.g. Mr. www.a.com http://b.org/x?y#z a@b.de 10.0.0.1 8.8.8.8:53 5km 3.5 1,000 US$ "
        "$5 20€ °C. x/y and/or A-B -- — ( ) : ; ' ’s 'll \" “ ” ... .. . … , ! ? [ ] { # * & ~ + - = < > | _ ß É "
        "漢 か हि م ★ 😀 𝒳 word Word WORD 12 7"
    ).split()
)
ENGLISH = cache(lambda: pytest.importorskip("spacy.lang.en").English())
PROSE = """The river rises in the hills above the town, and it has been fished since the first mill was built there.
Few people remember who owned that mill, but its wheel can be seen behind the church of Saint Mary.
In winter the water covers most of the lower meadow, so nobody keeps cattle on it before April.
Some visitors have asked whether boats may be hired; they may, with a guide, from the office at the bridge.
Do not swim near the weir, however calm it looks on a summer evening!
"""


def compiled(run: str) -> list[str]:
    """The tokens of a run of characters without white space."""
    rules = english_words.rules()
    codes = np.array([ord(c) for c in run], np.int64)
    kinds = np.array([rules.kinds[c] if c < SIZE else ASTRAL for c in codes.tolist()], np.int64)
    at = np.cumsum([0, *(len(c.encode()) for c in run)]).astype(np.int64)
    cuts, tails = np.zeros(len(run) + 1, np.int64), np.zeros(len(run) + 1, np.int64)
    data = np.frombuffer(run.encode(), np.uint8)
    count = english_words.split(rules, data, at, codes, kinds, len(run), cuts, tails)
    ends = cuts[:count].tolist()
    return [run[a:b] for a, b in zip([0, *ends], ends, strict=False)]


@settings(deadline=None, max_examples=400)
@given(st.lists(FRAGMENT, min_size=1, max_size=6).map("".join))
@example("(foo):")
@example("Minneapolis-St.")
@example("★★(8)")
@example("user:pw@host.com:80/path")
def test_words_are_those_of_spacy(run: str) -> None:
    assert compiled(run) == [token.text for token in ENGLISH()(run)]


def _decisions(texts: list[str], name: str) -> list[bool]:
    found = pl.from_arrow(heuristics.measure(pa.array(texts, pa.large_string()), words="datatrove"))
    assert isinstance(found, pl.DataFrame)
    keep = pl.repeat(True, found.height, eager=True)
    for limit in rule_sets.limits(name):
        value, given = found[limit.statistic], float(limit.value)
        keep &= ~(value < given if limit.drop == "below" else value > given)
    return keep.to_list()


def _agree(texts: list[str]) -> None:
    filters = {
        "gopher_repetition": datatrove.GopherRepetitionFilter(),
        "gopher_quality": datatrove.GopherQualityFilter(),
        "c4": datatrove.C4QualityFilter(),
        "c4_any_line": datatrove.C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": datatrove.FineWebQualityFilter(),
    }
    from datatrove.data import Document

    for name, theirs in filters.items():
        expected = [theirs.filter(Document(text, "")) is True for text in texts]
        wrong = [k for k, (a, b) in enumerate(zip(expected, _decisions(texts, name), strict=True)) if a != b]
        assert len(wrong) <= 0.005 * len(texts), (
            f"{name}: {len(wrong)} of {len(texts)}, the first {texts[wrong[0]][:80]!r}"
        )
        assert any(expected)
        assert not all(expected)


@pytest.mark.slow
def test_web_texts_are_judged_as_datatrove_does(shared_data: Path) -> None:
    import pyarrow.parquet as pq

    rows = pq.read_table(shared_data / "domains" / "web.parquet", columns=["text"])["text"].to_pylist()
    _agree([text for text in rows[::8] if text][:150])


def test_a_few_texts_are_judged_as_datatrove_does() -> None:
    listed = PROSE + "\n".join(f"- item {n}" for n in range(40))
    wrong = ["Too short. It is. Yes. No. Of course.", listed, PROSE * 2, PROSE.replace(".", "").replace("!", "")]
    _agree([PROSE, *wrong, PROSE + "Here lorem ipsum is it.", PROSE + "A { is here, sir."])


def test_limits_are_replaced_and_taken_out_by_reason() -> None:
    found = {
        limit.reason: limit.value for limit in rule_sets.limits("fineweb", {"short_lines": 0.9, "list_like": None})
    }
    assert found == {"no_lines": 1, "unpunctuated_lines": 0.12, "short_lines": 0.9, "repeated_line_chars": 0.01}
    with pytest.raises(ValueError, match="no rule set 'goffer'; known: gopher_repetition"):
        rule_sets.limits("goffer")
    with pytest.raises(ValueError, match="'fineweb' has no limit 'words'; it has: no_lines"):
        rule_sets.limits("fineweb", {"words": 1})


def test_every_limit_names_a_statistic_and_a_column() -> None:
    from classifiers import stop_words

    for name, found in rule_sets.RULE_SETS.items():
        reasons = [limit.reason for limit in found]
        assert len(set(reasons)) == len(reasons), name
        assert {limit.statistic for limit in found} <= set(heuristics.SCHEMA.names)
        columns = {limit.value for limit in found if isinstance(limit.value, str)}
        assert columns <= set(stop_words.fineweb2().column_names)
