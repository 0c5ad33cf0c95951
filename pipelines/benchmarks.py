"""Benchmarks as one table of items: the files a recipe names, whatever they call their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from manifests import schemas
from pipelines.errors import RecipeError
from pipelines.recipe import Benchmark
from pipelines.tables import batches

_NAMES = ("item", "id", "task_id")


def read(benchmarks: Sequence[Benchmark]) -> pa.Table:
    """``schemas.ITEMS``; an item is named BENCHMARK/ITEM, or by its number in the benchmark's files."""
    names: list[str] = []
    questions: list[str] = []
    answers: list[str] = []
    for benchmark in benchmarks:
        before = len(names)
        for item, question, answer in _items(benchmark):
            names.append(f"{benchmark.name}/{item if item else len(names) - before}")
            questions.append(question)
            answers.append(answer)
        if len(names) == before:
            raise RecipeError(f"benchmark {benchmark.name}: {', '.join(benchmark.paths)} hold no item")
    table = pa.table({"item": names, "question": questions, "answer": answers})
    return table.cast(schemas.ITEMS)


def _items(benchmark: Benchmark) -> Iterator[tuple[str, str, str]]:
    columns = benchmark.columns
    question = columns.get("question", "question")
    answer, choices = columns.get("answer", "answer"), columns.get("choices", "choices")
    names = [columns["item"]] if "item" in columns else list(_NAMES)
    required = [question, *(c for c in columns.values() if c != question)]
    for path in benchmark.paths:
        for batch in batches(path, required, optional=[*names, answer, choices]):
            empty: list[Any] = [None] * len(batch[question])
            name = next((batch[n] for n in names if n in batch), empty)
            rows = zip(name, batch[question], batch.get(answer, empty), batch.get(choices, empty), strict=True)
            for said, asked, right, offered in rows:
                yield _text(said), _text(asked), _text(_answer(right, offered))


def _answer(right: Any, offered: Any) -> Any:
    """The text of the right choice, where the answer is its number from 0 or its letter."""
    if isinstance(offered, dict):  # as ARC has it: {"text": […], "label": […]}
        labels, offered = offered.get("label"), offered.get("text")
        if isinstance(labels, list) and right in labels:
            right = labels.index(right)
    if not isinstance(offered, list) or isinstance(right, bool):
        return right
    if isinstance(right, str) and len(right) == 1:
        right = int(right) if right.isdecimal() else ord(right.upper()) - ord("A")
    return offered[right] if isinstance(right, int) and 0 <= right < len(offered) else right


def _text(value: Any) -> str:
    """A value as text, without lone surrogates, which JSON can spell; the parts of a list a line each."""
    if value is None:
        return ""
    text = "\n".join(map(_text, value)) if isinstance(value, list) else str(value)
    return text.encode("utf-8", "replace").decode()
