"""What is measured of documents beyond the quality model: words, redaction, addresses, blocks of other libraries."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipelines.recipe.base import ImportPath, Name, Section, Share

PiiKind = Literal["email", "ip", "phone", "iban", "card", "secret"]


class Pii(Section):
    """Personal data and secrets: counted as columns, and redacted unless ``action`` is ``flag``."""

    kinds: Annotated[list[PiiKind], Field(min_length=1)] = ["email", "ip", "phone", "iban", "card", "secret"]
    action: Literal["redact", "replace", "flag"] = "redact"  #: a name of the kind, or a consistent stand-in


class Urls(Section):
    """Lists against a document's address. Files hold one entry a line; ``#`` begins a comment."""

    domains: list[str] = []  #: files of registered domains and hosts
    addresses: list[str] = []  #: files of whole addresses
    words: list[str] = []  #: files of words of which one is enough
    soft_words: list[str] = []  #: files of words of which ``soft_limit`` are
    parts: list[str] = []  #: files of what may not occur anywhere in an address, marks left out
    soft_limit: Annotated[int, Field(ge=1)] = 2

    def files(self) -> dict[str, list[str]]:
        """The files of each kind of list."""
        names = ("domains", "addresses", "words", "soft_words", "parts")
        return {name: getattr(self, name) for name in names}

    @model_validator(mode="after")
    def _some(self) -> Urls:
        if not any(self.files().values()):
            raise ValueError("needs at least one of domains, addresses, words, soft_words, parts")
        return self


class Block(Section):
    """A filter or formatter of datatrove, by import path; its verdict and reason become columns ``NAME_…``."""

    name: Name
    block: ImportPath
    options: dict[str, Any] = {}


class LanguageModel(Section):
    """How the language is found. Without ``model``, by the one that comes with us."""

    model: str = ""  #: a fastText model file, such as lid.176, GlotLID or OpenLID
    thresholds: dict[str, Share] = {}  #: least score by language, ``default`` for the others; below it is ``und``
    paragraphs: bool = False  #: also by paragraph


class RuleSet(Section):
    """A published rule set; ``limits`` replaces some of its values by reason, null takes one out."""

    name: str
    limits: dict[str, float | None] = {}
    sources: list[str] = []

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _known(self) -> RuleSet:
        from classifiers import rule_sets

        rule_sets.limits(self.name, self.limits)
        return self
