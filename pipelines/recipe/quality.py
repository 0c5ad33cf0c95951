"""Classifiers: quality, by examples of this run's own documents or by models trained before; topics and the like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from pipelines.recipe.base import Condition, Name, Section

#: one file or several
Files = Annotated[list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]


class Labels(Section):
    """Documents that serve as one class of a training set."""

    where: Condition
    documents: Annotated[int, Field(ge=10)] = 1000


class Quality(Section):
    """A classifier trained on two sets of this run's documents, or one that ``cuvee classifier train`` wrote.

    Where there are several, their ranks over the corpus are combined: the highest or the mean counts.
    """

    positive: Labels | None = None
    negative: Labels | None = None
    model: Files = []
    ensemble: Literal["max", "mean"] = "max"
    kind: Literal["linear", "fasttext", "embedding"] = "linear"
    backend: str = ""  #: of kind embedding: import path of a sentence-embedding backend
    epochs: Annotated[int, Field(ge=1)] = 5  #: of kind fasttext, as are dimensions
    dimensions: Annotated[int, Field(ge=2)] = 32

    @model_validator(mode="after")
    def _one_way(self) -> Quality:
        if (self.positive is None) != (self.negative is None):
            raise ValueError("`positive` and `negative` go together")
        if not self.model and not self.trained:
            raise ValueError("needs a `model`, or `positive` and `negative`")
        if (self.kind == "embedding") != bool(self.backend):
            raise ValueError("kind embedding needs a `backend` (package.module:name), and other kinds have none")
        return self

    @property
    def trained(self) -> bool:
        """Whether a model is trained on this run's documents."""
        return self.positive is not None

    @property
    def options(self) -> dict[str, Any]:
        """The options of the kind, as ``classifiers.quality.train`` takes them."""
        if self.kind == "fasttext":
            return {"epochs": self.epochs, "dimensions": self.dimensions}
        return {"backend": self.backend} if self.kind == "embedding" else {}


class Classifier(Section):
    """A model that ``cuvee classifier train`` wrote, of two labels or more: toxicity, topics, formats."""

    name: Name
    model: str
