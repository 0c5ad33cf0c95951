"""Classifiers in a recipe: ensembles of quality models, ranks over the corpus, and models of other labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import yaml

from classifiers import quality
from classifiers.quality.sketch import cells
from pipelines.errors import RecipeError
from pipelines.recipe_file import load
from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import column, columns_are_aligned, digests, verdicts_are_complete

SUBJECTS = {
    "harbour": "The harbour holds {n} ships and the pilots of berth {n} know every tide of the bay.",
    "kitchen": "Stir {n} spoons of sugar into the dough and bake it for {n} minutes in the oven.",
    "insult": "You stupid fool number {n}, nobody likes you, shut up and get lost {n} times.",
}


def texts(subject: str, numbers: range) -> list[str]:
    return [SUBJECTS[subject].format(n=n) for n in numbers]


def trained(path: Path, *labels: str, positive: str | None = None) -> quality.Classifier:
    rows = [(text, label) for label in labels for text in texts(label, range(100, 140))]
    column = pa.array([text for text, _ in rows], pa.large_string())
    called = [label if positive in (None, label) else "other" for _, label in rows]
    model, _ = quality.train(column, called, positive=positive, folds=2)
    model.save(str(path))
    return model


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    for part, numbers in enumerate((range(20), range(20, 40))):
        rows = [{"text": text} for subject in SUBJECTS for text in texts(subject, numbers)]
        (tmp_path / f"{part}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return {
        "name": "ranked",
        "sources": [{"name": "notes", "kind": "jsonl", "paths": ["*.jsonl"]}],
        "dedup": {"fuzzy": False},
        "annotate": {},
    }


def ran(recipe: dict[str, Any], folder: Path, run: str = "run", workers: int = 1) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    run_quietly(path, folder / run, workers=workers)
    return folder / run


def plain_ranks(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The share that scores lower, half of the equals counted: those in one cell of the sketch."""
    cell = cells(scores)
    lower = (cell[None, :] < cell[:, None]).sum(axis=1)
    equal = (cell[None, :] == cell[:, None]).sum(axis=1)
    return (lower + equal / 2) / len(scores)


def test_an_ensemble_ranks_by_each_model_and_combines(recipe: dict[str, Any], tmp_path: Path) -> None:
    models = [trained(tmp_path / f"{good}.model", *SUBJECTS, positive=good) for good in ("harbour", "kitchen")]
    recipe["annotate"]["quality"] = {"model": ["harbour.model", "kitchen.model"]}
    recipe["select"] = {"rules": [{"reason": "the_worst", "when": "quality_rank < 0.25"}]}
    run = ran(recipe, tmp_path)
    columns_are_aligned(run)
    verdicts_are_complete(run)
    documents = column(run, "documents")["text"]
    probabilities = [m.score(pa.array(documents.to_list(), pa.large_string())) for m in models]
    each = np.stack([plain_ranks(p) for p in probabilities])
    found = column(run, "annotations/quality")["quality"].to_numpy()
    np.testing.assert_allclose(found, each.max(axis=0), rtol=1e-6)
    assert len(set(each.argmax(axis=0).tolist())) == 2, "each model must have a say"
    ranks = column(run, "annotations/quality_rank")["quality_rank"].to_numpy()
    np.testing.assert_allclose(ranks, plain_ranks(found), rtol=1e-6)
    dropped = column(run, "verdicts")["reason"].drop_nulls().to_list()
    assert dropped == ["the_worst"] * int((ranks < 0.25).sum()) != []
    assert digests(ran(recipe, tmp_path, "again", workers=2)) == digests(run)

    recipe["annotate"]["quality"]["ensemble"] = "mean"
    ran(recipe, tmp_path)
    means = column(run, "annotations/quality")["quality"].to_numpy()
    np.testing.assert_allclose(means, each.mean(axis=0), rtol=1e-6)


def test_a_model_of_this_run_joins_the_ensemble_and_leaves_it(recipe: dict[str, Any], tmp_path: Path) -> None:
    trained(tmp_path / "ships.model", "harbour", "insult", positive="harbour")
    sides = {side: {"where": f"words {sign} 15"} for side, sign in (("positive", ">"), ("negative", "<="))}
    recipe["annotate"]["quality"] = {"model": "ships.model", **sides}
    run = ran(recipe, tmp_path)
    scores = column(run, "annotations/quality_scores")["quality_scores"]
    assert scores.list.len().unique().to_list() == [2]
    assert (run / "models" / "quality.model").is_file()

    recipe["annotate"]["quality"] = {"model": "ships.model"}
    ran(recipe, tmp_path)
    columns_are_aligned(run)
    verdicts_are_complete(run)
    assert column(run, "annotations/quality")["quality"].to_list() == scores.list.get(1).to_list()
    assert not (run / "models" / "quality.model").exists()
    assert not list((run / "annotations" / "quality_scores").rglob("*.parquet"))


def test_toxicity_and_topics_are_classifiers_like_others(recipe: dict[str, Any], tmp_path: Path) -> None:
    trained(tmp_path / "toxicity.model", "harbour", "kitchen", "insult")
    trained(tmp_path / "polite.model", "harbour", "insult", positive="insult")
    recipe["annotate"]["classifiers"] = [
        {"name": "topic", "model": "toxicity.model"},
        {"name": "toxicity", "model": "polite.model"},
    ]
    recipe["select"] = {
        "rules": [{"reason": "toxic", "when": "toxicity_score > 0.5 AND toxicity_label = 'insult'"}],
        "domains": [{"domain": "cooking", "when": "topic_label = 'kitchen'"}],
    }
    run = ran(recipe, tmp_path)
    columns_are_aligned(run)
    verdicts_are_complete(run)
    subject = column(run, "documents").with_columns(
        subject=pl.when(pl.col("text").str.contains("fool")).then(pl.lit("insult"))
        .when(pl.col("text").str.contains("dough")).then(pl.lit("kitchen")).otherwise(pl.lit("harbour"))
    )["subject"]  # fmt: skip
    topics = column(run, "annotations/classifier_topic")
    assert topics["topic_label"].to_list() == subject.to_list()
    assert topics["topic_score"].min() > 1 / 3
    verdicts = column(run, "verdicts")
    assert verdicts.filter(subject == "insult")["reason"].unique().to_list() == ["toxic"]
    assert verdicts.filter(subject == "harbour")["keep"].all()
    assert verdicts.filter(subject == "kitchen")["domain"].unique().to_list() == ["cooking"]

    del recipe["annotate"]["classifiers"][0], recipe["select"]["domains"]
    ran(recipe, tmp_path)
    assert not list((run / "annotations" / "classifier_topic").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("annotate", "said"),
    [
        ({"quality": {"model": "gone.model"}}, r"recipe.yaml:\d+: annotate.quality.model\[0\]: no such file"),
        ({"quality": {"ensemble": "max"}}, "needs a `model`, or `positive` and `negative`"),
        ({"quality": {"positive": {"where": "words > 5"}}}, "`positive` and `negative` go together"),
        ({"classifiers": [{"name": "toxicity", "model": "gone.model"}]}, r"annotate.classifiers\[0\].model: no such"),
        ({"classifiers": [{"name": "language", "model": "x"}]}, "'language' would make a second column language_score"),
    ],
)
def test_what_a_recipe_cannot_ask_for(
    recipe: dict[str, Any], tmp_path: Path, annotate: dict[str, Any], said: str
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({**recipe, "annotate": annotate}))
    with pytest.raises(RecipeError, match=said):
        load(path)
