"""A recipe that changes: the run folder holds what the present one asks for, and the report says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.pipelines.conftest import run_quietly


def test_sections_taken_out_take_their_files_with_them(tmp_path: Path) -> None:
    rows = [
        {"text": f"Lamp {i} of the harbour burns {i * i} hours and is tended by keeper {i % 7}. " * 6}
        for i in range(40)
    ]
    (tmp_path / "lamps.jsonl").write_text("\n".join(map(json.dumps, rows)))
    recipe: dict[str, Any] = {
        "name": "lamps",
        "sources": [{"name": "lamps", "kind": "jsonl", "paths": ["lamps.jsonl"]}],
        "dedup": {"fuzzy": False},
        "annotate": {"quality": {"positive": {"where": "id < '8'"}, "negative": {"where": "id >= '8'"}}},
        "tokenizer": {"train": {"vocabulary": 300}},
        "mix": {"budget": 1000},
        "shards": {"formats": ["olmo"]},
    }
    path, run = tmp_path / "lamps.yaml", tmp_path / "run"

    def files() -> set[str]:
        path.write_text(yaml.safe_dump(recipe))
        assert run_quietly(path, run, workers=1).worked
        assert not run_quietly(path, run, workers=1).worked
        return {p.relative_to(run).parts[0] if p.suffix != ".model" else p.name for p in run.rglob("*") if p.is_file()}

    assert files() >= {"shards", "mix", "pools", "quality.model"}
    assert (run / "annotations" / "quality").is_dir()
    del recipe["shards"], recipe["annotate"]
    assert not files() & {"shards", "quality.model"}
    assert not list((run / "annotations" / "quality").rglob("*.parquet"))
    del recipe["mix"]
    left = files()
    assert "mix" not in left
    assert "pools" in left
