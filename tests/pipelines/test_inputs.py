"""The files of a source: what a pattern matches, and how the run records it."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import storage
from pipelines import inputs
from pipelines.errors import RecipeError
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
    assert inputs.record(files, run, notes("run-inputs/*.txt"))["notes"]["base"] == str(tmp_path / "run-inputs")


def test_patterns_on_an_object_store(bucket: str) -> None:
    for name in ("a/1.txt", "a/b/2.txt", "a/b/c/3.txt", "a/b/3.gz", "a+/4.txt"):
        storage.write_bytes(f"{bucket}/{name}", name.encode())

    def names(*patterns: str) -> list[str]:
        recipe = notes(*(f"{bucket}/{p}" for p in patterns))
        return [f.name for f in inputs.list_inputs(recipe, Path("/"), f"{bucket}/run")["notes"]]

    assert names("a/*.txt") == ["1.txt"]
    assert names("a/**/*.txt") == ["1.txt", "b/2.txt", "b/c/3.txt"]
    assert names("a/b/?.gz", "a/1.txt") == ["1.txt", "b/3.gz"]
    assert names("a+/4.txt") == ["4.txt"]
    with pytest.raises(RecipeError, match="no file matches"):
        names("a/*.pdf")
    first = inputs.list_inputs(notes(f"{bucket}/a/1.txt"), Path("/"), f"{bucket}/run")["notes"][0]
    storage.write_bytes(f"{bucket}/a/1.txt", b"changed")
    again = inputs.list_inputs(notes(f"{bucket}/a/1.txt"), Path("/"), f"{bucket}/run")["notes"][0]
    assert again.checksum != first.checksum
