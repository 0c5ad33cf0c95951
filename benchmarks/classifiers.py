"""``OMP_NUM_THREADS=1 python -m benchmarks.classifiers``: quality models beside plain baselines, on unseen sources."""

from __future__ import annotations

import json
import re
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import zstandard

from benchmarks.inputs import DEVELOPMENT_DATA
from classifiers import quality

_PAGED = ("WCXB", "SpamA", "PLOS", "enwiki")
_HARD = ("se_score_high", "se_score_negative")
_GROUPS = 8
NOTE = """Each text is scored by a model that saw nothing of its source: in the first two splits half of the sources
train and half test; in the last, every source is left out once, five at a time, and all scores are taken together.
Pages and mails, which have no smaller source, go in sixths by their id. The hard case is forum posts voted down against
posts voted up; the column before it is everything else. Seconds are of CPU, to train (cuvée: with the five models that
measure and calibrate) and to score. Baselines read the first 2,000 characters."""
_HEAD = (
    "unseen sources",
    "",
    "ROC-AUC",
    "without the hard case",
    "hard case",
    "calibration error",
    "train, s",
    "score, s",
)

Score = Callable[[list[str], list[bool], list[str]], tuple[Any, float, float]]


def main() -> None:
    raw = (DEVELOPMENT_DATA / "quality" / "docs.jsonl.zst").read_bytes()
    text = zstandard.ZstdDecompressor().stream_reader(raw).read().decode()
    rows = [r for r in map(json.loads, filter(None, text.split("\n"))) if r["label"] != "mid"]
    systems: dict[str, Score] = {
        "cuvée linear": lambda a, b, c: _ours("linear", a, b, c),
        "cuvée fasttext": lambda a, b, c: _ours("fasttext", a, b, c),
        "TF-IDF + logistic regression": _tfidf,
        "plain fastText": _fasttext,
    }
    lines = ["# Quality on unseen sources", "", f"| {' | '.join(_HEAD)} |", "|---" * len(_HEAD) + "|"]
    for title, splits in _splits([_source(r) for r in rows]).items():
        for name, system in systems.items():
            lines.append(f"| {title} | {name} | {' | '.join(_measured(system, rows, splits))} |")
            print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join([*lines, "", NOTE, ""]), encoding="utf-8")


def _splits(sources: list[str]) -> dict[str, list[npt.NDArray[np.bool_]]]:
    """Of each way to split, which rows each of its turns leaves out."""
    names = sorted(set(sources))
    shuffled = [np.random.default_rng(seed).permutation(names).tolist() for seed in (1, 2, 3)]
    out = {f"half, {k}": [set(some[1::2])] for k, some in enumerate(shuffled[:2], 1)}
    out["each once"] = [set(shuffled[2][k::_GROUPS]) for k in range(_GROUPS)]
    return {way: [np.array([s in left_out for s in sources]) for left_out in turns] for way, turns in out.items()}


def _measured(system: Score, rows: list[dict[str, Any]], turns: list[npt.NDArray[np.bool_]]) -> list[str]:
    good = np.array([r["label"] == "hq" for r in rows])
    hard = np.array([r["kind"] in _HARD for r in rows])
    scores, tested = np.zeros(len(rows), np.float32), np.zeros(len(rows), bool)
    seconds = np.zeros(2)
    for left_out in turns:
        train, test = np.flatnonzero(~left_out), np.flatnonzero(left_out)
        found, *spent = system([rows[i]["text"] for i in train], good[train].tolist(), [rows[i]["text"] for i in test])
        scores[test], tested[test] = found, True
        seconds += spent
    measured = [quality.auc(scores[some], good[some]) for some in (tested, tested & ~hard, tested & hard)]
    error = quality.calibration_error(scores[tested], good[tested])
    return [*(f"{value:.4f}" for value in (*measured, error)), *(f"{s:.1f}" for s in seconds)]


def _source(row: dict[str, Any]) -> str:
    part = str(zlib.crc32(row["id"].encode()) % 6) if row["source"].startswith(_PAGED) else ""
    return f"{row['source']}{part}"


def _ours(kind: str, texts: list[str], good: list[bool], new: list[str]) -> tuple[Any, float, float]:
    start = time.process_time()
    labels = ["hq" if g else "lq" for g in good]
    model, _ = quality.train(pa.array(texts, pa.large_string()), labels, positive="hq", kind=kind)
    middle = time.process_time()
    return model.score(pa.array(new, pa.large_string())), middle - start, time.process_time() - middle


def _tfidf(texts: list[str], good: list[bool], new: list[str]) -> tuple[Any, float, float]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    start = time.process_time()
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=200_000, sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=300).fit(words.fit_transform([t[:2000] for t in texts]), good)
    middle = time.process_time()
    found = model.predict_proba(words.transform([t[:2000] for t in new]))[:, 1]
    return found.astype(np.float32), middle - start, time.process_time() - middle


def _fasttext(texts: list[str], good: list[bool], new: list[str]) -> tuple[Any, float, float]:
    import fasttext

    def line(text: str) -> str:
        return re.sub(r"\s+", " ", text.lower())[:2000]

    start = time.process_time()
    order = np.random.default_rng(0).permutation(len(texts))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts")
        file.write_text("".join(f"__label__{'hq' if good[i] else 'lq'} {line(texts[i])}\n" for i in order), "utf-8")
        options = {"lr": 0.5, "epoch": 15, "wordNgrams": 2, "dim": 64, "bucket": 200_000, "thread": 1, "verbose": 0}
        model = fasttext.train_supervised(str(file), **options)
    middle = time.process_time()
    found = np.empty(len(new), np.float32)
    for i, text in enumerate(new):
        shares = {label: p for p, label in model.f.predict(line(text) + "\n", 2, 0.0, "strict")}
        found[i] = min(1.0, shares.get("__label__hq", 0.0))
    return found, middle - start, time.process_time() - middle


if __name__ == "__main__":
    main()
