"""The numbers of the page: those of the run, one pass or many, and what each query gives when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from manifests import parts, report
from manifests.report import (
    acquisition,
    domains,
    frame,
    funnel,
    licences,
    material,
    mixture,
    overview,
    queries,
    reservations,
    sums,
)
from manifests.report import quality as quality_section
from tests.manifests.report import answers, run_folder


def test_numbers_are_those_of_the_run(tmp_path: Path) -> None:
    run = str(tmp_path)
    run_folder.build(run)
    m = material.gather(run)
    first = overview.of(m)
    assert (first.documents, first.wall, first.tokens, first.heldout) == (24, 130.0, 1600, 100)
    dropped = funnel.of(m)
    assert dropped is not None
    assert [(s.reason, s.dropped, s.left) for s in dropped.steps] == [
        ("too_short", 6, 18),
        ("exact_duplicate", 1, 17),
        ("fuzzy_duplicate", 1, 16),
    ]
    assert [len(s.why.behind) for s in dropped.steps] == [5, 1, 1]
    assert dropped.steps[0].rule == "words < 25 in web"
    assert dropped.rejects is not None
    assert [(r.reason, r.records, len(r.samples)) for r in dropped.rejects.reasons] == [("bad_json", 5, 3)]
    places = domains.domains(m)
    assert places is not None
    assert {r.name: (r.documents, r.kept, r.tokens) for r in places.domains.rows} == {
        "prose": (12, 8, 800),
        "web": (12, 8, 800),
    }
    assert places.hosts is not None
    assert {r.name: r.documents for r in places.hosts.rows}["good.example"] == 18
    found = licences.of(m)
    assert found is not None
    assert {r.name: r.documents for r in found.classes} == {"permissive": 12, "unknown": 12}
    reserved = reservations.of(m)
    assert reserved is not None
    assert [(s.protocol, s.value, s.documents) for s in reserved.signals] == [("tdm<rep>", "deny", 1)]
    ways = acquisition.of(m)
    assert ways is not None
    assert [(r.values[:2], r.documents) for r in ways.routes] == [(["web", "unknown"], 24)]
    blend = mixture.of(m)
    assert blend is not None
    assert blend.blend is not None
    assert {r["name"]: round(r["natural"], 4) for r in blend.blend.rows} == {"web": 0.5625, "prose": 0.4375}
    assert (blend.blend.permitted, blend.blend.pooled) == (1500, 1500)
    assert blend.formats[0]["bytes"] == 2000
    scores = quality_section.of(m)
    assert scores is not None
    assert scores.bins is not None
    assert (int(scores.bins["kept"].sum()), int(scores.bins["dropped"].sum())) == (16, 8)


@pytest.mark.parametrize("stages", [2, 3, 5, 9])
def test_every_number_has_a_query_that_gives_it(tmp_path: Path, stages: int) -> None:
    run_folder.build(str(tmp_path / "run"), stages=stages, claims={9: ("CC-BY-NC-4.0", "footer")})
    run_folder.build(str(tmp_path / "other"), stages=7)
    report.write(str(tmp_path / "run"), str(tmp_path / "r.html"), against=str(tmp_path / "other"))
    page = answers.ask(tmp_path / "r.html", tmp_path / "run")
    assert len(page.answers) > {2: 15, 3: 20, 5: 35, 9: 80}[stages]
    assert page.wrong() == []
    assert page.unexplained() == []
    assert page.tables_apart() == []


def test_a_number_without_a_query_and_one_that_is_not_given_are_found(tmp_path: Path) -> None:
    """What the test above rests on: it sees a query taken away, a number changed, and a row of a table changed."""
    run_folder.build(str(tmp_path))
    report.write(str(tmp_path), str(tmp_path / "r.html"))
    text = (tmp_path / "r.html").read_text("utf-8")

    def asked(changed: str) -> answers.Page:
        assert changed != text
        return answers.Page(changed, tmp_path)

    alone = text.replace("<dd>2 min 10 s<button", "<dd>2 min 10 s<i").replace("<dd>24<button", "<dd>25<button")
    assert len(asked(alone).unexplained()) >= 2
    assert asked(text.replace('<span>wall <b data-v="130.0">', '<span>wall <b data-v="131.0">')).wrong()
    assert asked(text.replace('data-v="0.75"', 'data-v="0.7"', 1)).tables_apart()


def test_documents_behind_a_number_are_its_own(tmp_path: Path) -> None:
    run_folder.build(str(tmp_path))
    m = material.gather(str(tmp_path))
    found = funnel.of(m)
    assert found is not None
    m.shelf.read()
    for step in found.steps:
        ids = {m.shelf[n].id for n in step.why.behind}
        names, _ = run_folder.ids_of(str(tmp_path))
        assert ids <= {n for i, n in enumerate(names) if run_folder.reason(i) == step.reason}


_ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.booleans(), st.integers(0, 9), st.text("0123", max_size=6)),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(_ROWS, st.integers(1, 6))
def test_batches_sum_to_the_whole(rows: list[tuple[str, int, bool, int, str]], batches: int) -> None:
    schema = {"a": pl.String, "b": pl.Int64, "keep": pl.Boolean, "tokens": pl.Int64, "at": pl.String}
    table = pl.DataFrame(rows, schema=schema, orient="row").with_columns(characters=pl.col("tokens") * 2)
    keys = {"a": pl.col("a"), "b": pl.col("b")}
    pieces = [sums._summed(table[i::batches].sort("at"), keys) for i in range(batches)]
    found = sums.merged([sums.merged(pieces, ["a", "b"])], ["a"]).sort("a")
    expected = table.group_by("a").agg(
        documents=pl.len().cast(pl.Int64),
        kept=pl.col("keep").sum().cast(pl.Int64),
        tokens=pl.col("tokens").sum(),
        characters=pl.col("characters").sum(),
        behind=pl.col("at").sort().head(5),
    )
    assert_frame_equal(found, expected.sort("a"))


def test_the_page_and_its_queries_read_the_same_columns(tmp_path: Path) -> None:
    run_folder.build(str(tmp_path))
    (ours,) = frame.batches(str(tmp_path), frame.document_parts(str(tmp_path)))
    names: dict[str, Any] = {}
    with answers.inside(tmp_path):
        exec(queries.preamble([], {}, []), names)
    theirs = names["documents"].sort("part", "row")
    same = [c for c in ours.columns if c in theirs.columns and c not in ("keep", "characters")]
    assert len(same) > 25
    assert_frame_equal(ours.sort("part", "row").select(same), theirs.select(same))


def test_columns_of_other_documents_are_not_counted(tmp_path: Path) -> None:
    run_folder.build(str(tmp_path), stages=5)
    short = parts.read(str(tmp_path), "annotations/language", run_folder.PART).slice(0, 3)
    parts.write(str(tmp_path), "annotations/language", run_folder.PART, short, schema="language", ids="")
    assert domains.languages(material.gather(str(tmp_path))) is None
