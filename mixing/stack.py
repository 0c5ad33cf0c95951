"""A stack of equal models as one set of arrays with a leading axis, advanced by one compiled step."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

from manifests import storage
from mixing import transformer
from mixing.simplex import Floats

if TYPE_CHECKING:
    from mixing.proxy_config import ProxyConfig

VERSION = 2  #: raised when results change


class Stack:
    """``members`` models of the same initialisation, with their optimiser states."""

    def __init__(self, config: ProxyConfig, members: int) -> None:
        self._config, self._members = config, members
        # What does not change the computation does not compile it again.
        same = {"seed": 0, "checkpoint_every": 1, "target_tokens": 0, "heldout_tokens": 1}
        self._step, self._measure = _compile(config.model_copy(update=same))
        parameters = transformer.initialise(_shape(config), config.seed)
        self._state: Any = jax.jit(lambda p: _repeated((p, _optimiser(config).init(p)), members))(parameters)

    def step(self, windows: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """One optimiser step of every member on ``int32[k, batch, length + 1]``; the mean loss of each, in nats."""
        self._state, losses = self._step(self._state, windows)
        return np.asarray(losses)

    def bits_per_byte(self, tokens: npt.NDArray[Any], size: int) -> Floats:
        """``float64[k]``: bits per byte of text, of ``tokens`` that stand for ``size`` bytes.

        Of long texts, ``heldout_tokens`` in windows spread evenly over them are measured, taken to have as many bytes
        a token as the whole. Windows do not see what came before them.
        """
        length = self._config.length
        if len(tokens) < 2 or not size:
            return np.full(self._members, np.nan)
        predicted = len(tokens) - 1
        windows = -(-predicted // length)
        rows = min(windows, max(1, self._config.heldout_tokens // length))
        start = np.arange(rows) * windows // rows * length
        at = start[:, None] + np.arange(length + 1)
        real = at[:, 1:] <= predicted
        texts = np.asarray(tokens)[np.minimum(at, predicted)].astype(np.int32)
        return np.asarray(self.bits(texts, real) * len(tokens) / (real.sum() * size), np.float64)

    def bits(self, windows: npt.NDArray[np.int32], counted: npt.NDArray[np.bool_]) -> Floats:
        """``float64[k]``: bits to predict the counted tokens of ``windows[n, length + 1]``; ``counted[n, length]``."""
        batch, nats = self._config.microbatch or self._config.batch, np.zeros(self._members)
        for first in range(0, len(windows), batch):
            piece = windows[first : first + batch]
            filled = np.pad(piece, ((0, batch - len(piece)), (0, 0)))  # one shape, compiled once
            losses = np.asarray(self._measure(self._state[0], filled), np.float64)[:, : len(piece)]
            nats += np.where(counted[first : first + batch], losses, 0.0).sum((1, 2))
        return np.asarray(nats / np.log(2), np.float64)

    def save(self, uri: str, key: str, step: int, losses: npt.NDArray[np.float32]) -> None:
        """Stores the state after ``step`` steps, atomically."""
        leaves = {f"leaf{i:03d}": np.asarray(a) for i, a in enumerate(jax.tree.leaves(self._state))}
        buffer = io.BytesIO()
        np.savez(buffer, key=np.array(key), step=np.array(step), losses=losses[:step], **leaves)  # type: ignore[arg-type]
        storage.write_bytes(uri, buffer.getvalue())

    def restore(self, uri: str, key: str, losses: npt.NDArray[np.float32]) -> int:
        """Takes the state of a checkpoint made under the same key and returns its step; 0 when it is another's."""
        with np.load(io.BytesIO(storage.read_bytes(uri)), allow_pickle=False) as saved:
            if str(saved["key"]) != key:
                return 0
            step = int(saved["step"])
            losses[:step] = saved["losses"]
            leaves, tree = jax.tree.flatten(self._state)
            self._state = jax.tree.unflatten(tree, [jnp.asarray(saved[f"leaf{i:03d}"]) for i in range(len(leaves))])
        return step


def _repeated(tree: Any, members: int) -> Any:
    return jax.tree.map(lambda a: jnp.broadcast_to(a, (members, *a.shape)), tree)


@lru_cache(maxsize=4)
def _compile(config: ProxyConfig) -> tuple[Any, Any]:
    """One training step and one measurement of a whole stack; kept, as a process trains several stacks alike."""
    optimiser, shape = _optimiser(config), _shape(config)

    def losses(parameters: Any, windows: Any) -> Any:
        return transformer.token_losses(parameters, shape, windows)

    def advance(state: Any, windows: Any) -> tuple[Any, Any]:
        parameters, moments = state
        loss, gradient = _gradient(lambda p, w: losses(p, w).mean(), parameters, windows, config.microbatch)
        updates, moments = optimiser.update(gradient, moments, parameters)
        return (optax.apply_updates(parameters, updates), moments), loss

    # Members one after the other keep each model's arrays in cache, and are rounded alike in every stack.
    if config.stacking == "map":
        step = jax.jit(lambda s, windows: jax.lax.map(lambda pair: advance(*pair), (s, windows)), donate_argnums=0)
        return step, jax.jit(lambda p, windows: jax.lax.map(lambda member: losses(member, windows), p))
    return jax.jit(jax.vmap(advance), donate_argnums=0), jax.jit(jax.vmap(losses, in_axes=(0, None)))


def _gradient(mean_loss: Any, parameters: Any, windows: Any, microbatch: int) -> Any:
    """Mean loss over the windows and its gradient, added up over pieces of ``microbatch`` windows."""
    of = jax.value_and_grad(mean_loss)
    if microbatch in (0, len(windows)):
        return of(parameters, windows)
    pieces = windows.reshape(-1, microbatch, windows.shape[1])
    start = (jnp.float32(0), jax.tree.map(jnp.zeros_like, parameters))

    def add(total: Any, piece: Any) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, of(parameters, piece)), None

    total, _ = jax.lax.scan(add, start, pieces)
    return jax.tree.map(lambda a: a / len(pieces), total)


def _shape(config: ProxyConfig) -> transformer.Shape:
    return transformer.Shape(config.vocabulary, config.width, config.layers, config.heads, config.hidden)


def _optimiser(config: ProxyConfig) -> Any:
    """AdamW, clipped, with linear warm-up and a cosine down to a tenth."""
    schedule = optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.learning_rate,
        warmup_steps=round(config.warmup * config.steps),
        decay_steps=max(config.steps, 2),
        end_value=config.learning_rate / 10,
    )
    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(schedule, b2=0.95, weight_decay=config.weight_decay, mask=_decays),
    )


def _decays(parameters: Any) -> Any:
    """Everything but the norms' scales."""
    return jax.tree_util.tree_map_with_path(lambda path, _: "norm" not in jax.tree_util.keystr(path), parameters)
