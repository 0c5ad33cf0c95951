"""Proxy runs: stacks of small models, one per mixture, trained together and measured in bits per byte.

Bits per byte (not per token) lets domains and tokenizers be compared. All runs share initialisation and data order, so
the difference between two metrics is the mixture's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from manifests import storage
from manifests.receipts import digest_of
from mixing.simplex import Floats
from mixing.tokens import Curriculum

Count = Annotated[int, Field(ge=1)]
Progress = Callable[[int, npt.NDArray[np.float32]], None]


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


def train_stack(
    config: ProxyConfig,
    weights: Floats,
    runs: Sequence[str],
    domains: Sequence[str],
    train: Mapping[str, Sequence[npt.NDArray[Any]]],
    heldout: Mapping[str, tuple[npt.NDArray[Any], int]],
    checkpoint: str,
    *,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Trains the runs of one stack; one row a run.

    ``weights[k, m]`` are the mixtures of ``runs`` over ``domains``; ``train`` maps a domain to its token arrays,
    ``heldout`` to tokens and the bytes of text they stand for. Columns: ``run``, ``bpb/DOMAIN`` (bits per byte of the
    domain's held-out text) for each held-out domain, ``loss`` (nats a token, over the last tenth of the training) and
    ``diverged``. A run whose loss stops being finite has null metrics. Values have six significant digits.

    Every ``checkpoint_every`` steps the state is saved to ``checkpoint``, and a later call goes on from there with the
    same result as one that was never stopped; the caller deletes it when it has stored the result. ``progress`` is
    told the step and the loss of each run.
    """
    _use_one_thread()
    from mixing import stack

    weights = np.asarray(weights, np.float64)
    if weights.shape != (len(runs), len(domains)) or len(set(runs)) != len(runs):
        raise ValueError(f"{len(runs)} distinct runs over {len(domains)} domains do not fit weights {weights.shape}")
    if not heldout:
        raise ValueError("no domain has held-out text to measure proxies on: raise select.heldout")
    sizes = {name: sum(len(a) for a in train.get(name, ())) for name in domains}
    curriculum = Curriculum(
        train,
        weights,
        domains,
        length=config.length,
        batch=config.batch,
        steps=config.steps,
        seed=config.seed,
        fraction=min(1.0, config.tokens / config.target_tokens) if config.target_tokens else None,
    )
    key = digest_of(stack.VERSION, config.model_dump(exclude={"checkpoint_every"}), weights.tolist(), [*runs], sizes)
    member = stack.Stack(config, len(runs))
    losses = np.zeros((config.steps, len(runs)), np.float32)
    first = member.restore(checkpoint, key, losses) if storage.is_file(checkpoint) else 0
    for step in range(first, config.steps):
        losses[step] = member.step(curriculum.read(step))
        if progress:
            progress(step, losses[step])
        if (step + 1) % config.checkpoint_every == 0 or step + 1 == config.steps:
            member.save(checkpoint, key, step + 1, losses)
    diverged = ~np.isfinite(losses).all(0)
    tail = losses[-max(1, config.steps // 10) :].mean(0, dtype=np.float64)
    metrics = {f"bpb/{d}": member.bits_per_byte(*heldout[d]) for d in sorted(heldout)} | {"loss": tail}
    columns = {name: _round(np.where(diverged, np.nan, values)) for name, values in metrics.items()}
    return pl.DataFrame({"run": [*runs], **columns, "diverged": diverged}).with_columns(pl.col(*columns).fill_nan(None))


def _use_one_thread() -> None:
    """One XLA thread a process: stacks run side by side as processes, and sums keep their order. No effect later."""
    os.environ.setdefault("NPROC", "1")


def _round(values: Floats) -> list[float]:
    return [float(f"{v:.6g}") for v in values]
