"""What a recipe may ask to be annotated, in a run: columns, edits, verdicts, and what is left when it asks no more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from classifiers import heuristics
from manifests.documents import Document, Parent
from pipelines import selection
from pipelines.errors import RecipeError
from pipelines.recipe import RuleSet
from pipelines.recipe_file import load
from pipelines.stages import rewrite
from tests.pipelines.conftest import ROOT, run_quietly
from tests.pipelines.examine import column, digests, examine

GERMAN = "Der Fluss ist lang und die Brücke steht mit dem Turm im Nebel, den von hier aus jeder sieht. " * 3


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    rows = [
        {"text": f"Harbour {i} has the {i * i} berths of the year {1900 + i}, and it is that with the number {i % 7}."}
        for i in range(30)
    ]
    rows[2]["text"] += " Write to keeper@harbour.org or +44 20 7946 0958."
    rows[3]["text"] = GERMAN
    rows[4]["text"] += "\n***\nEnd of the log."
    for i, row in enumerate(rows):
        row["url"] = f"https://{'casino' if i == 5 else 'www'}.port{i}.org/log"
    (tmp_path / "logs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "words.txt").write_text("casino\n")
    return {
        "name": "logs",
        "sources": [{"name": "logs", "kind": "jsonl", "paths": ["logs.jsonl"], "columns": {"url": "url"}}],
        "annotate": {
            "words": "datatrove",
            "language": {"paragraphs": True, "thresholds": {"default": 0.1}},
            "pii": {"action": "redact"},
            "urls": {"words": ["words.txt"]},
        },
        "dedup": {"fuzzy": False},
        "select": {
            "rules": [{"reason": "listed", "when": "url_listed = 'word'"}],
            "rule_sets": [{"name": "gopher_quality", "limits": {"too_short": 10, "no_letters": 0.5}}],
        },
        "tokenizer": {"train": {"vocabulary": 300}},
        "mix": {"budget": 1000},
        "shards": {"formats": ["olmo"]},
    }


def ran(recipe: dict[str, Any], folder: Path, run: str = "run", workers: int = 1) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    run_quietly(path, folder / run, workers=workers)
    return folder / run


def test_everything_a_recipe_may_ask_for(recipe: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("datatrove", reason="the datatrove extra is not installed")
    formatters = "datatrove.pipeline.formatters"
    recipe["annotate"]["blocks"] = [
        {"name": "symbols", "block": f"{formatters}:SymbolLinesFormatter"},
        {"name": "years", "block": "datatrove.pipeline.filters:RegexFilter", "options": {"regex_exp": "1907"}},
    ]
    recipe["select"]["rules"].append({"reason": "of_1907", "when": "NOT years_keep"})
    run = ran(recipe, tmp_path)
    examine(run)
    verdicts = column(run, "verdicts")
    reasons = dict(verdicts.filter(~pl.col("keep")).select("row", "reason").rows())
    assert reasons == {3: "gopher_quality_stop_words", 5: "listed", 7: "of_1907"}
    assert column(run, "annotations/pii").row(2, named=True) | {"row": 0, "part": ""} == {
        **dict.fromkeys(("pii_ip", "pii_iban", "pii_card", "pii_secret"), 0), "pii_email": 1, "pii_phone": 1,
        "row": 0, "part": "",
    }  # fmt: skip
    texts = column(run, "documents")["text"]
    edited = column(run, "edits/pii")["edits"][2]
    raw = texts[2].encode()
    assert [(raw[e["start"] : e["end"]].decode(), e["replacement"]) for e in edited] == [
        ("keeper@harbour.org", "[EMAIL]"),
        ("+44 20 7946 0958", "[PHONE]"),
    ]
    assert column(run, "edits/block_symbols")["edits"].list.len().to_list() == [int(i == 4) for i in range(30)]
    assert column(run, "annotations/language")["language"][3] == "deu"
    assert column(run, "annotations/heuristics")["language_stop_words"][3] > 5

    once = digests(run)
    assert digests(ran(recipe, tmp_path, "again", workers=2)) == once
    del recipe["annotate"]["blocks"], recipe["annotate"]["pii"]
    recipe["select"]["rules"].pop()
    ran(recipe, tmp_path)
    left = {
        p.name for folder in ("annotations", "edits") for p in (run / folder).glob("*") if any(p.rglob("*.parquet"))
    }
    assert not any(name.startswith("block_") or name == "pii" for name in left)


def test_a_rephrasing_reads_what_redaction_left(recipe: dict[str, Any], tmp_path: Path) -> None:
    run = str(ran({**recipe, "select": {}}, tmp_path))
    (part,) = column(Path(run), "documents")["part"].unique().to_list()
    documents, views = rewrite._documents(run, [rewrite.Reference(part, 2, ("pii",))])
    text = documents["text"][0].as_py()
    assert "keeper@harbour.org" not in text
    start = text.index("[EMAIL]")
    parent = Parent(documents["id"][0].as_py(), "", start, start + len("[EMAIL]"), "rephrase")
    placed = rewrite._in_original(Document("", "rewritten", parents=(parent,)), views).parents[0]
    original = column(Path(run), "documents")["text"][2].encode()
    assert original[placed.start : placed.end] == b"keeper@harbour.org"


def test_limits_of_fineweb2_follow_the_language() -> None:
    fine = {
        "proper_words": 100,
        "lines": 9,
        "alpha_word_share": 0.9,
        "terminal_line_share": 1.0,
        "language_stop_words": 9,
    }
    rows = [
        {**dict.fromkeys(heuristics.SCHEMA.names, 0), **fine, "mean_word_length": 8.0, "language": a, "script": b}
        for a, b in [("deu", "Latn"), ("jpn", "Jpan"), ("und", None), ("zho", "Hani"), ("deu", "Latn")]
    ]
    rows[4]["language_stop_words"] = 1
    found = selection.rule_set_reasons(pl.DataFrame(rows), [RuleSet(name="fineweb2")])
    assert found.to_list() == [None, "fineweb2_long_words", None, "fineweb2_long_words", "fineweb2_stop_words"]
    looser = RuleSet(name="fineweb2", limits={"long_words": 9, "stop_words": None})
    assert selection.rule_set_reasons(pl.DataFrame(rows), [looser]).to_list() == [None] * 5


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("rule_sets", ["goffer"], "no rule set 'goffer'; known: gopher_repetition"),
        (
            "rule_sets",
            [{"name": "fineweb", "limits": {"words": 1}}],
            "'fineweb' has no limit 'words'; it has: no_lines",
        ),
        ("urls", {"words": ["no.txt"]}, "no.txt"),
        ("urls", {}, "needs at least one of domains"),
        ("pii", {"kinds": ["names"]}, "'email'"),
        ("language", {"model": "none.bin"}, "none.bin"),
        ("blocks", [{"name": "a", "block": "datatrove.data:Document"}], "block"),
        ("blocks", [{"name": "a", "block": "json:dumps"}] * 2, "names must differ; twice: a"),
    ],
)
def test_what_cannot_be_annotated_is_refused(
    recipe: dict[str, Any], tmp_path: Path, section: str, value: Any, message: str
) -> None:
    recipe["select" if section == "rule_sets" else "annotate"][section] = value
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(RecipeError) as refused:
        load(tmp_path / "recipe.yaml")
    assert message in str(refused.value)
    assert f"recipe.yaml:{'' if section else 0}" in str(refused.value)


@pytest.mark.parametrize("name", ["c4", "dclm", "dolma", "fineweb", "refinedweb"])
def test_published_recipes_load_and_dry_run(name: str, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from pipelines.cli import app

    shutil.copy(ROOT / "examples" / f"{name}.yaml", tmp_path)
    (tmp_path / "crawl").mkdir()
    (tmp_path / "crawl" / "a.warc.gz").write_bytes(b"")
    assert load(tmp_path / f"{name}.yaml").select.rule_sets
    done = CliRunner().invoke(app, ["run", str(tmp_path / f"{name}.yaml"), "--dry-run", "--run", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
