"""Decontamination in a run: the document goes, or the span goes, or a column says so; and the report shows the pair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines.errors import CuveeError, RecipeError
from pipelines.recipe import Benchmark
from pipelines.recipe_file import load
from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import column, digests, examine

QUESTION = (
    "A keeper lights 14 lamps on each of 9 evenings and mends a third of them. How many lamps does he mend in all?"
)
OTHER = QUESTION.replace("14", "22").replace("9", "5")
ITEMS = [
    {"id": "lamps", "question": QUESTION, "choices": ["forty-two lamps", "twelve"], "answer": "A"},
    {"id": 2, "question": "Which of the following is true?", "answer": None},
]


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    rows = [
        {"text": f"Harbour {i} has {i * i} berths, and its master of the year {1900 + i} was number {i % 7}. " * 6}
        for i in range(40)
    ]
    rows[3]["text"] += QUESTION + " (A) forty-two lamps. The rest of the log is lost."
    rows[21]["text"] = f"Ünder the bridge. {OTHER} " + rows[21]["text"]
    (tmp_path / "harbours.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "quiz.jsonl").write_text("\n".join(map(json.dumps, ITEMS)))
    return {
        "name": "harbours",
        "sources": [{"name": "harbours", "kind": "jsonl", "paths": ["harbours.jsonl"]}],
        "dedup": {"fuzzy": False},
        "decontaminate": {"benchmarks": [{"name": "quiz", "paths": ["quiz.jsonl"]}]},
        "tokenizer": {"train": {"vocabulary": 300}},
        "mix": {"budget": 1000},
        "shards": {"formats": ["olmo"]},
    }


def ran(recipe: dict[str, Any], folder: Path, run: str = "run", workers: int = 1) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    run_quietly(path, folder / run, workers=workers)
    return folder / run


def test_contaminated_documents_are_dropped_flagged_or_cut(recipe: dict[str, Any], tmp_path: Path) -> None:
    run = ran(recipe, tmp_path)
    examine(run)
    verdicts = column(run, "verdicts")
    assert verdicts.filter(pl.col("reason") == "contaminated").height == 2
    found = column(run, "annotations/contamination").filter(pl.col("contamination") > 0)
    assert found.select("row", "contamination_kind", "contamination_item").rows() == [
        (3, "exact", "quiz/lamps"),
        (21, "masked", "quiz/lamps"),
    ]
    matches = pl.concat(map(pl.read_parquet, sorted((run / "contamination").glob("*/part-*.parquet"))))
    texts = column(run, "documents")["text"]
    cut = [texts[m["row"]].encode()[m["start"] : m["end"]].decode() for m in matches.iter_rows(named=True)]
    assert cut == [QUESTION + " (A) forty-two lamps", OTHER.rstrip("?")]
    page = (run / "report/index.html").read_text()
    assert "quiz/lamps" in page
    assert "<mark>22</mark>" in page

    recipe["decontaminate"]["action"] = "remove"
    same = digests(run)
    ran(recipe, tmp_path)
    examine(run)
    after = digests(run)
    assert all(after[p] == d for p, d in same.items() if p.startswith(("documents/", "annotations/")))
    assert column(run, "verdicts")["keep"].all()
    edits = column(run, "edits/contamination").explode("edits").drop_nulls("edits").unnest("edits")
    assert edits["by"].to_list() == ["contamination quiz/lamps"] * 2

    recipe["decontaminate"]["action"] = "flag"
    recipe["select"] = {"rules": [{"reason": "leaked", "when": "contamination_kind = 'exact'"}]}
    ran(recipe, tmp_path)
    assert column(run, "verdicts")["reason"].drop_nulls().to_list() == ["leaked"]
    assert not list((run / "edits").rglob("*.parquet"))

    del recipe["decontaminate"], recipe["select"]
    ran(recipe, tmp_path)
    assert column(run, "verdicts")["keep"].all()
    assert not list(run.rglob("*contamination*/*/*.parquet"))


def test_a_changed_benchmark_is_noticed(recipe: dict[str, Any], tmp_path: Path) -> None:
    del recipe["tokenizer"], recipe["mix"], recipe["shards"]
    run = ran(recipe, tmp_path)
    assert column(run, "verdicts")["keep"].sum() == 38
    (tmp_path / "quiz.jsonl").write_text(json.dumps(ITEMS[1]))
    ran(recipe, tmp_path)
    assert column(run, "verdicts")["keep"].all()


def test_an_embedding_backend_finds_other_words(recipe: dict[str, Any], tmp_path: Path) -> None:
    del recipe["tokenizer"], recipe["mix"], recipe["shards"]
    recipe["decontaminate"] |= {"action": "flag"}
    recipe["decontaminate"]["embedding"] = {"backend": "tests.pipelines.stems:Stems", "threshold": 0.8}
    file = tmp_path / "harbours.jsonl"
    said = "Evenings: 9 / Lamps each keeper lights: 14, on them a third of mends / All in, does he mend how many lamps?"
    file.write_text(
        file.read_text() + "\n" + json.dumps({"text": f"The wind was low. {said} It was late, and nobody knew."})
    )
    run = ran(recipe, tmp_path)
    matches = pl.concat(map(pl.read_parquet, sorted((run / "contamination").glob("*/part-*.parquet"))))
    assert matches.select("row", "kind").rows() == [(3, "exact"), (21, "masked"), (40, "semantic")]
    text = column(run, "documents")["text"][40].encode()
    assert text[matches["start"][2] : matches["end"][2]].decode() == said
    recipe["decontaminate"]["embedding"]["backend"] = "tests.pipelines.nowhere:Stems"
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(RecipeError, match=r"embedding.backend: .*no module named 'tests.pipelines.nowhere'"):
        load(tmp_path / "recipe.yaml")


def test_answers_by_number_and_letter(tmp_path: Path) -> None:
    from pipelines.benchmarks import read

    rows = [
        {"question": "a", "answer": 1, "choices": ["x", "y"]},
        {"question": "b", "answer": "B", "choices": ["x", "y"]},
        {"question": "c", "answer": "7", "choices": {"text": ["x", "y"], "label": ["6", "7"]}},
        {"question": "d", "answer": ["p", "q"]},
        {"question": "e\ud800"},
    ]
    file = tmp_path / "b.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    items = read([Benchmark(name="b", paths=[str(file)])])
    assert items["answer"].to_pylist() == ["y", "y", "y", "p\nq", ""]
    assert items["item"].to_pylist() == [f"b/{i}" for i in range(5)]
    file.write_text('{"question": "a"}\nnope\n')
    with pytest.raises(CuveeError, match=r"b.jsonl: bad_json: line 2"):
        read([Benchmark(name="b", paths=[str(file)])])
    file.write_text('{"q": "a"}\n')
    with pytest.raises(CuveeError, match=r"no column 'question'; it has: q"):
        read([Benchmark(name="b", paths=[str(file)])])


def test_a_benchmark_that_is_not_there_is_refused(recipe: dict[str, Any], tmp_path: Path) -> None:
    recipe["decontaminate"]["benchmarks"][0]["paths"] = ["nothing.jsonl"]
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    with pytest.raises(RecipeError, match=r"decontaminate.benchmarks\[0\].paths\[0\]: no such file"):
        load(path)
