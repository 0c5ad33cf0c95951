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
    #: sequences computed at once, whose gradients are added up; 0: all of the batch
    microbatch: Annotated[int, Field(ge=0)] = 0
    steps: Count = 300
    learning_rate: Annotated[float, Field(gt=0)] = 4e-3
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1  #: share of the steps
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    seed: int = 0
    #: training tokens of the run the mixture is for; proxies then repeat data as often as it will. 0: use all data
    target_tokens: Annotated[int, Field(ge=0)] = 0
    heldout_tokens: Count = 16_384  #: at most this many of each domain are measured
    checkpoint_every: Count = 100  #: steps
    #: map runs one member after the other, and its results do not depend on the others; vmap all at once
    stacking: Literal["map", "vmap"] = "map"

    @model_validator(mode="after")
    def _divisible(self) -> ProxyConfig:
        if self.width % (2 * self.heads):
            raise ValueError(f"width is {self.width}; it must be a multiple of twice the {self.heads} heads")
        if self.microbatch and self.batch % self.microbatch:
            raise ValueError(f"batch is {self.batch}; it must be a multiple of the microbatch, {self.microbatch}")
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


def _sized(layers: int, width: int, heads: int, length: int) -> dict[str, int | float]:
    """A preset whose training follows from its size.

    ``N`` ≈ 12 · layers · width² parameters beside the embedding (Kaplan et al. 2020, arXiv 2001.08361; who find that
    the ratio of width to depth hardly matters), with a gated feed-forward block of 8/3 the width (Shazeer 2020, arXiv
    2002.05202), are trained on 20 tokens each (Hoffmann et al. 2022, arXiv 2203.15556). Batch and learning rate are
    DeepSeek's fits over compute C = 6 N · tokens: 0.292 C^0.3271 tokens and 0.3118 C^−0.125 (Bi et al. 2024, arXiv
    2401.02954, measured from 10^17 operations on; the smaller presets extrapolate).
    """
    parameters = 12 * layers * width**2
    tokens = 20 * parameters
    compute = 6 * parameters * tokens
    piece = max(1, 16_384 // length)  # sequences at once: their logits must fit
    batch = round(0.292 * compute**0.3271 / length)
    batch = max(4, batch) if batch <= piece else piece * round(batch / piece)
    return {
        "layers": layers,
        "width": width,
        "heads": heads,
        "hidden": round(8 * width / 3 / 16) * 16,
        "length": length,
        "batch": batch,
        "microbatch": min(piece, batch),
        "steps": round(tokens / (batch * length)),
        "learning_rate": float(f"{0.3118 * compute**-0.125:.2g}"),
        "warmup": 0.05,
        "heldout_tokens": 1 << 20,
    }


#: By parameters beside the embedding. Rankings of 1B models need about 15m (Olmix, arXiv 2602.12237: rank correlation
#: above 0.89 from there on, 0.73 at 1m). ``tiny``, 0.1m on 0.3 million tokens, is for a demo on two cores.
PRESETS: dict[str, dict[str, int | float]] = {
    "tiny": {},
    "0.3m": _sized(2, 112, 4, 256),
    "1m": _sized(4, 144, 4, 512),
    "4m": _sized(6, 240, 6, 512),
    "15m": _sized(8, 400, 8, 1024),
    "30m": _sized(10, 512, 8, 1024),
    "60m": _sized(12, 640, 10, 2048),
    "100m": _sized(14, 768, 12, 2048),
}
