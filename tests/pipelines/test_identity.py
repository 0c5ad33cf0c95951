"""An id names one document of the run, however many files have it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import yaml

from tests.pipelines import examine
from tests.pipelines.conftest import run_quietly

SPOKEN = "Ask the {} keeper of the lighthouse about the storms of {} and how the {} boats came home again that night. "


def write(path: Path, texts: list[str]) -> None:
    path.write_text("\n".join(json.dumps({"id": i, "text": t}) for i, t in enumerate(texts)))


def test_records_of_one_id_in_two_files_are_kept_once(tmp_path: Path) -> None:
    first = [SPOKEN.format(i, i * 7, i * 13) * 3 for i in range(12)]
    other = [f"Number {i} is another text altogether, {i * i} words or fewer. " * 4 for i in range(14)]
    for name, texts in {"a": first, "copy": first, "restarts": other}.items():
        write(tmp_path / f"{name}.jsonl", texts)
    recipe = {
        "name": "ids",
        "dedup": {"fuzzy": False},
        "sources": [{"name": "s", "kind": "jsonl", "paths": ["*.jsonl"]}],
    }
    (tmp_path / "ids.yaml").write_text(yaml.safe_dump(recipe))
    summary = run_quietly(tmp_path / "ids.yaml", tmp_path / "run", workers=1)

    verdicts = examine.column(tmp_path / "run", "verdicts")
    kept = verdicts.filter(pl.col("keep"))
    assert verdicts.height == 38
    assert kept["id"].n_unique() == kept.height == 14
    assert verdicts["reason"].drop_nulls().to_list() == ["duplicate_id"] * 24
    assert summary.catalog.count("select", "dropped:duplicate_id") == 24
    assert not run_quietly(tmp_path / "ids.yaml", tmp_path / "run", workers=1).worked
    examine.verdicts_are_complete(tmp_path / "run")
    examine.columns_are_aligned(tmp_path / "run")
