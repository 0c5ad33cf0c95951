"""The mix manifest: what to train on, how much of it, and why. A blend is this file; pools and shards follow from it.

It holds no path of a machine, no time and no host: equal inputs give equal bytes.
"""

from __future__ import annotations

from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from manifests import storage

VERSION = 1
_HEADER = "# A cuvée mix manifest. `cuvee shard` turns it into training shards.\n"

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MixDomain(_Part):
    """One domain's share of the blend. ``epochs`` is ``tokens / available``."""

    weight: Share
    tokens: Count
    available: Count
    epochs: Annotated[float, Field(ge=0)]
    pools: list[str]  #: strata


class MixMetric(_Part):
    """A metric as the surrogate predicts it for this blend and for the natural one, and how the surrogate did."""

    weight: float  #: in the objective; 0 when only reported
    predicted: float
    natural: float | None = None
    sd: Annotated[float, Field(ge=0)]
    family: str
    cv_rmse: float | None = None
    cv_spearman: float | None = None


class MixManifest(_Part):
    """A blend over token pools, with the evidence for it."""

    version: Annotated[int, Field(ge=1, le=VERSION)] = VERSION
    seed: int
    tokenizer: str  #: digest of tokenizer.json
    budget: Annotated[int, Field(ge=1)]  #: training tokens
    policy: str = "any"
    domains: Annotated[dict[str, MixDomain], Field(min_length=1)]
    metrics: dict[str, MixMetric] = {}
    objective: dict[str, float | None] = {}  #: predicted, natural, and the certified distance to the optimum: gap
    constraints: dict[str, Any] = {}
    runs: Count = 0  #: proxy runs behind the prediction

    @model_validator(mode="after")
    def _consistent(self) -> MixManifest:
        total = sum(d.weight for d in self.domains.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the weights of domains sum to {total:.6g}, not 1")
        tokens = sum(d.tokens for d in self.domains.values())
        if tokens != self.budget:
            raise ValueError(f"the tokens of domains sum to {tokens:,}, not to the budget of {self.budget:,}")
        strata = [s for d in self.domains.values() for s in d.pools]
        if twice := sorted({s for s in strata if strata.count(s) > 1}):
            raise ValueError(f"pools in two domains: {', '.join(twice)}")
        return self

    def to_yaml(self) -> str:
        """Stable text: keys in the order of this class, domains and metrics in theirs."""
        data = self.model_dump(mode="json", exclude_none=True)
        return _HEADER + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)

    def write(self, uri: str) -> None:
        storage.write_bytes(uri, self.to_yaml().encode())

    @classmethod
    def read(cls, uri: str) -> MixManifest:
        """ValueError names the file, the key and what is wrong with it."""
        try:
            return cls.model_validate(yaml.safe_load(storage.read_bytes(uri)))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{uri}: not valid YAML: {str(error).splitlines()[0]}") from None
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(s) for s in first["loc"]) or "manifest"
            raise ValueError(f"{uri}: {key}: {first['msg'].removeprefix('Value error, ')}") from None
