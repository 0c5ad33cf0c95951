"""The files of a source: what a pattern matches, and how the run records it."""

from __future__ import annotations

from pathlib import Path

from pipelines import inputs
from pipelines.recipe import Recipe, Source


def notes(*paths: str) -> Recipe:
    return Recipe(name="small", sources=[Source(name="notes", kind="text", paths=list(paths))])


def test_a_file_may_have_brackets_in_its_name(tmp_path: Path) -> None:
    for name in ("notes[1].txt", "notes1.txt"):
        (tmp_path / name).write_text(name)
    found = inputs.list_inputs(notes("notes[1].txt"), tmp_path, str(tmp_path / "run"))
    assert [f.name for f in found["notes"]] == ["notes[1].txt"]
    found = inputs.list_inputs(notes("notes[1-3].txt"), tmp_path, str(tmp_path / "run"))
    assert [f.name for f in found["notes"]] == ["notes1.txt"]


def test_a_folder_beside_the_run_with_a_longer_name_is_not_in_the_run(tmp_path: Path) -> None:
    (tmp_path / "run-inputs").mkdir()
    (tmp_path / "run-inputs" / "a.txt").write_text("a")
    run = str(tmp_path / "run")
    files = inputs.list_inputs(notes("run-inputs/*.txt"), tmp_path, run)
    assert inputs.record(files, run)["notes"]["base"] == str(tmp_path / "run-inputs")
