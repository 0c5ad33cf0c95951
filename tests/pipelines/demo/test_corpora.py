"""Code and prose of the installation: within their limits, the same each time, each with its licence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from manifests import storage
from pipelines.demo import corpora, installed

COLUMNS = ["id", "text", "url", "title", "license", "path", "package"]


def test_code_keeps_both_limits_and_is_the_same_each_time(tmp_path: Path) -> None:
    (path,) = corpora.write_code(tmp_path / "a" / "code", documents=120, max_bytes=600_000)
    (again,) = corpora.write_code(tmp_path / "b", documents=120, max_bytes=600_000)
    assert path.name == "code.parquet"
    assert path.read_bytes() == again.read_bytes()
    table = storage.read_table(str(path))
    assert table.column_names == COLUMNS
    rows = table.to_pylist()
    assert 20 < len(rows) <= 120
    assert 500_000 < sum(len(row["text"].encode()) for row in rows) <= 600_000
    assert [row["id"] for row in rows] == sorted({row["id"] for row in rows})
    assert len({row["package"] for row in rows}) > 10, "a sample over packages, not the first of them"
    assert sum(row["license"] is not None for row in rows) > 0.9 * len(rows)
    assert not any("/tests/" in row["path"] or row["path"].startswith("/") for row in rows)
    assert storage.read_table(str(corpora.write_code(tmp_path, documents=3)[0])).num_rows == 3


def test_prose_is_stable_jsonl_of_several_kinds(tmp_path: Path) -> None:
    (path,) = corpora.write_prose(tmp_path / "a", documents=400)
    (again,) = corpora.write_prose(tmp_path / "b", documents=400)
    assert path.name == "prose.jsonl.gz"
    assert path.read_bytes() == again.read_bytes()
    assert path.read_bytes()[4:8] == bytes(4), "no time in the gzip header"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert len(rows) == 400
    assert all(list(row) == COLUMNS and len(row["text"].split()) >= 40 for row in rows)
    kinds = {"#docstring" if row["id"].endswith("#docstring") else Path(row["path"]).name for row in rows}
    assert {"METADATA", "#docstring"} <= kinds
    numpy = next(row for row in rows if row["package"] == "numpy" and row["path"] == "METADATA")
    assert "BSD-3-Clause" in numpy["license"]
    assert numpy["url"].startswith("https://pypi.org/project/numpy/")


def test_limits_below_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="documents is 0"):
        corpora.write_prose(tmp_path, documents=0)
    with pytest.raises(ValueError, match="max_bytes is 0"):
        corpora.write_code(tmp_path, max_bytes=0)
    assert list(tmp_path.iterdir()) == []


def package(tmp_path: Path, metadata: str, licence: str = "") -> installed.Package:
    from importlib.metadata import PathDistribution

    folder = tmp_path / "sample-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n" + metadata)
    (folder / "RECORD").write_text("sample.py,,\ntests/test_sample.py,,\n../bin/x,,\nsample-1.0.dist-info/LICENSE,,\n")
    (folder / "LICENSE").write_text(licence)
    (tmp_path / "tests").mkdir()
    for name in ("sample.py", "tests/test_sample.py"):  # of absent files, Python 3.12 and later say nothing
        (tmp_path / name).touch()
    return installed._package("sample", PathDistribution(folder))


MIT = (Path(__file__).parent / "mit.txt").read_text()


@pytest.mark.parametrize(
    ("metadata", "licence", "expected"),
    [
        ("License-Expression: MPL-2.0\nLicense: BSD\n", MIT, "MPL-2.0"),
        ("License: BSD\n", MIT, "MIT"),
        ("License: ISC License\nClassifier: License :: OSI Approved :: MIT License\n", "", "ISC License"),
        ("Classifier: License :: OSI Approved :: MIT License\n", "", "MIT License"),
        ("License: " + "long " * 30 + "\n", "", None),
    ],
)
def test_the_strongest_statement_of_a_licence_wins(
    tmp_path: Path, metadata: str, licence: str, expected: str | None
) -> None:
    found = package(tmp_path, metadata + "\nWhat it does.\n", licence)
    assert found.licence == expected
    assert found.description == "What it does."
    assert [path for path, _ in found.files] == ["sample-1.0.dist-info/LICENSE", "sample.py"]


def test_a_licence_file_that_was_removed_says_nothing(tmp_path: Path) -> None:
    from importlib.metadata import PathDistribution

    package(tmp_path, "License: BSD\n", MIT)
    (tmp_path / "sample-1.0.dist-info" / "LICENSE").unlink()
    found = installed._package("sample", PathDistribution(tmp_path / "sample-1.0.dist-info"))
    assert found.licence == "BSD"


def test_a_licence_in_the_file_goes_before_the_package(tmp_path: Path) -> None:
    file = corpora._File(package(tmp_path, "License-Expression: MIT\n"), "sample.py", tmp_path)
    assert file.row("x", "sample")["license"] == "MIT"
    assert file.row("x", "sample", "# SPDX-License-Identifier: GPL-2.0-only\n")["license"] == "GPL-2.0-only"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""One.\n\n    Two.\n    """\nimport os\n', "One.\n\nTwo."),
        ("#!/usr/bin/python\n# -*- coding: utf-8 -*-\n\nr'''A \\d'''\n", "A \\d"),
        ("import os\n'''no docstring'''\n", None),
        ('"""never closed\n', None),
        ('"""bad \\x escape"""\n', None),
    ],
)
def test_docstring(source: str, expected: str | None) -> None:
    assert corpora._docstring(source) == expected
