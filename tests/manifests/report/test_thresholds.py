"""Thresholds: which rules have one, and that moving it counts what the rule itself would."""

from __future__ import annotations

import operator
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import parts
from manifests.report import material, quality, thresholds
from manifests.report.thresholds import ABOVE, BELOW, Threshold
from tests.manifests.report import run_folder

_SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@given(
    st.lists(st.floats(-50, 50) | st.integers(-50, 50).map(float), max_size=30),
    st.sampled_from(sorted(_SIGNS)),
    st.sampled_from([25.0, 3.0, 0.0, -4.0]),
)
@settings(deadline=None)
def test_the_bin_says_what_the_rule_says(values: list[float], sign: str, value: float) -> None:
    t = Threshold("r", "x", sign, value, abs(value) / BELOW or 1.0, "f")
    bins = pl.DataFrame({"x": values}, schema={"x": pl.Float64}).select(bin=t.bin)["bin"].to_list()
    assert [(b < 0) == t.below for b in bins] == [_SIGNS[sign](v, value) for v in values]
    assert all(-BELOW <= b < ABOVE for b in bins)


def rules(*said: str) -> dict[str, Any]:
    return {"recipe": {"select": {"rules": [{"reason": f"r{i}", "when": w} for i, w in enumerate(said)]}}}


def test_only_single_comparisons_of_numbers_have_a_threshold(tmp_path: Any) -> None:
    run_folder.build(str(tmp_path), stages=3)
    record = rules(
        "words < 25", "quality>=0.5", "words < 25 AND quality > 0.1", "language <> 'eng'", "language < 3", "unheard < 1"
    )
    found = thresholds.of(str(tmp_path), record, run_folder.PART)
    assert [(t.reason, t.column, t.sign, t.value, t.step) for t in found] == [
        ("r0", "words", "<", 25.0, 1.0),
        ("r1", "quality", ">=", 0.5, 0.02),
    ]


def test_a_threshold_shows_both_its_sides(tmp_path: Any) -> None:
    """Six were too short, of 16 words each; 16 were kept, of 63 and 72 words; two were duplicates."""
    run_folder.build(str(tmp_path))
    m = material.gather(str(tmp_path))
    found = quality.of(m)
    assert found is not None
    (slider,) = found.sliders
    words = parts.read(str(tmp_path), "annotations/heuristics", run_folder.PART, ["words"])["words"].to_pylist()
    judged = [(w, run_folder.reason(i)) for i, w in enumerate(words)]
    assert (slider.kept, slider.dropped) == (16, 6)
    assert slider.bins[slider.at][0] == 25
    assert sum(n for _, n, _ in slider.bins) == sum(r in (None, "too_short") for _, r in judged)
    assert sum(n for low, n, _ in slider.bins if low < 25) == 6
    m.shelf.read()
    assert {m.shelf[n].title for n in slider.below} == {run_folder.HOSTILE_TITLE}
    assert len(slider.above) == 3
    assert slider.reckoned


@pytest.mark.parametrize("stages", [2, 5])
def test_without_thresholds_nothing_moves(tmp_path: Any, stages: int) -> None:
    run_folder.build(str(tmp_path), stages=stages)
    (tmp_path / "run.json").unlink()
    found = quality.of(material.gather(str(tmp_path)))
    assert found is None if stages == 2 else found is not None and not found.sliders
