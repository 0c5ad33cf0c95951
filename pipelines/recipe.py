"""The recipe: one YAML file that describes a run, checked whole before any work.

Relative paths are relative to the recipe's folder; ``{run}`` in a path is the run folder. Conditions (``when``,
``where``) are SQL expressions over the annotation columns, e.g. ``words < 50 AND language <> 'eng'``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Share = Annotated[float, Field(ge=0, le=1)]


def _condition(text: str) -> str:
    import polars as pl

    try:
        pl.sql_expr(text)
    except Exception as error:
        raise ValueError(f"is not an SQL condition: {str(error).splitlines()[0]}") from None
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    import polars as pl

    try:
        pl.Series([""]).str.contains(text)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"is not supported by the regex engine: {str(error).splitlines()[-1]}") from None
    return text


def _import_path(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise ValueError("must be an import path of the form package.module:name")
    return text


Condition = Annotated[str, AfterValidator(_condition)]
Regex = Annotated[str, AfterValidator(_regex)]
#: how a source was come by, best first: of duplicates, the copy best come by is kept
Route = Literal["contract", "purchase", "api", "bulk-dump", "own-crawl", "third-party-crawl", "unknown"]
ImportPath = Annotated[str, AfterValidator(_import_path)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(Section):
    """Files the run makes for itself, once, in ``RUN/inputs/NAME``."""

    maker: ImportPath
    options: dict[str, Any] = {}


class Source(Section):
    """Files of one kind and one origin; each makes documents in ``documents/NAME``."""

    name: Name
    kind: Literal["warc", "pdf", "parquet", "jsonl", "text"]
    paths: Annotated[list[str], Field(min_length=1)]
    namespace: str = ""  #: identifies documents across runs; default: the name
    acquisition: Route = "unknown"
    licence: str = ""  #: SPDX expression declared for the whole source
    columns: dict[Literal["text", "id", "url", "title", "license"], str] = {}
    max_record_bytes: Annotated[int, Field(ge=1024)] = 10_000_000
    ocr: Literal["auto", "tesseract", "off"] = "auto"

    @property
    def space(self) -> str:
        return self.namespace or self.name


class Labels(Section):
    """Documents that serve as one class of a training set."""

    where: Condition
    documents: Annotated[int, Field(ge=10)] = 1000


class Quality(Section):
    """A fastText classifier trained on two sets of this run's documents, or one trained before."""

    positive: Labels | None = None
    negative: Labels | None = None
    model: str = ""
    epochs: Annotated[int, Field(ge=1)] = 5
    dimensions: Annotated[int, Field(ge=2)] = 32

    @model_validator(mode="after")
    def _one_way(self) -> Quality:
        trained = self.positive is not None and self.negative is not None
        if bool(self.model) == trained:
            raise ValueError("needs either `model`, or both `positive` and `negative`")
        return self


class Annotate(Section):
    quality: Quality | None = None


class Dedup(Section):
    """Exact by normalised content, fuzzy by MinHash bands verified by Jaccard similarity with the survivor."""

    exact: bool = True
    fuzzy: bool = True
    bands: Annotated[int, Field(ge=1, le=256)] = 25
    rows: Annotated[int, Field(ge=1, le=64)] = 5
    shingle: Annotated[int, Field(ge=1, le=50)] = 5
    unit: Literal["word", "char"] = "char"
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    partitions: Annotated[int, Field(ge=1, le=4096)] = 8


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
    rules: list[Rule] = []
    domains: list[DomainRule] = []
    heldout: Annotated[float, Field(ge=0, lt=1)] = 0.02  #: share of duplicate clusters kept for evaluation


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


class TokenizerTraining(Section):
    vocabulary: Annotated[int, Field(ge=260, le=65_536)] = 4096
    sample_bytes: Annotated[int, Field(ge=1000)] = 8_000_000


class Tokenizer(Section):
    """A byte-level BPE trained on kept text, or a Hugging Face ``tokenizer.json``."""

    path: str = ""
    train: TokenizerTraining | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Tokenizer:
        if bool(self.path) == (self.train is not None):
            raise ValueError("needs exactly one of `path` and `train`")
        return self


class Swarm(Section):
    runs: Annotated[int, Field(ge=2)] = 16
    stack: Annotated[int, Field(ge=1)] = 4  #: proxies trained together in one task
    strength: Annotated[float, Field(gt=0)] = 1.0


class Solve(Section):
    family: Literal["auto", "ridge", "log_linear", "power_law_concave"] = "auto"
    metrics: dict[str, float] = {}  #: weight of each metric; default: all, equally
    max_epochs: Annotated[float, Field(gt=0)] = 4.0
    bounds: dict[str, tuple[Share, Share]] = {}
    max_divergence: Annotated[float, Field(gt=0)] | None = None  #: KL from the natural proportions, nats

    @field_validator("bounds")
    @classmethod
    def _ordered(cls, bounds: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        if wrong := [f"{name} [{low:g}, {high:g}]" for name, (low, high) in bounds.items() if low > high]:
            raise ValueError(f"the lower bound is above the upper one: {', '.join(wrong)}")
        return bounds


class Mix(Section):
    budget: Annotated[int, Field(ge=1000)]  #: training tokens to emit
    policy: str = "any"
    swarm: Swarm = Swarm()
    proxy: dict[str, int | float | str] = {}
    solve: Solve = Solve()


class Shards(Section):
    formats: Annotated[list[Literal["olmo", "megatron"]], Field(min_length=1)] = ["olmo"]
    tokens: Annotated[int, Field(ge=1000)] = 10_000_000  #: at most, per shard


class Tolerance(Section):
    failed_splits: Annotated[int, Field(ge=0)] = 0


class Recipe(Section):
    name: Name
    run: str = ""
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    inputs: dict[Name, Input] = {}
    sources: Annotated[list[Source], Field(min_length=1)]
    annotate: Annotate = Annotate()
    dedup: Dedup = Dedup()
    select: Select = Select()
    rephrase: Rephrase | None = None
    tokenizer: Tokenizer | None = None
    mix: Mix | None = None
    shards: Shards | None = None
    tolerance: Tolerance = Tolerance()

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
        if self.mix and not self.tokenizer:
            raise ValueError("mix needs a tokenizer section")
        if self.shards and not self.mix:
            raise ValueError("shards needs a mix section")
        return self
