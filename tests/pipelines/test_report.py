"""The report of a real run: its numbers are those that its queries give, and it can be written again."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from pipelines.cli import app
from tests.manifests.report.test_numbers import recounted


def test_every_query_of_a_real_run_gives_its_number(finished: Path) -> None:
    page = (finished / "report" / "index.html").read_text("utf-8")
    found = recounted(page, finished)
    assert len(found) > 60
    assert [query for query, said, gives in found if {n: gives[n] for n in said} != said] == []


def test_it_is_written_beside_another_run_and_without_quoting(finished: Path, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    asked = ["report", str(finished), "--out", str(target), "--against", str(finished), "--redact"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    page = target.read_text("utf-8")
    assert "Tokens, by domain" in page.split('<section id="compare">')[1]
    excerpts = re.findall(r"<article.*?<p>(.*?)</p>", (finished / "report" / "index.html").read_text("utf-8"), re.S)
    quoted = [e for e in excerpts if len(e) > 80]
    assert len(quoted) > 20
    assert not [e for e in quoted if e in page]


def test_another_run_that_is_none_is_one_line(finished: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", str(finished), "--against", str(tmp_path)])
    assert done.exit_code != 0
    assert "no run folder here" in str(done.exception)
