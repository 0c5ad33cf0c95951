"""The report of a real run: its numbers are those that its queries give, and it can be written again."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from pipelines.cli import app
from tests.manifests.report import answers


def test_every_number_of_a_real_run_has_a_query_that_gives_it(finished: Path) -> None:
    page = answers.ask(finished / "report" / "index.html", finished)
    assert len(page.answers) > 120
    assert page.wrong() == []
    assert page.unexplained() == []
    assert page.tables_apart() == []


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
