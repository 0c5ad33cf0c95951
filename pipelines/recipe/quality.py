"""Classifiers: quality, by examples of this run's own documents or by a model trained before."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipelines.recipe.base import Condition, Section


class Labels(Section):
    """Documents that serve as one class of a training set."""

    where: Condition
    documents: Annotated[int, Field(ge=10)] = 1000


class Quality(Section):
    """A classifier trained on two sets of this run's documents, or one that ``cuvee classifier train`` wrote."""

    positive: Labels | None = None
    negative: Labels | None = None
    model: str = ""
    kind: Literal["linear", "fasttext", "embedding"] = "linear"
    backend: str = ""  #: of kind embedding: import path of a sentence-embedding backend
    epochs: Annotated[int, Field(ge=1)] = 5  #: of kind fasttext, as are dimensions
    dimensions: Annotated[int, Field(ge=2)] = 32
    buckets: Annotated[int, Field(ge=2, le=1000)] = 20  #: of equally many documents, as `quality_bucket`

    @model_validator(mode="after")
    def _one_way(self) -> Quality:
        trained = self.positive is not None and self.negative is not None
        if bool(self.model) == trained:
            raise ValueError("needs either `model`, or both `positive` and `negative`")
        if (self.kind == "embedding") != bool(self.backend):
            raise ValueError("kind embedding needs a `backend` (package.module:name), and other kinds have none")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The options of the kind, as ``classifiers.quality.train`` takes them."""
        if self.kind == "fasttext":
            return {"epochs": self.epochs, "dimensions": self.dimensions}
        return {"backend": self.backend} if self.kind == "embedding" else {}
