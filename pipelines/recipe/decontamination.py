"""Benchmarks that must not be trained on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipelines.recipe.base import ImportPath, Name, Section


class Benchmark(Section):
    """Files of test items, JSONL (.gz, .zst) or Parquet; ``columns`` names those called otherwise."""

    name: Name
    paths: Annotated[list[str], Field(min_length=1)]
    columns: dict[Literal["item", "question", "answer", "choices"], str] = {}


class Embedding(Section):
    """A sentence-embedding backend for items in other words: a function that returns one, with ``encode(texts)``."""

    backend: ImportPath
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8  #: cosine


class Decontaminate(Section):
    """Items found in documents: the document goes, the span goes, or a column says so."""

    benchmarks: Annotated[list[Benchmark], Field(min_length=1)]
    action: Literal["drop", "remove", "flag"] = "drop"
    threshold: Annotated[float, Field(gt=0)] = 36.0  #: bits of evidence; see docs/decontamination.md
    embedding: Embedding | None = None

    @field_validator("benchmarks")
    @classmethod
    def _distinct(cls, benchmarks: list[Benchmark]) -> list[Benchmark]:
        names = [b.name for b in benchmarks]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"names must differ; twice: {', '.join(twice)}")
        return benchmarks
