"""Trains the main-text classifier: ``python -m training.main_text [--check]`` writes ``pipelines/html/weights.npz``.

From the development sets in ``CUVEE_TEST_DATA/html``: the article extraction benchmark (MIT) and WCXB's development
split (CC-BY-4.0, Foley, Murrough: Web Content Extraction Benchmark); the weights are derived from these and are
licensed like the rest of the project. ``--check`` trains on four fifths of the sites and scores the last, in turns: the
figures to report, as those on the pages trained on say nothing. The same machine and library versions give the same
bytes. Wants the extra ``trees`` (LightGBM, MIT).
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from pipelines.charset import as_utf8
from pipelines.html.blocks import LOOKED_UP, WIDTH, WORDS, Blocks, blocks
from pipelines.html.features import WIDTH as COLUMNS
from pipelines.html.features import Vocabulary, features
from pipelines.html.forest import DEPTH, Forest, probabilities
from pipelines.html.main_text import Model, chosen
from pipelines.html.metadata import Metadata, metadata
from pipelines.html.page import Page
from pipelines.html.render import render
from pipelines.html.scan import scan
from pipelines.html.stacking import WIDTH as SECOND_COLUMNS
from pipelines.html.stacking import second_look
from pipelines.html.structure import block_ranges, structure
from training.align import block_texts, coverage
from training.odds import Votes, table

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("CUVEE_TEST_DATA", ROOT.parent / "shared" / "data")) / "html"
SETS = ("aeb", "wcxb-dev")
FOLDS = 5
#: a word counts where this many sites use it
LEAST_SITES = {"class": 4, "text": 6}
TREES = 80
SECOND_TREES = 50
PARAMETERS = {
    "objective": "binary",
    "num_leaves": 31,
    "max_depth": DEPTH,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "learning_rate": 0.1,
    "max_bin": 127,
    "min_data_in_leaf": 20,
    "num_threads": 1,
    "deterministic": True,
    "seed": 0,
    "verbose": -1,
}


@dataclass(frozen=True)
class Sample:
    """A page with its truth. ``share`` is how much of each block the truth holds, ``words`` how many words it has."""

    set: str
    kind: str
    site: str
    html: bytes
    page: Page
    found: Blocks
    stated: Metadata
    truth: str
    share: npt.NDArray[np.float64]
    words: npt.NDArray[np.int32]
    votes: dict[str, Votes]

    @property
    def weight(self) -> npt.NDArray[np.float64]:
        """What a block's words count in its page's F1, with pages of little text bounded."""
        right = float((self.share * self.words).sum())
        return (self.words.astype(np.float64) + 0.5) / (max(right, 50.0) + 0.3 * float(self.words.sum()))


def load(name: str) -> list[Sample]:
    folder = DATA / name
    with (folder / "truth.jsonl").open(encoding="utf-8") as lines:
        truth = {row["id"]: row for row in map(json.loads, lines)}
    return [
        _sample(name, row["html"], row["url"], truth[row["id"]])
        for row in pq.read_table(folder / "pages.parquet").to_pylist()
    ]


def _sample(name: str, raw: bytes, url: str, truth: dict[str, str]) -> Sample:
    html, _ = as_utf8(raw, html=True)
    page = scan(html)
    found = blocks(html, page)
    matched, words = coverage(block_texts(html, page, found), truth["text"])
    share = matched / np.maximum(words, 1)
    site = ".".join((urlsplit(url).hostname or "").split(".")[-2:])
    votes = {"class": _class_votes(page, found, share), "text": _text_votes(found, share)}
    return Sample(
        name,
        truth.get("page_type", name),
        site,
        html,
        page,
        found,
        metadata(html, page),
        truth["text"],
        share,
        words,
        votes,
    )


def _class_votes(page: Page, found: Blocks, share: npt.NDArray[np.float64]) -> Votes:
    """Of each word of a class or id: how much of the text inside its elements is main text."""
    width = found.counts[:, WIDTH] + 1
    all_text = np.concatenate([[0.0], np.cumsum(width)])
    right = np.concatenate([[0.0], np.cumsum(width * share)])
    low, high = block_ranges(page, found)
    seen: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for e in np.flatnonzero(high > low).tolist():
        for key in set(page.token[page.token0[e] : page.token0[e + 1]].tolist()):
            seen[key][0] += right[high[e]] - right[low[e]]
            seen[key][1] += all_text[high[e]] - all_text[low[e]]
    return {key: a / b for key, (a, b) in seen.items() if key}


def _text_votes(found: Blocks, share: npt.NDArray[np.float64]) -> Votes:
    """Of each word of a short block: how often such a block is main text."""
    seen: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for b in np.flatnonzero(found.counts[:, WORDS] <= LOOKED_UP).tolist():
        for key in set(found.words[b].tolist()) - {0}:
            seen[key][0] += share[b] >= 0.5
            seen[key][1] += 1
    return {key: a / b for key, (a, b) in seen.items()}


def train(samples: Sequence[Sample]) -> Model:
    """Two forests and their vocabulary, which both see pages as they will be, unknown.

    A page's own votes are taken out of the odds that its blocks are trained with, and its site out of the forests whose
    probabilities the second forest is trained with.
    """
    tables = {kind: table([(s.site, s.votes[kind]) for s in samples], LEAST_SITES[kind]) for kind in LEAST_SITES}
    outlines, rows = [], []
    for s in samples:
        without = Vocabulary(*tables["class"].without(s.votes["class"]), *tables["text"].without(s.votes["text"]))
        outlines.append(structure(s.page, s.found, without.class_keys, without.class_odds))
        rows.append(features(s.page, s.found, outlines[-1], without, s.stated.title_words, s.stated.hints))
    fold = folds(samples)
    seconds = list(rows)
    for k in range(FOLDS):
        others = np.flatnonzero(fold != k).tolist()
        forest = _forest([samples[i] for i in others], [rows[i] for i in others], TREES)
        for i in np.flatnonzero(fold == k).tolist():
            seconds[i] = second_look(samples[i].found, outlines[i], rows[i], probabilities(forest, rows[i]))
    vocabulary = Vocabulary(*tables["class"].all(), *tables["text"].all())
    return Model(vocabulary, _forest(samples, rows, TREES), _forest(samples, seconds, SECOND_TREES))


def folds(samples: Sequence[Sample]) -> npt.NDArray[np.int64]:
    """The fold of each sample; a site is in one."""
    sites = sorted({s.site for s in samples})
    fold = dict(zip(sites, np.random.default_rng(0).permutation(len(sites)) % FOLDS, strict=True))
    return np.array([fold[s.site] for s in samples])


def _forest(samples: Sequence[Sample], rows: Sequence[npt.NDArray[np.float32]], trees: int) -> Forest:
    import lightgbm

    labels = np.concatenate([s.share >= 0.5 for s in samples]).astype(np.float32)
    weight = np.concatenate([s.weight for s in samples])
    smoothing = {"lambda_l2": 5 * float(weight.mean()), "min_sum_hessian_in_leaf": 1e-3}
    data = lightgbm.Dataset(np.concatenate(rows), labels, weight=weight)
    return _exported(lightgbm.train({**PARAMETERS, **smoothing}, data, trees).dump_model())


def _exported(dump: dict[str, Any]) -> Forest:
    """Trees as full binary trees: a leaf above the last level is repeated below, under splits that always go left."""
    trees = dump["tree_info"]
    splits, leaves = (1 << DEPTH) - 1, 1 << DEPTH
    column = np.zeros((len(trees), splits), np.uint8)
    threshold = np.full((len(trees), splits), np.inf, np.float32)
    value = np.zeros((len(trees), leaves), np.float32)
    for t, tree in enumerate(trees):
        stack = [(tree["tree_structure"], 0)]
        while stack:
            node, k = stack.pop()
            if "split_feature" in node:
                column[t, k], threshold[t, k] = node["split_feature"], node["threshold"]
                stack += [(node["left_child"], 2 * k + 1), (node["right_child"], 2 * k + 2)]
            elif k < splits:
                stack.append((node, 2 * k + 1))
            else:
                value[t, k - splits] = node["leaf_value"]
    return Forest(column, threshold, value, 0.0)


def text_of(sample: Sample, model: Model) -> str:
    return render(sample.html, sample.page, sample.found, chosen(sample.page, sample.found, sample.stated, model))


def check(samples: Sequence[Sample]) -> dict[str, float]:
    """F1 of each set, and of each kind of page, on sites that neither forest has seen."""
    fold = folds(samples)
    scores: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for k in range(FOLDS):
        model = train([s for s, f in zip(samples, fold, strict=True) if f != k])
        for i in np.flatnonzero(fold == k).tolist():
            sample = samples[i]
            score = _SCORES[sample.set](sample.truth, text_of(sample, model))
            scores[sample.set].append(score)
            scores[f"{sample.set}/{sample.kind}"].append(score)
    return {name: round(_f1(name, some), 4) for name, some in sorted(scores.items())}


def _f1(name: str, some: list[tuple[float, float, float]]) -> float:
    precision, recall, f1 = np.mean(some, axis=0)
    return float(2 * precision * recall / (precision + recall) if name.startswith("aeb") else f1)


def _overlap(truth: Counter[Any], text: Counter[Any]) -> tuple[float, float, float]:
    if not truth or not text:
        same = float(not truth and not text)
        return same, same, same
    both = (truth & text).total()
    precision, recall = both / text.total(), both / truth.total()
    return precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0


def _word_f1(truth: str, text: str) -> tuple[float, float, float]:
    return _overlap(Counter(re.findall(r"\w+", truth.lower())), Counter(re.findall(r"\w+", text.lower())))


def _shingle_f1(truth: str, text: str) -> tuple[float, float, float]:
    def shingles(some: str) -> Counter[tuple[str, ...]]:
        words = re.findall(r"\w+", some)
        return Counter(tuple(words[k : k + 4]) for k in range(max(1, len(words) - 3)) if words[k : k + 4])

    return _overlap(shingles(truth), shingles(text))


_SCORES = {"aeb": _shingle_f1, "wcxb-dev": _word_f1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="score on sites left out, write nothing")
    options = parser.parse_args()
    samples = [sample for name in SETS for sample in load(name)]
    if options.check:
        print(json.dumps(check(samples), indent=1))
        return
    model = train(samples)
    for forest, columns in ((model.first, COLUMNS), (model.second, SECOND_COLUMNS)):
        if forest.column.max() >= columns:
            raise ValueError(f"a tree asks for column {forest.column.max()}; there are {columns}")
    arrays: dict[str, Any] = dict(model.vocabulary._asdict())
    for name in ("first", "second"):
        arrays |= {f"{name}_{array}": value for array, value in getattr(model, name)._asdict().items()}
    np.savez_compressed(ROOT / "pipelines" / "html" / "weights.npz", **arrays)


if __name__ == "__main__":
    main()
