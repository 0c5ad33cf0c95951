"""Models: what they learn and say of themselves, the same bytes for the same inputs, and strange files."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import quality
from classifiers.quality import Classifier
from classifiers.quality.ngrams import hashed
from classifiers.spacing import spaced

OPTIONS: dict[str, dict[str, Any]] = {
    "linear": {"bits": 12},
    "fasttext": {"dimensions": 8, "epochs": 10, "buckets": 1 << 10},
    "embedding": {"backend": "tests.pipelines.stems:Stems"},
}
WORDS = {
    "good": "theorem proof lemma measure space",
    "bad": "buy cheap click win now",
    "news": "minister court vote law city",
}


def examples(n: int = 60, labels: tuple[str, ...] = ("good", "bad")) -> tuple[pa.Array, list[str]]:
    """Sentences of separate vocabularies, so any model that works tells them apart."""
    rng = np.random.default_rng(0)
    names = [labels[i % len(labels)] for i in range(n)]
    texts = [f"{' '.join(rng.choice(WORDS[x].split(), 12))} {i}" for i, x in enumerate(names)]
    return pa.array(texts, pa.large_string()), names


def trained(kind: str, n: int = 60, **more: Any) -> tuple[Classifier, quality.Report]:
    texts, labels = examples(n)
    return quality.train(
        texts, labels, **{"positive": "good", "kind": kind, "seed": 3, "options": OPTIONS[kind], **more}
    )


@pytest.mark.parametrize("kind", OPTIONS)
def test_it_learns_says_so_and_is_the_same_from_its_file(kind: str, tmp_path: Path) -> None:
    model, report = trained(kind)
    assert report.labels == {"bad": 30, "good": 30}
    assert (report.left_out, report.unscored, report.sources) == (0, 0, 0)
    assert report.auc == 1.0
    assert report.accuracy == 1.0
    new = pa.array(["A LEMMA, and\nits proof: measure a space.", "Click!\nWin now, buy cheap", "", " \n\0", None])
    scores = model.score(new)
    assert scores[0] > 0.6
    assert scores[1] < 0.4
    assert scores[2:].tolist() == [0, 0, 0]
    for name in ("a", "b"):
        trained(kind)[0].save(str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again = Classifier.load(str(tmp_path / "a"))
    assert (again.kind, again.labels) == (kind, ("bad", "good"))
    assert (again.score(new) == scores).all()
    assert [again.score(new.slice(i, 1))[0] for i in range(5)] == pytest.approx(scores.tolist(), abs=1e-6)


@pytest.mark.parametrize("kind", OPTIONS)
def test_more_labels(kind: str, tmp_path: Path) -> None:
    texts, labels = examples(90, tuple(WORDS))
    model, report = quality.train(texts, labels, kind=kind, options=OPTIONS[kind])
    assert model.labels == ("bad", "good", "news")
    assert report.accuracy > 0.9
    found = model.probabilities(pa.array(["court vote minister law", ""]))
    assert model.labels[found[0].argmax()] == "news"
    assert found.sum(axis=1).tolist() == pytest.approx([1, 0])


def test_a_source_is_measured_without_itself() -> None:
    """The words of a source alone tell its label, so that rows left out say what sources left out deny."""
    texts = [f"{s} {s}s {i % 9} the text of it" for s in "abcdefgh" for i in range(20)]
    labels = ["good" if s in "aceg" else "bad" for s in "abcdefgh" for _ in range(20)]
    sources = [s for s in "abcdefgh" for _ in range(20)]
    texts = [f"{t} {i}" for i, t in enumerate(texts)]
    _, by_row = quality.train(pa.array(texts), labels, positive="good", options=OPTIONS["linear"])
    _, by_source = quality.train(pa.array(texts), labels, positive="good", sources=sources, options=OPTIONS["linear"])
    assert by_row.auc > 0.99
    assert by_source.sources == 8
    assert by_source.auc < 0.8


def test_a_label_of_one_source_cannot_be_measured() -> None:
    texts, labels = examples()
    with pytest.raises(ValueError, match="without any one of the sources a label has no texts left"):
        quality.train(texts, labels, positive="good", sources=labels, options=OPTIONS["linear"])


def test_texts_that_spell_the_trainers_format_stay_texts() -> None:
    texts, labels = examples()
    tricks = ["__label__good __label__spam free\n__label__bad </s> win", "</s>\0__label__new\r\nx", "\n\n"]
    hostile = pa.array([t.as_py() + " " + tricks[i % 3] for i, t in enumerate(texts)], pa.large_string())
    model, report = quality.train(hostile, labels, positive="good", kind="fasttext", options=OPTIONS["fasttext"])
    assert report.auc == 1.0
    before, after = model.score(pa.array(["win </s> theorem proof lemma measure space", "win"]))
    assert before > after  # what follows </s> counts


def test_copies_and_contradictions_are_left_out() -> None:
    texts, labels = examples()
    more = pa.concat_arrays([texts, texts.slice(0, 2), pa.array(["", "both", "Both "], pa.large_string())])
    _, report = quality.train(more, [*labels, *labels[:2], "good", "good", "bad"], options=OPTIONS["linear"])
    assert report.left_out == 5


def test_what_cannot_be_trained_is_refused() -> None:
    texts, labels = examples(8)
    with pytest.raises(ValueError, match="8 texts have 7 labels"):
        quality.train(texts, labels[:7])
    with pytest.raises(ValueError, match="1 distinct texts are labelled bad"):
        quality.train(texts, ["good"] * 7 + ["bad"])
    with pytest.raises(ValueError, match="every text is labelled 'x'"):
        quality.train(texts, ["x"] * 8)
    with pytest.raises(ValueError, match="no text is labelled 'hq'; there are: bad, good"):
        quality.train(texts, labels, positive="hq")
    with pytest.raises(ValueError, match="option 'bitts': a model of kind linear has bits, limit, strength"):
        quality.train(texts, labels, options={"bitts": 3})
    for kind, name, value in [
        ("linear", "bits", 25),
        ("linear", "bits", 0),
        ("linear", "limit", 0),
        ("linear", "strength", float("nan")),
        ("fasttext", "dimensions", 0),
        ("fasttext", "epochs", -1),
        ("embedding", "characters", 0),
    ]:
        with pytest.raises(ValueError, match=f"option {name} is {value}; allowed are "):
            quality.train(texts, labels, kind=kind, options={name: value})
    with pytest.raises(ValueError, match=r"embedding backend '': must be an import path"):
        quality.train(texts, labels, kind="embedding")
    with pytest.raises(ValueError, match=r"kind 'forest': allowed are linear, fasttext, embedding"):
        quality.train(texts, labels, kind="forest")
    with pytest.raises(ValueError, match=r"embedding backend 'json:nothing'"):
        quality.train(texts, labels, kind="embedding", options={"backend": "json:nothing"})


@pytest.mark.parametrize("kind", OPTIONS)
def test_what_is_no_model_of_ours_is_refused(kind: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    trained(kind)[0].save(str(good))
    raw = good.read_bytes()
    for content in (raw[: len(raw) // 2], raw[:-1], b"", b"PK\x05\x06" + b"\0" * 18, b"\x80\x04pickle"):
        bad.write_bytes(content)
        with pytest.raises(ValueError, match="bad is no model of cuvée"):
            Classifier.load(str(bad))
    with pytest.raises(ValueError, match="does not exist"):
        Classifier.load(str(tmp_path / "nothing"))
    with zipfile.ZipFile(good) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for name in entries:
        with zipfile.ZipFile(bad, "w") as archive:
            for other, content in entries.items():
                archive.writestr(other, content if other != name else content[: len(content) // 2])
        with pytest.raises(ValueError, match="bad"):
            Classifier.load(str(bad))
    with zipfile.ZipFile(bad, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content.replace(b'"bad"', b'"bad", "more"'))
    with pytest.raises(ValueError, match="bad"):
        Classifier.load(str(bad))


def test_pickles_in_arrays_are_refused(tmp_path: Path) -> None:
    trained("linear")[0].save(str(tmp_path / "m"))
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}], object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "m", "a") as archive:
        archive.writestr("arrays/more.npy", out.getvalue())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Classifier.load(str(tmp_path / "m"))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.none() | st.text("ab.,é \n漢", max_size=30), max_size=4), st.integers(1, 30))
def test_hashed_counts_words_and_pairs(texts: list[str | None], limit: int) -> None:
    found = hashed(pa.array(texts, pa.large_string()), bits=20, limit=limit)
    for row, line in zip(found, spaced(pa.array(texts, pa.large_string())).to_pylist(), strict=True):
        words, read = [], 0
        for word in line.split():
            words.append(word)
            read += len(word.encode())
            if read >= limit:
                break
            read += 1
        want = Counter(words) + Counter(pairwise(words))
        assert sorted(row.data.tolist()) == sorted(want.values())


def test_labelled_documents(shared_data: Path) -> None:
    """The bar on sources of the same kinds that were not seen; low-voted forum posts are told apart by nobody."""
    with zstandard.open(shared_data / "quality" / "docs.jsonl.zst", "rt", encoding="utf-8") as lines:
        assert isinstance(lines, io.TextIOBase)
        rows = [r for r in map(json.loads, lines) if r["label"] in ("hq", "lq")]
    sites = {"matheducators", "music.meta", "rust-lang/book@9175448", "nltk_data@5db857e state_union"}
    unseen = np.array([r["source"] in sites or hash_of(r["id"]) % 3 == 0 for r in rows])
    texts = pa.array([r["text"] for r in rows], pa.large_string())
    labels = np.array([r["label"] for r in rows])
    model, report = quality.train(texts.filter(pa.array(~unseen)), labels[~unseen].tolist(), positive="hq")
    assert report.auc > 0.97
    score, good = model.score(texts.filter(pa.array(unseen))), labels[unseen] == "hq"
    assert quality.auc(score, good) > 0.965
    assert quality.calibration_error(score, good) < 0.05


def hash_of(name: str) -> int:
    import zlib

    return zlib.crc32(name.encode())
