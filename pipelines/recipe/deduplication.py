"""Which documents count as duplicates, and which of them is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dedup.params import SPECIFIC, THRESHOLD, MinHashParams
from pipelines.recipe.base import ImportPath, Section, Share

Preference = Literal["route", "quality", "longest", "earliest", "source"]


class Passages(Section):
    """Passages that other documents, or the same, have before: taken out of the view that is tokenized, or marked."""

    least: Annotated[int, Field(ge=32)]  #: bytes
    action: Literal["remove", "flag"] = "remove"


class Semantic(Section):
    """The same said in other words, as far as an embedding backend tells: an object with ``encode(texts)``."""

    backend: ImportPath
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.95  #: cosine
    characters: Annotated[int, Field(ge=1)] = 2000  #: of a text that the backend reads


class Dedup(Section):
    """Exact by normalised content, by address, fuzzy by MinHash bands verified with the survivor itself."""

    exact: bool = True
    url: bool = False
    fuzzy: bool = True
    bands: Annotated[int, Field(ge=1, le=256)] = MinHashParams.bands
    rows: Annotated[int, Field(ge=1, le=64)] = MinHashParams.rows
    shingle: Annotated[int, Field(ge=1, le=50)] = MinHashParams.ngram
    unit: Literal["word", "char"] = MinHashParams.unit
    threshold: Annotated[float, Field(gt=0, le=1)] = THRESHOLD
    specific: Share = SPECIFIC
    lines: Passages | None = None
    paragraphs: Passages | None = None
    substring: Passages | None = None
    semantic: Semantic | None = None
    survivor: list[Preference] = ["route", "quality", "longest"]
    max_fuzzy_share: Annotated[float, Field(gt=0, le=1)] = 0.6
    index: str = ""  #: an earlier run's folder
    partitions: Annotated[int, Field(ge=1, le=4096)] | None = None  #: of the keys; as many as memory asks for

    @model_validator(mode="after")
    def _distinct(self) -> Dedup:
        if twice := sorted({n for n in self.survivor if self.survivor.count(n) > 1}):
            raise ValueError(f"survivor names {', '.join(twice)} twice")
        return self
