"""``cuvee classifier``: labels in, a model out; documents in, scores out; what is wrong is one line."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import CuveeError
from pipelines.rephrase.generator import REFUSED, Completion, Messages
from pipelines.rubric import rated, rating_of

WORDS = {
    "hq": "theorem proof lemma measure space",
    "lq": "buy cheap click win now",
    "mid": "minister court vote law city",
}


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    names = [name for name in WORDS for _ in range(40)]
    rows = [
        {"id": f"d{i}", "text": " ".join(rng.choice(WORDS[x].split(), 12)) + f" {i}", "label": x, "site": f"{x}{i % 3}"}
        for i, x in enumerate(names)
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pl.DataFrame(rows).write_parquet(tmp_path / "labels.parquet")
    return tmp_path / "labels.jsonl"


def cuvee(*args: object) -> str:
    result = CliRunner().invoke(app, ["classifier", *map(str, args)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_train_eval_apply(labels: Path, tmp_path: Path) -> None:
    model, scores = tmp_path / "m", tmp_path / "scores.parquet"
    said = cuvee("train", labels, "--label", "label", "--positive", "hq", "--negative", "lq", "--out", model)
    assert "hq 40, lq 40" in said.replace("lq 40, hq 40", "hq 40, lq 40")
    cuvee("apply", model, labels, "--out", scores, "--source", "site")
    found = pl.read_parquet(scores)
    assert found.columns == ["id", "score"]
    assert found["id"].to_list() == [f"d{i}" for i in range(120)]
    assert found["score"][:40].min() > found["score"][40:80].max()
    report = tmp_path / "eval.json"
    cuvee(
        "eval",
        model,
        labels.with_suffix(".parquet"),
        "--source",
        "site",
        "--precision",
        0.9,
        "--keep",
        0.5,
        "--out",
        report,
    )
    measured = json.loads(report.read_text())
    assert measured["auc"] == 1.0
    assert measured["sources"]["hq1"]["positive"] > 10
    kept = found["score"][:80] >= measured["threshold_for_share"]
    assert kept.sum() == 40
    again = tmp_path / "again"
    cuvee("train", labels, "--positive", "hq", "--negative", "lq", "--out", again, "--source", "site")
    cuvee("apply", model, again, labels, "--out", scores, "--ensemble", "mean")
    both = pl.read_parquet(scores)["score"]
    assert both[:40].min() > both[40:80].max()


def test_two_corpora_and_many_labels(labels: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in labels.read_text().splitlines()]
    for name in ("hq", "lq"):
        (tmp_path / f"{name}.jsonl").write_text(
            "\n".join(json.dumps({"text": r["text"]}) for r in rows if r["label"] == name)
        )
    said = cuvee(
        "train",
        "--positive-docs",
        tmp_path / "hq.jsonl",
        "--negative-docs",
        tmp_path / "lq.jsonl",
        "--out",
        tmp_path / "m",
    )
    assert "positive 40" in said
    cuvee(
        "train",
        labels,
        "--out",
        tmp_path / "topics",
        "--kind",
        "fasttext",
        "--option",
        "dimensions=8",
        "--option",
        "epochs=20",
    )
    cuvee("apply", tmp_path / "topics", labels, "--out", tmp_path / "t.parquet")
    found = pl.read_parquet(tmp_path / "t.parquet")
    assert found.columns == ["id", "label", "score"]
    assert (found["label"] == pl.Series([r["label"] for r in rows])).mean() > 0.95


def test_labels_that_are_none_and_measures_that_are_none(labels: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in labels.read_text().splitlines()]
    some = tmp_path / "some.jsonl"
    some.write_text("\n".join(json.dumps({**r, "label": float("nan") if r["label"] == "mid" else "hq"}) for r in rows))
    model, report = tmp_path / "m", tmp_path / "eval.json"
    cuvee("train", labels, "--positive", "hq", "--negative", "lq", "--out", model)
    cuvee("eval", model, some, "--out", report)
    measured = json.loads(report.read_text(), parse_constant=pytest.fail)
    assert (measured["documents"], measured["auc"]) == (80, None)
    assert CliRunner().invoke(app, ["classifier", "eval", str(model), str(labels), "--keep", "7"]).exit_code == 2


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["train", "labels.jsonl", "--positive", "hq", "--out", "m"], "--positive and --negative go together"),
        (
            ["train", "labels.jsonl", "--label", "grade", "--out", "m"],
            "no column 'grade'; it has: id, label, site, text",
        ),
        (["train", "labels.jsonl", "--positive", "a", "--negative", "b", "--out", "m"], "no row is labelled a or b"),
        (["train", "nothing.jsonl", "--out", "m"], "nothing.jsonl: no such file"),
        (
            ["train", "labels.jsonl", "--kind", "tree", "--out", "m"],
            "kind 'tree': allowed are linear, fasttext, embedding",
        ),
        (["train", "labels.jsonl", "--option", "bits=many", "--out", "m"], "'many' is no int"),
        (["train", "labels.jsonl", "--option", "bits=30", "--out", "m"], "option bits is 30; allowed are 1 to 24"),
        (["train", "labels.jsonl"], "--out is missing"),
        (["apply", "labels.jsonl", "labels.jsonl", "--out", "s"], "is no model of cuvée"),
        (["apply", "labels.jsonl", "--out", "s"], "name a model and the documents"),
    ],
)
def test_what_is_wrong_is_said(labels: Path, args: list[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(labels.parent)
    with pytest.raises(CuveeError, match=says):
        CliRunner().invoke(app, ["classifier", *args], catch_exceptions=False)


def test_ratings_are_read_and_never_guessed() -> None:
    for answer, rating in {
        "Score: 4": 4,
        "I think 3 of 5.\n**Score: 2**": 2,
        "score 1 … no, Score: 5.": 5,
        " 3 ": 3,
    }.items():
        assert rating_of(answer) == rating, answer
    for answer in ("", "good", "Score: 7", "Score: 4.5", "12"):
        assert rating_of(answer) is None, answer


class Judge:
    """Rates by the length of the text; refuses some."""

    name, digest = "judge", "0"

    def generate(self, prompts: Sequence[Messages]) -> Iterator[Completion]:
        for prompt in prompts:
            text = prompt[1]["content"]
            yield (
                Completion("", REFUSED)
                if "refuse" in text
                else Completion(f"Score: {zlib.crc32(text.encode()) % 6}", "stop")
            )


def test_a_rubric_makes_labels(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text("\n".join(json.dumps({"text": f"page {i}" if i else "refuse\ud800"}) for i in range(150)))
    rows = list(
        rated(str(file), Judge(), "5: a page", text="text", identifier="id", threshold=3, positive="p", negative="n")
    )
    assert [r["id"] for r in rows] == [str(i) for i in range(150)]
    assert (rows[0]["rating"], rows[0]["label"]) == (None, None)
    assert all(r["label"] == ("p" if r["rating"] >= 3 else "n") for r in rows[1:])
