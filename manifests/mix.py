"""The mix manifest: what to train on, how much of it, and why. A blend is this file; pools and shards follow from it.

It holds no path of a machine, no time and no host: equal inputs give equal bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from manifests import storage

VERSION = 2
_HEADER = "# A cuvée mix manifest. `cuvee shard` turns it into training shards.\n"

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Epochs = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Interval = tuple[float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MixBucket(_Part):
    """Pools of like quality within a domain. ``available`` and ``tokens`` as for the domain."""

    pools: list[str]
    available: Count
    tokens: Count
    epochs: Epochs


class MixDomain(_Part):
    """One domain's share of the blend, of all its stages. ``epochs`` is ``tokens / available``."""

    weight: Share
    tokens: Count
    available: Count
    epochs: Epochs
    pools: list[str] = []  #: strata
    natural: Share | None = None
    interval: Interval | None = None  #: of the weight: 95 % of resamples of the runs lie within
    buckets: list[MixBucket] = []  #: of rising quality, where some of the domain is repeated more than the rest


class MixMetric(_Part):
    """A metric as the surrogate predicts it for this blend and for the natural one, and how the surrogate did."""

    weight: float  #: in the objective; 0 when only reported
    predicted: float
    natural: float | None = None
    sd: Annotated[float, Field(ge=0)]
    family: str
    cv_rmse: float | None = None
    cv_spearman: float | None = None


class MixShare(_Part):
    """One domain's share of a stage."""

    weight: Share
    tokens: Count
    epochs: Epochs


class MixStage(_Part):
    """A stretch of the training with a blend of its own. Of shorter documents than ``min_document`` tokens none."""

    name: str
    budget: Annotated[int, Field(ge=1)]
    domains: Annotated[dict[str, MixShare], Field(min_length=1)]
    min_document: Count = 0
    sequence_length: Count = 0  #: for the trainer; 0: unsaid
    objective: dict[str, float | None] = {}


class MixPool(_Part):
    """A stratum as the manifest found it. ``digest`` is of the digests of its files."""

    tokens: Count
    digest: str


class MixPrice(_Part):
    """What a binding constraint costs: the objective falls by ``cost`` for each hundredth that it is loosened."""

    constraint: str
    cost: float


class MixObserved(_Part):
    """Where the blend lies among the proxy runs, and which blends to train proxies on before it is trusted."""

    outside: bool
    nearest: str
    distance: float  #: Hellinger's, from the nearest run
    usual: float  #: 95 % of the runs are nearer than this to another
    deviation: float  #: of the objective at the blend
    usual_deviation: float  #: 95 % of the runs have less
    confirm: list[dict[str, float]] = []


class MixBootstrap(_Part):
    """How much the blend depends on which runs were made. ``gain`` over the natural blend: 95 % of resamples."""

    draws: Count
    gain: Interval | None = None
    indistinguishable: bool | None = None  #: the gain may be none


class MixManifest(_Part):
    """A blend over token pools, with the evidence for it."""

    version: Annotated[int, Field(ge=1, le=VERSION)] = VERSION
    seed: int = 0
    tokenizer: str = ""  #: digest of tokenizer.json
    budget: Count  #: training tokens; 0 where only weights are known
    policy: str = "any"
    policy_digest: str = ""
    domains: Annotated[dict[str, MixDomain], Field(min_length=1)]
    stages: list[MixStage] = []  #: none: one stage of all domains
    metrics: dict[str, MixMetric] = {}
    aim: dict[str, Any] = {}  #: kind of objective, groups, risk, no_worse
    objective: dict[str, float | None] = {}  #: predicted, natural, and the certified distance to the optimum: gap
    constraints: dict[str, Any] = {}
    prices: list[MixPrice] = []
    observed: MixObserved | None = None
    bootstrap: MixBootstrap | None = None
    runs: Count = 0  #: proxy runs behind the prediction
    left_out: dict[str, str] = {}  #: runs that could not be used, and why
    surrogate: str = ""  #: digest of the fitted surrogate
    pools: dict[str, MixPool] = {}

    tombstones: str | None = None  #: digest of shards/tombstones.parquet: tokens that samplers pass over

    @model_validator(mode="after")
    def _consistent(self) -> MixManifest:
        total = sum(d.weight for d in self.domains.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the weights of domains sum to {total:.6g}, not 1")
        tokens = sum(d.tokens for d in self.domains.values())
        if tokens != self.budget:
            raise ValueError(f"the tokens of domains sum to {tokens:,}, not to the budget of {self.budget:,}")
        if twice := _repeated(s for d in self.domains.values() for s in d.pools):
            raise ValueError(f"pools in two domains: {', '.join(twice)}")
        for name, d in self.domains.items():
            if d.buckets and sum(b.tokens for b in d.buckets) != d.tokens:
                raise ValueError(f"the tokens of the buckets of {name} do not sum to its {d.tokens:,}")
        self._check_stages()
        return self

    def _check_stages(self) -> None:
        if not self.stages:
            return
        if twice := _repeated(s.name for s in self.stages):
            raise ValueError(f"stages of one name: {', '.join(twice)}")
        for stage in self.stages:
            if unknown := sorted({*stage.domains} - {*self.domains}):
                raise ValueError(f"stage {stage.name} names unknown domains: {', '.join(unknown)}")
            if (sum_ := sum(d.tokens for d in stage.domains.values())) != stage.budget:
                raise ValueError(f"the tokens of stage {stage.name} sum to {sum_:,}, not to its {stage.budget:,}")
        for name, domain in self.domains.items():
            sum_ = sum(s.domains[name].tokens for s in self.stages if name in s.domains)
            if sum_ != domain.tokens:
                raise ValueError(f"the stages give {name} {sum_:,} tokens, not its {domain.tokens:,}")

    def to_yaml(self) -> str:
        """Stable text: keys in the order of this class, domains and metrics in theirs."""
        data = _without_empty(self.model_dump(mode="json", exclude_none=True))
        return _HEADER + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)

    def write(self, uri: str) -> None:
        storage.write_bytes(uri, self.to_yaml().encode())

    @classmethod
    def read(cls, uri: str) -> MixManifest:
        """ValueError names the file, the key and what is wrong with it."""
        try:
            data = yaml.safe_load(storage.read_bytes(uri))
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{uri}: not valid YAML: {str(error).splitlines()[0]}") from None
        if not isinstance(data, dict):
            raise ValueError(f"{uri} is no mix manifest: give what `cuvee mix solve` wrote, or a run folder")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(s) for s in first["loc"]) or "manifest"
            raise ValueError(f"{uri}: {key}: {first['msg'].removeprefix('Value error, ')}") from None


def _repeated(names: Iterable[str]) -> list[str]:
    return sorted(n for n, times in Counter(names).items() if times > 1)


def _without_empty(data: dict[str, Any]) -> dict[str, Any]:
    """What is not said takes no line: empty texts, lists and mappings go, at any depth of mappings."""
    kept = {}
    for key, value in data.items():
        if isinstance(value, dict):
            value = _without_empty(value)
        elif isinstance(value, list):
            value = [_without_empty(v) if isinstance(v, dict) else v for v in value]
        if value not in ("", [], {}):
            kept[key] = value
    return kept
