"""What the proxies of a swarm have in common: sizes, steps and learning rate, with presets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Count = Annotated[int, Field(ge=1)]


class ProxyConfig(BaseModel):
    """What every run of a swarm has in common. Sizes are in tokens, sequences and steps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vocabulary: Count
    layers: Count = 2
    width: Count = 64
    heads: Count = 4
    hidden: Count = 192
    length: Count = 128  #: tokens of a sequence
    batch: Count = 8  #: sequences of a step
    steps: Count = 300
    learning_rate: Annotated[float, Field(gt=0)] = 4e-3
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1  #: share of the steps
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    seed: int = 0
    #: training tokens of the run the mixture is for; proxies then repeat data as often as it will. 0: use all data
    target_tokens: Annotated[int, Field(ge=0)] = 0
    heldout_tokens: Count = 16_384  #: at most this many of each domain are measured
    checkpoint_every: Count = 100  #: steps
    stacking: Literal["auto", "map", "vmap"] = "auto"  #: map runs one member after the other, vmap all at once

    @model_validator(mode="after")
    def _divisible(self) -> ProxyConfig:
        if self.width % (2 * self.heads):
            raise ValueError(f"width is {self.width}; it must be a multiple of twice the {self.heads} heads")
        return self

    @property
    def tokens(self) -> int:
        """Training tokens of one run."""
        return self.steps * self.batch * self.length

    @classmethod
    def of(cls, options: Mapping[str, Any], *, vocabulary: int, **defaults: Any) -> ProxyConfig:
        """A preset (``preset: tiny`` by default) with some values changed. ValueError names what is wrong."""
        options = dict(options)
        preset = options.pop("preset", "tiny")
        if preset not in PRESETS:
            raise ValueError(f"unknown proxy preset {preset!r}; there are {', '.join(PRESETS)}")
        try:
            return cls(**{"vocabulary": vocabulary, **defaults, **PRESETS[preset], **options})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(s) for s in first["loc"])
            allowed = f"; allowed: preset, {', '.join(cls.model_fields)}" if first["type"] == "extra_forbidden" else ""
            raise ValueError(
                f"proxy option {key or 'width'}: {first['msg'].removeprefix('Value error, ')}{allowed}"
            ) from None


#: tiny: a demo on two cores. 15m and 30m: the sizes whose rankings agree with 1B models (Olmix, arXiv 2602.12237)
PRESETS: dict[str, dict[str, int | float]] = {
    "tiny": {},
    "small": {"layers": 4, "width": 128, "heads": 4, "hidden": 384, "batch": 16, "steps": 1000, "learning_rate": 2e-3},
    "15m": {"layers": 4, "width": 256, "heads": 8, "hidden": 768, "length": 1024, "batch": 64, "steps": 5000,
            "learning_rate": 2e-3, "heldout_tokens": 1 << 20},
    "30m": {"layers": 6, "width": 512, "heads": 8, "hidden": 1536, "length": 2048, "batch": 128, "steps": 11_500,
            "learning_rate": 1e-3, "heldout_tokens": 1 << 20},
}  # fmt: skip
