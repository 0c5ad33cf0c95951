"""Rewriting kept documents with a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.recipe.base import Condition, Name, Section


class Generator(Section):
    kind: Literal["embedded", "endpoint"] = "embedded"
    url: str = ""
    model: str = ""
    key_env: str = ""  #: name of the environment variable that holds the API key
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.2
    max_tokens: Annotated[int, Field(ge=16, le=8192)] = 256

    @model_validator(mode="after")
    def _complete(self) -> Generator:
        if self.kind == "endpoint" and not (self.url and self.model):
            raise ValueError("kind endpoint needs `url` and `model`")
        return self


class Rephrase(Section):
    """Kept documents rewritten by a model; accepted outputs come back as documents of source ``source``."""

    source: Name = "synthetic"
    where: Condition
    documents: Annotated[int, Field(ge=1)] = 24
    style: str = "wikipedia"
    generator: Generator = Generator()
