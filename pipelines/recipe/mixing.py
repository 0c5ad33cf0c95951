"""Tokenizer, swarm, solver and shards."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.recipe.base import Name, Section
from pipelines.recipe.solving import Bounds, DomainGroup, Solve


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


class Results(Section):
    """Runs of one's own trainer, in place of the proxies: tables in CSV, Parquet or JSON lines, joined by run."""

    metrics: str
    weights: str = ""  #: mixtures of these runs; default: the swarm that was designed, ``mix/swarm.parquet``
    run: str = ""  #: column that names the run; found by itself when empty
    columns: dict[str, str] = {}  #: our name of a metric: theirs; default: all numbers, by their own names


class Stage(Section):
    """A stretch of the training with its own blend; ``bounds``, ``groups`` and ``excluded`` add to those of all."""

    name: Name
    budget: Annotated[int, Field(ge=1000)]
    min_document: Annotated[int, Field(ge=0)] = 0  #: tokens; of shorter documents none
    sequence_length: Annotated[int, Field(ge=0)] = 0  #: told to the trainer
    bounds: Bounds = {}
    groups: dict[str, DomainGroup] = {}
    excluded: list[str] = []


class Upsampling(Section):
    """How far the quality buckets of a domain may be repeated, where ``select.quality_buckets`` makes some."""

    max_epochs: Annotated[float, Field(ge=1)] = 7.0  #: of the best bucket
    strength: Annotated[float, Field(ge=0, le=4)] = 0.25  #: how much more a token of a better bucket is worth
    decay: Annotated[float, Field(gt=0)] = 15.4  #: R* of repeated tokens' worth


class Mix(Section):
    budget: Annotated[int, Field(ge=1000)]  #: training tokens to emit
    policy: str = "any"
    as_of: date | None = None  #: the day the policy is asked about; default: its own
    swarm: Swarm = Swarm()
    proxy: dict[str, int | float | str] = {}
    tasks: dict[Name, str] = {}  #: JSONL or Parquet with `prompt` and `answer`, measured in bits per byte of the answer
    results: Results | None = None
    solve: Solve = Solve()
    upsampling: Upsampling = Upsampling()
    stages: list[Stage] = []  #: none: one, of the whole budget

    @model_validator(mode="after")
    def _stages_fill_the_budget(self) -> Mix:
        if self.stages and (total := sum(s.budget for s in self.stages)) != self.budget:
            raise ValueError(f"the budgets of the stages sum to {total:,}, not to the budget of {self.budget:,}")
        if len({s.name for s in self.stages}) < len(self.stages):
            raise ValueError("stages need names that differ")
        return self

    @model_validator(mode="after")
    def _one_source_of_metrics(self) -> Mix:
        if self.results and (self.proxy or self.tasks):
            raise ValueError("results replace the proxies: drop `proxy` and `tasks`, or `results`")
        return self


class Shards(Section):
    formats: Annotated[list[Literal["olmo", "megatron", "mds", "datatrove"]], Field(min_length=1)] = ["olmo"]
    tokens: Annotated[int, Field(ge=1000)] = 10_000_000  #: at most, per shard
