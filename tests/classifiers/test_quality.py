"""The quality classifier: it learns, repeats itself to the byte, and survives what texts contain."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from classifiers import quality
from classifiers.quality import QualityModel

GOOD = [
    "the theorem follows from the lemma above",
    "cells divide, and tissue grows over time",
    "in 1848 the empire fell",
]
BAD = ["buy cheap pills now!!! click here", "win $$$ free cash, click click", "best casino bonus here, buy now"]


def examples(n: int = 60) -> tuple[pa.Array, list[bool]]:
    texts = [f"{(GOOD if i % 2 else BAD)[i % 3]}\nnumber {i}" for i in range(n)]
    return pa.array(texts, pa.large_string()), [bool(i % 2) for i in range(n)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> QualityModel:
    path = str(tmp_path_factory.mktemp("quality") / "quality.bin")
    texts, labels = examples()
    report = quality.train(texts, labels, path, seed=3, dim=8, epochs=10)
    assert report == quality.Report(trained=54, heldout=6, accuracy=1.0, auc=1.0)
    return QualityModel.load(path)


def test_it_tells_the_two_sets_apart(model: QualityModel) -> None:
    good, bad = model.score(pa.array(["The lemma\nand the theorem", "Click HERE, buy pills"]))
    assert 1 >= good > 0.8
    assert 0.2 > bad >= 0


def test_the_report_counts_ties_as_half() -> None:
    scores = np.array([0.9, 0.6, 0.3, 0.6, 0.1], np.float32)
    report = quality._report(scores, np.array([True, True, True, False, False]), trained=7)
    assert report.accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert report.auc == pytest.approx((2 + 1.5 + 1) / 6)


def test_same_documents_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    texts, labels = examples()
    made = []
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        quality.train(texts, labels, str(tmp_path / name), seed=seed, dim=8, epochs=2)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1] != made[2]


def test_the_order_of_the_sets_does_not_matter_to_what_is_learnt(tmp_path: Path) -> None:
    """fastText reads examples in file order: one set after the other would teach it the last one."""
    texts = pa.array([*GOOD * 40, *BAD * 40])
    report = quality.train(texts, [True] * 120 + [False] * 120, str(tmp_path / "m"), seed=0, dim=8, epochs=1)
    assert report.accuracy == 1


def test_texts_that_spell_fasttexts_own_marks(tmp_path: Path) -> None:
    texts, labels = examples()
    hostile = [f"{t} </s> __label__x __LABEL__POSITIVE \0 \u2028 {t}" for t in texts.to_pylist()]
    quality.train(pa.array(hostile), labels, str(tmp_path / "m"), seed=3, dim=8, epochs=10)
    model = QualityModel.load(str(tmp_path / "m"))  # which checks that there are two labels
    # what follows the mark counts
    assert model.score(pa.array(["x </s> the theorem follows from the lemma"]))[0] > 0.8


def test_lines_hold_what_the_text_says_and_no_newline() -> None:
    assert quality._lines(pa.array(["One,\r\n\ttwo</s>", "!!!\n", "\u2029", None])) == ["one , two < / s >", "", "", ""]


def test_scores_have_no_holes(model: QualityModel) -> None:
    texts = pa.array(["", None, "   ", "!!!", "a", "the " * 50_000, "漢字"], pa.large_string())
    scores = model.score(texts)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores[:4].tolist() == [0] * 4
    assert scores[4] > 0
    assert model.score(pa.array([], pa.string())).shape == (0,)
    assert model.score(pa.chunked_array([texts.slice(4, 1), texts.slice(0, 1)])).tolist() == [scores[4], 0]


@pytest.mark.parametrize(
    ("texts", "labels", "said"),
    [
        (["a"], [True, False], "2 labels for 1 texts"),
        (["a", "b"], [True, True], "0 negative texts"),
        (["a", "b", "", "c"], [True, True, False, False], "1 negative texts"),
        ([], [], "0 positive texts"),
    ],
)
def test_what_cannot_be_learnt_from(texts: list[str], labels: list[bool], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        quality.train(pa.array(texts, pa.string()), labels, str(tmp_path / "m"))


def test_files_that_are_no_models(tmp_path: Path) -> None:
    import fasttext

    with pytest.raises(ValueError, match="no quality model at"):
        QualityModel.load(str(tmp_path / "absent"))
    (tmp_path / "text").write_text("not a model")
    with pytest.raises(ValueError, match="not a fastText model"):
        QualityModel.load(str(tmp_path / "text"))
    (tmp_path / "lines").write_text("__label__a x\n__label__b y\n")
    other = fasttext.train_supervised(str(tmp_path / "lines"), dim=2, epoch=1, bucket=10, thread=1, verbose=0)
    other.save_model(str(tmp_path / "other"))
    with pytest.raises(ValueError, match="was not trained here: its labels are __label__"):
        QualityModel.load(str(tmp_path / "other"))


@pytest.mark.slow
def test_real_documents_of_high_and_low_quality(shared_data: Path, tmp_path: Path) -> None:
    import zstandard

    with (shared_data / "quality" / "docs.jsonl.zst").open("rb") as file:
        reader = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        rows = [row for row in map(json.loads, reader) if row["label"] in ("hq", "lq")]
    labels = [row["label"] == "hq" for row in rows]
    report = quality.train(pa.array([row["text"] for row in rows]), labels, str(tmp_path / "m"), seed=1)
    assert report.auc > 0.97
