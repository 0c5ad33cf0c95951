"""Proxy runs: stacks of small models, one per mixture, trained together and measured in bits per byte.

Bits per byte (not per token) lets domains and tokenizers be compared. All runs share initialisation and data order, so
the difference between two metrics is the mixture's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from manifests import storage
from manifests.receipts import digest_of
from mixing.proxy_config import ProxyConfig
from mixing.simplex import Floats
from mixing.tasks import Task
from mixing.tokens import Curriculum

Progress = Callable[[int, npt.NDArray[np.float32]], None]


def prepare() -> None:
    """Imports what training needs. It takes seconds: for a process with time on its hands."""
    _settle()
    from mixing import stack  # noqa: F401


def train_stack(
    config: ProxyConfig,
    weights: Floats,
    runs: Sequence[str],
    domains: Sequence[str],
    train: Mapping[str, Sequence[npt.NDArray[Any]]],
    heldout: Mapping[str, tuple[npt.NDArray[Any], int]],
    checkpoint: str,
    *,
    tasks: Mapping[str, Task] | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Trains the runs of one stack; one row a run.

    ``weights[k, m]`` are the mixtures of ``runs`` over ``domains``; ``train`` maps a domain to its token arrays,
    ``heldout`` to tokens and the bytes of text they stand for. Columns: ``run``, ``bpb/DOMAIN`` (bits per byte of the
    domain's held-out text) for each held-out domain, ``task/NAME`` (bits per byte of the answers, all items together),
    ``loss`` (nats a token, over the last tenth of the training) and ``diverged``. A run whose loss stops being
    finite has null metrics. Values have six significant digits.

    Every ``checkpoint_every`` steps the state is saved to ``checkpoint``, and a later call goes on from there with the
    same result as one that was never stopped; the caller deletes it when it has stored the result. ``progress`` is
    told the step and the loss of each run.
    """
    _settle()
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
    metrics = {f"bpb/{d}": member.bits_per_byte(*heldout[d]) for d in sorted(heldout)}
    metrics |= {f"task/{name}": member.bits(t.windows, t.counted) / t.size for name, t in sorted((tasks or {}).items())}
    metrics["loss"] = tail
    columns = {name: _round(np.where(diverged, np.nan, values)) for name, values in metrics.items()}
    return pl.DataFrame({"run": [*runs], **columns, "diverged": diverged}).with_columns(pl.col(*columns).fill_nan(None))


def _settle() -> None:
    """How XLA works in a process of ours. No effect once it has started.

    One thread on a CPU: stacks run side by side as processes, and sums keep their order. On a GPU, no process takes the
    memory of the others beforehand, and only operations are taken that give the same bits again.
    """
    os.environ.setdefault("NPROC", "1")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    flags = os.environ.get("XLA_FLAGS", "")
    if "--xla_gpu_deterministic_ops" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()


def _round(values: Floats) -> list[float]:
    return [float(f"{v:.6g}") for v in values]
