"""The recipe: one YAML file that describes a run, checked whole before any work.

Relative paths are relative to the recipe's folder; ``{run}`` in a path is the run folder. Conditions (``when``,
``where``) are SQL expressions over the annotation columns, e.g. ``words < 50 AND language <> 'eng'``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from manifests.acquisition import Route
from pipelines.recipe.annotation import Block, LanguageModel, Pii, RuleSet, Urls
from pipelines.recipe.base import Name, Section
from pipelines.recipe.curation import Annotate, DomainRule, Rule, Select
from pipelines.recipe.decontamination import Benchmark, Decontaminate
from pipelines.recipe.deduplication import Dedup, Passages, Semantic
from pipelines.recipe.licensing import Licences
from pipelines.recipe.mixing import Mix, Shards, Swarm, Tokenizer, TokenizerTraining
from pipelines.recipe.quality import Classifier, Labels, Quality
from pipelines.recipe.rephrasing import Generator, Rephrase
from pipelines.recipe.solving import Solve
from pipelines.recipe.sources import Input, Source, Terms

__all__ = [
    "Annotate",
    "Benchmark",
    "Block",
    "Classifier",
    "Decontaminate",
    "Dedup",
    "DomainRule",
    "Generator",
    "Input",
    "Labels",
    "LanguageModel",
    "Licences",
    "Mix",
    "Passages",
    "Pii",
    "Quality",
    "Recipe",
    "Rephrase",
    "Route",
    "Rule",
    "RuleSet",
    "Section",
    "Select",
    "Semantic",
    "Shards",
    "Solve",
    "Source",
    "Swarm",
    "Terms",
    "Tokenizer",
    "TokenizerTraining",
    "Tolerance",
    "Urls",
]


class Tolerance(Section):
    failed_splits: Annotated[int, Field(ge=0)] = 0


class Recipe(Section):
    name: Name
    run: str = ""
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    inputs: dict[Name, Input] = {}
    sources: Annotated[list[Source], Field(min_length=1)]
    annotate: Annotate = Annotate()
    decontaminate: Decontaminate | None = None
    dedup: Dedup = Dedup()
    select: Select = Select()
    rephrase: Rephrase | None = None
    tokenizer: Tokenizer | None = None
    mix: Mix | None = None
    shards: Shards | None = None
    licences: Licences = Licences()
    deny: list[str] = []  #: deny lists of other runs, whose documents never come in
    tolerance: Tolerance = Tolerance()

    @property
    def made(self) -> tuple[str, ...]:
        """Names of the annotations that are made because the recipe asks for them."""
        annotate = self.annotate
        asked = {
            "quality": annotate.quality,
            "quality_rank": annotate.quality,
            "contamination": self.decontaminate,
            "paragraphs": annotate.language.paragraphs or None,
            "pii": annotate.pii,
            "urls": annotate.urls,
            **{f"block_{block.name}": block for block in annotate.blocks},
            **{f"classifier_{one.name}": one for one in annotate.classifiers},
        }
        return tuple(name for name, section in asked.items() if section is not None)

    @field_validator("sources")
    @classmethod
    def _distinct(cls, sources: list[Source]) -> list[Source]:
        names = [s.name for s in sources]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"names must differ; twice: {', '.join(twice)}")
        return sources

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        names = [s.name for s in self.sources]
        for rule in self.select.rules:
            if unknown := sorted(set(rule.sources) - {*names, self.rephrase.source if self.rephrase else ""}):
                raise ValueError(f"rule {rule.reason!r} names unknown sources {unknown}; known: {names}")
        if self.rephrase and self.rephrase.source in names:
            raise ValueError(f"rephrase.source {self.rephrase.source!r} is taken by a source")
        if self.select.quality_buckets and not self.annotate.quality:
            raise ValueError("select.quality_buckets needs annotate.quality")
        if self.mix and not self.tokenizer:
            raise ValueError("mix needs a tokenizer section")
        if self.shards and not self.mix:
            raise ValueError("shards needs a mix section")
        return self
