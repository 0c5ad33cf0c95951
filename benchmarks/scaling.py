"""``python -m benchmarks.scaling --megabytes 100 400``: cost by stage, and memory, as the input grows.

Each size is a run of its own over generated text: every stage but proxies, solver and rephrasing. Sentences are drawn
from real documents, so that words, lengths and languages are those of real text, and no two documents are duplicates.
One document in fifty is given twice. Peak memory is the resident set of the driver and its workers together, sampled.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import inputs
from pipelines.engines.memory import private_bytes

_SENTENCES_OF_A_DOCUMENT = (8, 60)
_FILE_BYTES = 64 << 20
_TWICE = 50
RECIPE = """
name: scaling
sources: [{{name: text, kind: parquet, paths: ["{folder}/*.parquet"]}}]
select: {{rules: [{{reason: too_short, when: "words < 20"}}]}}
tokenizer: {{train: {{vocabulary: 8192, sample_bytes: 4000000}}}}
mix: {{budget: {budget}}}
shards: {{formats: [olmo]}}
"""


def generate(folder: Path, size: int) -> int:
    """Writes about ``size`` bytes of text as Parquet; returns the number of documents."""
    pool = np.array(sentences(), dtype=object)
    chance = np.random.default_rng(7)
    folder.mkdir(parents=True)
    documents, written, number = 0, 0, 0
    while written < size:
        texts: list[str] = []
        here = 0
        while here < min(_FILE_BYTES, size - written):
            drawn = pool[chance.integers(0, len(pool), chance.integers(*_SENTENCES_OF_A_DOCUMENT))]
            texts.append(" ".join(drawn))
            here += len(texts[-1])
        texts += texts[::_TWICE]
        ids = [f"{number}-{n}" for n in range(len(texts))]
        table = pa.table({"id": ids, "text": pa.array(texts, pa.large_string())})
        pq.write_table(table, folder / f"{number:05d}.parquet", compression="zstd")
        documents, written, number = documents + len(texts), written + here, number + 1
    return documents


def sentences() -> list[str]:
    """Of real documents."""
    found = [s for texts in inputs.texts(4_000_000).values() for t in texts for s in re.split(r"(?<=[.!?])\s+", t)]
    return [s for s in found if 30 < len(s) < 400]


class Memory:
    """The largest resident set of a process and its children, in bytes."""

    def __init__(self, process: int) -> None:
        self.peak = 0
        self._process = process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.peak = max(self.peak, sum(private_bytes(p) for p in _tree(self._process)))


def _tree(process: int) -> Iterator[int]:
    yield process
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        tasks = [p for p in Path(f"/proc/{process}/task").iterdir() if p.name != str(process)]
        children += [c for task in tasks for c in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def measure(size: int, workers: int) -> tuple[pl.DataFrame, int, int]:
    """Stage costs of a run over ``size`` bytes; its documents; its peak memory in bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = generate(folder / "text", size)
        recipe = folder / "recipe.yaml"
        recipe.write_text(RECIPE.format(folder=folder / "text", budget=max(1000, size // 5)))
        run = folder / "run"
        command = [sys.executable, "-m", "pipelines.cli", "run", str(recipe), "--run", str(run)]
        process = subprocess.Popen([*command, "--workers", str(workers), "--quiet"], stdout=subprocess.DEVNULL)
        with Memory(process.pid) as memory:
            status = process.wait()
        if status:
            raise SystemExit(f"the run over {size:,} bytes failed")
        return stages(run), documents, memory.peak


def stages(run: Path) -> pl.DataFrame:
    """One row a stage: tasks, CPU seconds, bytes written, bytes of keys and texts exchanged."""
    rows = []
    for folder in sorted((run / "receipts").iterdir()):
        receipts = [json.loads(p.read_text()) for p in folder.glob("*.json")]
        outputs = [o for r in receipts for o in r["outputs"]]
        rows.append(
            {
                "stage": folder.name,
                "tasks": len(receipts),
                "cpu": sum(r["cpu_seconds"] for r in receipts),
                "written": sum(o["bytes"] for o in outputs),
                "keys": sum(o["bytes"] for o in outputs if o["path"].startswith("exchange/")),
            }
        )
    said = [json.loads(line) for line in (run / "run.log").read_text().splitlines()]
    gone = {r["stage"] for r in rows if not r["tasks"]}  # forgotten when they had served
    for stage in sorted(gone):
        done = [e for e in said if e["event"] == "task" and e["stage"] == stage]
        size = sum(e["bytes"] for e in done)
        cpu = sum(e["cpu_seconds"] for e in done)
        rows.append({"stage": stage, "tasks": len(done), "cpu": cpu, "written": size, "keys": size})
    return pl.DataFrame([r for r in rows if r["tasks"]])


def table(size: int, costs: pl.DataFrame, documents: int, peak: int) -> str:
    lines = [
        f"## {size / 1e6:,.0f} MB of text, {documents:,} documents: peak memory {peak / 1e9:.2f} GB",
        "",
        "| stage | tasks | CPU µs a document | CPU s a GB of text | bytes written a document | of keys |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_line(row, size, documents) for row in costs.sort("cpu", descending=True).iter_rows(named=True)]
    total = float(costs["cpu"].sum())
    lines.append(f"| all | | {total / documents * 1e6:,.1f} | {total / size * 1e9:,.1f} | | |")
    return "\n".join([*lines, ""])


def _line(row: dict[str, Any], size: int, documents: int) -> str:
    cells = [row["cpu"] / documents * 1e6, row["cpu"] / size * 1e9, row["written"] / documents, row["keys"] / documents]
    return " | ".join([f"| {row['stage']}", str(row["tasks"]), *(f"{c:,.1f}" for c in cells)]) + " |"


def main() -> None:
    """Measures each size and writes ``benchmarks/scaling.md``."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megabytes", type=int, nargs="+", default=[100, 400])
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()
    head = [
        "# cuvée as the input grows",
        "",
        "Made by `python -m benchmarks.scaling`; what it measures is said there.",
        f"{os.cpu_count()} cores, {given.workers} workers.",
        "",
    ]
    sections = ["\n".join(head)]
    for megabytes in given.megabytes:
        started = time.monotonic()
        costs, documents, peak = measure(megabytes * 1_000_000, given.workers)
        sections.append(table(megabytes * 1_000_000, costs, documents, peak))
        print(sections[-1], f"({time.monotonic() - started:.0f} s)\n", sep="\n", flush=True)
    Path(__file__).with_name("scaling.md").write_text("\n".join(sections))


if __name__ == "__main__":
    main()
