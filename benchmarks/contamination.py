"""``python -m benchmarks.contamination``: cuvée beside plain n-gram overlap on the labelled development data."""

from __future__ import annotations

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

from benchmarks.inputs import DEVELOPMENT_DATA

FOLDER = DEVELOPMENT_DATA / "decontam"
NOTE = """Share of documents flagged, by kind of injection; of `clean` and `hardneg` (sibling questions of a benchmark's
training set) none should be. An n-gram flags a document that shares one with a question, lower case and without marks.
`partial13` and `numbers_changed` are borderline by the truth file and count in neither precision nor recall."""


def main() -> None:
    truth = [json.loads(line) for line in (FOLDER / "truth.jsonl").read_text().splitlines()]
    documents, items = _lines("corpus.jsonl.zst"), _lines("benchmarks.jsonl.zst")
    systems = {"cuvée": _cuvee, "13-gram": lambda d, i: _ngram(d, i, 13), "8-gram": lambda d, i: _ngram(d, i, 8)}
    columns = {name: _measured(run, documents, items, truth) for name, run in systems.items()}
    rows = list(next(iter(columns.values())))
    lines = ["# Benchmark items in documents", "", f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {row} | {' | '.join(columns[name][row] for name in columns)} |" for row in rows]
    Path(__file__).with_suffix(".md").write_text("\n".join([*lines, "", NOTE, ""]), encoding="utf-8")
    print(*lines, sep="\n")


def _lines(name: str) -> list[dict[str, Any]]:
    text = zstandard.ZstdDecompressor().stream_reader((FOLDER / name).read_bytes()).read().decode()
    return [json.loads(line) for line in text.split("\n") if line]


def _cuvee(documents: list[dict[str, Any]], items: list[dict[str, Any]]) -> Callable[[], Iterable[str]]:
    from classifiers import contamination

    columns = {c: pa.array([str(i[c]) for i in items], pa.large_string()) for c in ("item", "question", "answer")}
    table = pa.table({c: pa.array([d[c] for d in documents], pa.large_string()) for c in ("id", "text")})
    contamination.find(table.slice(0, 2), pa.table(columns))  # compiles
    return lambda: contamination.find(table, pa.table(columns))["id"].to_pylist()


def _ngram(documents: list[dict[str, Any]], items: list[dict[str, Any]], n: int) -> Callable[[], Iterable[str]]:
    def words(text: str) -> list[str]:
        return re.sub(r"[^\w\s]", "", text.lower()).split()

    def grams(some: list[str]) -> set[tuple[str, ...]]:
        return {tuple(some[k : k + n]) for k in range(len(some) - n + 1)}

    def run() -> Iterable[str]:
        known = set().union(*(grams(words(i["question"])) for i in items))
        return [d["id"] for d in documents if not known.isdisjoint(grams(words(d["text"])))]

    return run


def _measured(
    prepare: Callable[..., Callable[[], Iterable[str]]],
    documents: list[dict[str, Any]],
    items: list[dict[str, Any]],
    truth: list[dict[str, Any]],
) -> dict[str, str]:
    run = prepare(documents, items)
    start = time.process_time()
    flagged = set(run())
    seconds = time.process_time() - start
    kinds: dict[str, Counter[bool]] = defaultdict(Counter)
    sure: Counter[tuple[str, bool]] = Counter()
    for t in truth:
        kinds[re.sub(r"_(de|es|fr|ru|ja|zh|c)$", "", t["kind"])][t["id"] in flagged] += 1
        sure[t["contaminated"], t["id"] in flagged] += 1
    right, wrong, missed = sure["yes", True], sure["no", True], sure["yes", False]
    size = sum(len(d["text"].encode()) for d in documents) / 1e6
    out = {
        "precision": f"{right / (right + wrong):.3f}",
        "recall": f"{right / (right + missed):.3f}",
        "F1": f"{2 * right / (2 * right + wrong + missed):.3f}",
    }
    out |= {f"{kind}": f"{n[True]} of {n.total()}" for kind, n in sorted(kinds.items())}
    return {**out, "MB per CPU second, building the index included": f"{size / seconds:.3g}"}


if __name__ == "__main__":
    main()
