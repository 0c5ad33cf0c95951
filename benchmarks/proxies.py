"""Proxies of a swarm: stacked and advanced by one compiled step, beside one run after another.

``python -m benchmarks.proxies`` prints this table alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmarks.stopwatch import Load, Table, compare

_VOCABULARY = 2048
_STEPS = 2


def run(repeats: int) -> Table:
    os.environ.setdefault("NPROC", "1")  # one XLA thread, as in a worker
    import jax

    device = jax.devices()[0]
    loads = {
        f"{members} × {name}": _load(name, members, options)
        for name, members, options in (
            ("tiny", 8, {}),
            ("tiny, batches of 2", 16, {"batch": 2}),
            ("0.3m, batches of 4", 4, {"preset": "0.3m", "batch": 4, "microbatch": 4}),
        )
    }
    entrants = {
        "stacked, `lax.map`": lambda: _trainer("map", together=True),
        "stacked, `vmap`": lambda: _trainer("vmap", together=True),
        "one run after another": lambda: _trainer("map", together=False),
    }
    note = f"""Forward, backward and AdamW of every model of a stack, on {device.device_kind} ({device.platform}).
cuvée maps one member after the other over the stacked parameters; the proxy option `stacking` decides otherwise. On a
GPU: `benchmarks/accelerator.md`."""
    return Table("Proxy swarms", "model tokens per CPU second", compare(entrants, loads, repeats), note)


def _load(name: str, members: int, options: dict[str, Any]) -> Load:
    import numpy as np

    from mixing.proxy_config import ProxyConfig

    config = ProxyConfig.of({**options, "steps": 1000}, vocabulary=_VOCABULARY)
    shape = (members, config.batch, config.length + 1)
    windows = np.random.default_rng(0).integers(0, _VOCABULARY, shape).astype(np.int32)
    return Load((name, config, windows), _STEPS * members * config.batch * config.length, (name, config, windows))


def _trainer(stacking: str, *, together: bool) -> Callable[[Any], object]:
    """Advances the models of a load, all in one stack or each in its own."""
    from mixing.stack import Stack

    stacks: dict[str, list[Any]] = {}

    def work(given: Any) -> object:
        name, config, windows = given
        groups = [windows] if together else [own[None] for own in windows]
        if name not in stacks:
            config = config.model_copy(update={"stacking": stacking})
            stacks[name] = [Stack(config, len(group)) for group in groups]
        return [stack.step(group) for _ in range(_STEPS) for stack, group in zip(stacks[name], groups, strict=True)]

    return work


if __name__ == "__main__":
    print(run(5).markdown())
