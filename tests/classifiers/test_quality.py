"""Quality models: what they learn, the same bytes for the same inputs, and texts made to break the trainer's format."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import quality
from classifiers.quality import QualityModel
from classifiers.spacing import spaced
from manifests.text import PUNCTUATION, SPACE, UNSPACED, class_of, classes

SMALL = {"seed": 3, "dim": 8, "epochs": 10, "buckets": 1 << 10}


def examples(n: int = 60) -> tuple[pa.Array, list[bool]]:
    """Sentences of two vocabularies, so any model that works tells them apart."""
    rng = np.random.default_rng(0)
    labels = [bool(i % 2) for i in range(n)]
    words = {True: "theorem proof lemma measure space".split(), False: "buy cheap click win now".split()}
    return pa.array(
        [f"{' '.join(rng.choice(words[x], 12))} {i}" for i, x in enumerate(labels)], pa.large_string()
    ), labels


def plain(value: str) -> str:
    pieces = []
    for c in value:
        kind = int(class_of(classes(), ord(c)))
        if kind & SPACE or c == "\0":
            pieces.append(" ")
        else:
            low = c.lower() if len(c.lower()) == 1 and ord(c) < 0x10000 else c
            pieces.append(f" {low} " if kind & (PUNCTUATION | UNSPACED) else low)
    return " ".join("".join(pieces).split())


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.none() | st.text(max_size=40), max_size=5))
def test_spaced_is_the_plain_reference(texts: list[str | None]) -> None:
    assert spaced(pa.array(texts, pa.string())).to_pylist() == [plain(t or "") for t in texts]


def test_spaced_grows_to_twice_the_text_at_most() -> None:
    texts = ["...", "Ⱥ" * 50, "漢字" * 20, "𠀀𠀀", "a.b\0c\r\n\x85d\u2028e", "😀😀"]
    assert spaced(pa.array(texts)).to_pylist() == [plain(t) for t in texts]


def test_it_learns_and_the_report_says_so(tmp_path: Path) -> None:
    texts, labels = examples()
    report = quality.train(texts, labels, str(tmp_path / "m.bin"), **SMALL)
    assert (report.good, report.bad, report.heldout, report.left_out) == (27, 27, 6, 0)
    assert report.auc == 1.0
    assert report.accuracy == 1.0
    scores = QualityModel.load(str(tmp_path / "m.bin")).score(pa.array(["A LEMMA, and\nits proof.", "Click!\nWin now"]))
    assert scores.dtype == np.float32
    assert scores[0] > 0.9
    assert scores[1] < 0.1


def test_same_inputs_same_bytes_and_another_seed_another_model(tmp_path: Path) -> None:
    texts, labels = examples()
    made = []
    for i, seed in enumerate([3, 3, 1 << 40]):
        quality.train(texts, labels, str(tmp_path / f"{i}"), **{**SMALL, "seed": seed})
        made.append((tmp_path / f"{i}").read_bytes())
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_the_order_of_the_labels_does_not_matter_to_what_is_learnt(tmp_path: Path) -> None:
    """fastText reads its file in order: one label after the other would teach it the last one."""
    texts, labels = examples(240)
    order = np.argsort(labels, kind="stable")
    report = quality.train(texts.take(pa.array(order)), sorted(labels), str(tmp_path / "m"), **{**SMALL, "epochs": 1})
    assert report.accuracy == 1


def test_texts_that_spell_the_trainers_format_stay_texts(tmp_path: Path) -> None:
    texts, labels = examples()
    tricks = ["__label__good __label__spam free\n__label__bad </s> win", "</s>\0__label__new\r\nx", "\n\n"]
    hostile = pa.array([t.as_py() + " " + tricks[i % 3] for i, t in enumerate(texts)], pa.large_string())
    report = quality.train(hostile, labels, str(tmp_path / "m"), **SMALL)
    assert report.auc == 1.0
    model = QualityModel.load(str(tmp_path / "m"))
    before, after = model.score(pa.array(["win </s> theorem proof lemma measure space", "win"]))
    assert before > after  # what follows </s> counts


def test_texts_without_words_score_zero_and_rows_do_not_depend_on_their_batch(tmp_path: Path) -> None:
    texts, labels = examples()
    quality.train(texts, labels, str(tmp_path / "m"), **SMALL)
    model = QualityModel.load(str(tmp_path / "m"))
    column = pa.chunked_array([pa.array(["", None, " \n\0", "proof"]), pa.array(["now " * 50_000])])
    scores = model.score(column)
    assert scores[:3].tolist() == [0, 0, 0]
    assert scores.tolist() == [model.score(pa.array([t]))[0] for t in column.to_pylist()[:1]] + [
        model.score(pa.array([t], pa.string()))[0] for t in column.to_pylist()[1:]
    ]
    assert ((scores >= 0) & (scores <= 1)).all()


def test_copies_and_contradictions_are_left_out(tmp_path: Path) -> None:
    texts, labels = examples()
    more = pa.concat_arrays([texts, texts.slice(0, 2), pa.array(["", "both", "Both "], pa.large_string())])
    report = quality.train(more, [*labels, *labels[:2], True, True, False], str(tmp_path / "m"), **SMALL)
    assert report.left_out == 5


def test_auc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 6, 40).astype(np.float32)
    good = rng.random(40) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[good] for b in scores[~good]]
    assert quality.auc(scores, good) == pytest.approx(np.mean(pairs))
    assert np.isnan(quality.auc(scores, np.ones(40, bool)))


def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    texts, labels = examples(8)
    with pytest.raises(ValueError, match="8 texts have 7 labels"):
        quality.train(texts, labels[:7], str(tmp_path / "m"), **SMALL)
    with pytest.raises(ValueError, match="0 distinct texts are labelled bad"):
        quality.train(texts, [True] * 8, str(tmp_path / "m"), **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_model_of_ours_is_refused(tmp_path: Path) -> None:
    import fasttext

    texts, labels = examples()
    good, cut, other = tmp_path / "good", tmp_path / "cut", tmp_path / "other"
    quality.train(texts, labels, str(good), **SMALL)
    raw = good.read_bytes()
    (tmp_path / "lines").write_text("__label__hq a b\n__label__cc c d\n" * 9)
    fasttext.train_supervised(str(tmp_path / "lines"), dim=4, bucket=16, thread=1, verbose=0).save_model(str(other))
    for size in (len(raw) - 1, len(raw) - 50, len(raw) // 2, 100, 12, 4, 0):
        cut.write_bytes(raw[:size])
        with pytest.raises(ValueError, match="cut is cut short" if size >= 12 else "cut is no fastText model"):
            QualityModel.load(str(cut))
    with pytest.raises(ValueError, match=r"knows the labels __label__(hq|cc), __label__(hq|cc)"):
        QualityModel.load(str(other))
    with pytest.raises(ValueError, match="does not exist"):
        QualityModel.load(str(tmp_path / "nothing"))


def test_labelled_documents(shared_data: Path, tmp_path: Path) -> None:
    with zstandard.open(shared_data / "quality" / "docs.jsonl.zst", "rt", encoding="utf-8") as lines:
        assert isinstance(lines, io.TextIOBase)
        rows = [r for r in map(json.loads, lines) if r["label"] in ("hq", "lq")]
    texts = pa.array([r["text"] for r in rows], pa.large_string())
    labels = [r["label"] == "hq" for r in rows]
    report = quality.train(texts, labels, str(tmp_path / "m"), seed=1, dim=16, buckets=1 << 16)
    assert report.auc > 0.97
    assert report.accuracy > 0.94
