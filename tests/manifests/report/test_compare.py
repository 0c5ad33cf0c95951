"""Two runs side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import report
from manifests.report import compare, material
from tests.manifests.report import run_folder


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    """The same run before and after its verdicts, pools and mix."""
    run_folder.build(str(tmp_path / "early"), stages=3)
    run_folder.build(str(tmp_path / "late"))
    early, late = (material.gather(str(tmp_path / n)) for n in ("early", "late"))
    found = compare.of(late, early)
    groups = {title: {x.name: (x.before, x.after, x.change) for x in lines} for title, _, lines, _ in found.groups}
    whole = groups["Documents and tokens"]
    assert whole["documents"] == (24, 24, 0)
    assert whole["kept"] == (None, 16, None)
    assert whole["tokens pooled"] == (None, 1600, None)
    assert groups["Dropped, by reason"]["too_short"] == (None, 6, None)
    assert groups["Weights of the blend"] == {"web": (None, 0.75, None), "prose": (None, 0.25, None)}
    same = compare.of(late, late)
    assert all(x.change == 0 for _, _, lines, _ in same.groups for x in lines)
    assert {title for title, _, _, _ in same.groups} >= {"Tokens, by domain", "Kept documents, by licence class"}


def test_the_page_sets_another_run_beside_it(tmp_path: Path) -> None:
    run_folder.build(str(tmp_path / "a"))
    run_folder.build(str(tmp_path / "b"), stages=5)
    report.write(str(tmp_path / "a"), str(tmp_path / "r.html"), against=str(tmp_path / "b"))
    section = (tmp_path / "r.html").read_text("utf-8").split('<section id="compare">')[1]
    assert "Weights of the blend" in section
    assert "No other run was named" not in section
    with pytest.raises(ValueError, match="no run folder"):
        report.write(str(tmp_path / "a"), str(tmp_path / "r.html"), against=str(tmp_path / "nothing"))
