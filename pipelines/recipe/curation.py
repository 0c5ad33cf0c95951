"""Annotation and selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pipelines.recipe.annotation import Block, LanguageModel, Pii, RuleSet, Urls
from pipelines.recipe.base import Condition, Name, Regex, Section
from pipelines.recipe.quality import Classifier, Quality


class Annotate(Section):
    quality: Quality | None = None
    classifiers: list[Classifier] = []
    words: Literal["gopher", "datatrove"] = "gopher"  #: what the rules' statistics take for a word
    language: LanguageModel = LanguageModel()
    pii: Pii | None = None
    urls: Urls | None = None
    blocks: list[Block] = []

    @field_validator("blocks", "classifiers")
    @classmethod
    def _distinct(cls, named: list[Block] | list[Classifier]) -> list[Block] | list[Classifier]:
        names = [one.name for one in named]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"names must differ; twice: {', '.join(twice)}")
        return named

    @field_validator("classifiers")
    @classmethod
    def _new_columns(cls, named: list[Classifier]) -> list[Classifier]:
        from manifests import schemas
        from pipelines import conditions

        known = conditions.empty(conditions.OPTIONAL).columns
        for one in named:
            if taken := sorted({*schemas.classifier(one.name).names} & {*known}):
                raise ValueError(f"name {one.name!r} would make a second column {taken[0]}; choose another")
        return named

    def with_models(self, place: Callable[[str], str]) -> Annotate:
        """The same with every model file where ``place`` says it is."""
        quality, language = self.quality, self.language
        if quality:
            quality = quality.model_copy(update={"model": [place(model) for model in quality.model]})
        if language.model:
            language = language.model_copy(update={"model": place(language.model)})
        others = [c.model_copy(update={"model": place(c.model)}) for c in self.classifiers]
        return self.model_copy(update={"quality": quality, "language": language, "classifiers": others})


class Rule(Section):
    """Drops documents, with a reason. Rules apply in order; the first that matches gives the reason."""

    reason: Name
    when: Condition | None = None
    url_matches: Regex | None = None
    sources: list[str] = []

    @model_validator(mode="after")
    def _one_test(self) -> Rule:
        if (self.when is None) == (self.url_matches is None):
            raise ValueError("needs exactly one of `when` and `url_matches`")
        return self


class DomainRule(Section):
    """Puts documents in a domain. The first rule that matches decides; else the domain is the source's name."""

    domain: Name
    when: Condition


class Select(Section):
    """The recipe's own rules come first, then the rule sets, in their order."""

    rules: list[Rule] = []
    rule_sets: list[RuleSet] = []
    domains: list[DomainRule] = []
    heldout: Annotated[float, Field(ge=0, lt=1)] = 0.02  #: share of duplicate clusters kept for evaluation
    #: buckets of equally many documents that each domain is split into by quality score; 0: none
    quality_buckets: Annotated[int, Field(ge=0, le=20)] = 0
