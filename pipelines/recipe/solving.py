"""What the solver is asked for: the recipe's ``mix.solve``, and the file of ``cuvee mix solve --constraints``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipelines.recipe.base import Section, Share

Positive = Annotated[float, Field(gt=0)]


def _rising(bounds: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    if wrong := [f"{name} [{low:g}, {high:g}]" for name, (low, high) in bounds.items() if low > high]:
        raise ValueError(f"the lower bound is above the upper one: {', '.join(wrong)}")
    return bounds


Bounds = Annotated[dict[str, tuple[Share, Share]], AfterValidator(_rising)]  #: least and most of a domain


class DomainGroup(Section):
    """A share of the blend with limits: of whole domains, or of the tokens of some licence classes or origins."""

    domains: list[str] = []
    licences: list[str] = []  #: licence classes, as in the names of pools
    origins: list[str] = []  #: human, synthetic
    at_least: Share = 0.0
    at_most: Share = 1.0

    @model_validator(mode="after")
    def _sensible(self) -> DomainGroup:
        if sum(map(bool, (self.domains, self.licences, self.origins))) != 1:
            raise ValueError("needs exactly one of `domains`, `licences` and `origins`")
        if self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least:g} is above at_most {self.at_most:g}")
        return self


class Solve(Section):
    """Objective and constraints."""

    family: Literal["auto", "linear", "ridge", "log_linear", "power_law_concave", "gp", "lightgbm"] = "auto"
    objective: Literal["mean", "worst"] = "mean"
    metrics: dict[str, float] = {}  #: weight of each metric, negative where more is better; default: all, equally
    metric_groups: dict[str, list[str]] = {}  #: of `worst`; default: every metric is one
    risk: Annotated[float, Field(ge=0, le=2.5)] = 0.0  #: deviations of the prediction added to the objective
    no_worse: Annotated[float, Field(ge=0)] | None = None  #: than natural by more than this, for any metric
    max_epochs: Positive | dict[str, Positive] = 4.0
    decay: Positive | None = None  #: R* of repetition; null: the runs repeated their data as the target will
    bounds: Bounds = {}
    groups: dict[str, DomainGroup] = {}
    excluded: list[str] = []
    frozen: list[dict[str, Annotated[float, Field(ge=0)]]] = []  #: domains that keep these proportions
    max_divergence: Positive | None = None  #: KL from the natural proportions, nats
    bootstrap: Annotated[int, Field(ge=0)] = 100  #: resamples of the runs; 0: none


class SolveFile(Solve):
    """The same, and what a run would know of itself."""

    budget: Annotated[int, Field(ge=0)] = 0
    available: dict[str, Annotated[int, Field(ge=0)]] = {}  #: tokens
    natural: dict[str, Annotated[float, Field(ge=0)]] | Literal["runs"] = {}  #: `runs`: the mean of the runs
    ladders: list[list[str]] = []  #: buckets of rising quality, whose epochs must not fall
