"""A small decoder-only transformer as a pure function of its parameters, so that stacks of them map over one axis.

RMS norms before each block, rotary positions, gated feed-forward, tied embeddings: the shape of the models the mixture
is meant for (Llama, OLMo), without what only matters at scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """Sizes of a model. ``width`` is a multiple of ``2 * heads``."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int  #: width of the feed-forward block


def initialise(shape: Shape, seed: int) -> Parameters:
    """Normal initialisation, residual outputs scaled down by depth (Radford et al. 2019).

    Drawn by NumPy: the same on every backend, with nothing to compile.
    """
    d, h, n = shape.width, shape.hidden, shape.layers
    generator = np.random.default_rng(seed)

    def normal(size: tuple[int, ...], scale: float) -> npt.NDArray[np.float32]:
        return np.float32(scale) * generator.standard_normal(size, np.float32)

    residual = 0.02 / (2 * n) ** 0.5
    return {
        "embedding": normal((shape.vocabulary, d), 0.02),
        "norm": np.ones(d, np.float32),
        "blocks": {
            "attention_norm": np.ones((n, d), np.float32),
            "qkv": normal((n, d, 3 * d), 0.02),
            "attention_out": normal((n, d, d), residual),
            "feed_norm": np.ones((n, d), np.float32),
            "gate_up": normal((n, d, 2 * h), 0.02),
            "down": normal((n, h, d), residual),
        },
    }


def token_losses(parameters: Parameters, shape: Shape, windows: Any) -> Any:
    """Nats to predict each next token: ``int32[batch, length + 1]`` gives ``float32[batch, length]``."""
    x = parameters["embedding"][windows[:, :-1]]
    cos, sin = _rotation(x.shape[1], shape.width // shape.heads)

    def block(x: Any, p: Parameters) -> tuple[Any, None]:
        x = x + _attention(_norm(x, p["attention_norm"]), p, shape.heads, cos, sin)
        gate, up = jnp.split(_norm(x, p["feed_norm"]) @ p["gate_up"], 2, axis=-1)
        return x + (jax.nn.silu(gate) * up) @ p["down"], None

    x, _ = jax.lax.scan(block, x, parameters["blocks"])
    logits = _norm(x, parameters["norm"]) @ parameters["embedding"].T
    target = jnp.take_along_axis(logits, windows[:, 1:, None], axis=-1)[..., 0]
    return jax.nn.logsumexp(logits, axis=-1) - target


def _norm(x: Any, scale: Any) -> Any:
    return scale * x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6)


def _rotation(length: int, size: int) -> tuple[Any, Any]:
    angles = jnp.arange(length)[:, None] * 10_000.0 ** (-jnp.arange(0, size, 2) / size)
    return jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]


def _rotate(x: Any, cos: Any, sin: Any) -> Any:
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


def _attention(x: Any, p: Parameters, heads: int, cos: Any, sin: Any) -> Any:
    batch, length, width = x.shape
    q, k, v = (a.reshape(batch, length, heads, -1) for a in jnp.split(x @ p["qkv"], 3, axis=-1))
    scores = jnp.einsum("bqhd,bkhd->bhqk", _rotate(q, cos, sin), _rotate(k, cos, sin)) / (width // heads) ** 0.5
    future = jnp.triu(jnp.ones((length, length), bool), 1)
    seen = jax.nn.softmax(jnp.where(future, -jnp.inf, scores), axis=-1)
    return jnp.einsum("bhqk,bkhd->bqhd", seen, v).reshape(batch, length, width) @ p["attention_out"]
