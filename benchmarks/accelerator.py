"""Proxy swarms on a GPU: how many tokens a second a stack of models learns from, by the clock.

``python -m benchmarks.accelerator`` prints the table; it needs a GPU that JAX sees, so ``make bench`` leaves it out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from mixing.proxy_config import ProxyConfig

_VOCABULARY = 32_768
_STEPS = 5
_MEMBERS = {"tiny": (1, 16, 64), "0.3m": (1, 4, 32), "1m": (1, 4, 16), "4m": (1, 4, 8), "15m": (1, 4), "60m": (1, 4)}
_STACKINGS = ("vmap", "map")


def rows() -> Iterator[str]:
    """The table, line by line as it is measured."""
    from mixing import proxy

    proxy.prepare()  # as in a worker
    import jax

    device = jax.devices()[0]
    yield f"{device.device_kind} ({device.platform}), JAX {jax.__version__}, vocabulary {_VOCABULARY:,}\n"
    yield f"| proxies | {' | '.join(f'`{s}`, tokens/s' for s in _STACKINGS)} | of them, TFLOP/s |"
    yield "|---" * (len(_STACKINGS) + 2) + "|"
    for preset, sizes in _MEMBERS.items():
        for members in sizes:
            config = ProxyConfig.of({"preset": preset, "steps": 1000}, vocabulary=_VOCABULARY)
            rates = [_rate(config.model_copy(update={"stacking": s}), members) for s in _STACKINGS]
            best = max((r for r in rates if isinstance(r, float)), default=0.0)
            cells = [r if isinstance(r, str) else f"{r:,.0f}" for r in rates]
            yield f"| {members} × {preset} | {' | '.join(cells)} | {best * _operations(config) / 1e12:.1f} |"


def _rate(config: ProxyConfig, members: int) -> float | str:
    """Tokens a second of all members together; why there is none."""
    from mixing.stack import Stack

    shape = (members, config.batch, config.length + 1)
    windows = np.random.default_rng(0).integers(0, _VOCABULARY, shape).astype(np.int32)
    try:
        stack = Stack(config, members)
        for _ in range(2):  # compiled, then warm
            stack.step(windows)
        started = time.perf_counter()
        for _ in range(_STEPS):
            stack.step(windows)
    except Exception as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return "out of memory"
    return _STEPS * members * config.batch * config.length / (time.perf_counter() - started)


def _operations(config: ProxyConfig) -> float:
    """Of a training token: six a weight (Kaplan et al. 2020), and twelve of attention by layer, width and length."""
    weights = config.layers * (4 * config.width**2 + 3 * config.width * config.hidden) + _VOCABULARY * config.width
    return 6 * weights + 12 * config.layers * config.width * config.length


if __name__ == "__main__":
    for line in rows():
        print(line, flush=True)
