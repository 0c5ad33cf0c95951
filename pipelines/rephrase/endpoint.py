"""The endpoint generator: any OpenAI-compatible chat endpoint, asked by a patient client.

What may pass is asked again: HTTP 408, 409, 425, 429 and 5xx, broken connections, time-outs. What concerns one prompt
alone (400, 413, 422) refuses that prompt. Everything else, such as a wrong key, ends the work at once.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from manifests.receipts import digest_of
from pipelines.rephrase.generator import REFUSED, Completion, GeneratorError, Messages

_TIMEOUT_SECONDS = 300.0
_ATTEMPTS = 6
_IN_FLIGHT = 16
_LONGEST_PAUSE = 60.0  # seconds
_CONCERNS_THE_PROMPT = {400, 413, 422}
_MAY_PASS = {408, 409, 425, 429}


class Endpoint:
    """The key comes from the environment variable ``key_env`` and is never written anywhere."""

    def __init__(self, url: str, model: str, *, key_env: str, temperature: float, max_tokens: int, seed: int) -> None:
        if importlib.util.find_spec("aiohttp") is None:
            raise GeneratorError("the endpoint client is missing: pip install 'cuvee[rephrase]'")
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise GeneratorError("the endpoint's url holds a password: name an environment variable as `key_env`")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GeneratorError(f"endpoint {url}: must be an http or https URL")
        path = parts.path.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"
        self.url = urlunsplit(parts._replace(path=path, fragment=""))
        self.shown = urlunsplit(parts._replace(path=path, query="", fragment=""))  # a query may hold secrets
        if key_env and not os.environ.get(key_env, "").strip():
            raise GeneratorError(f"endpoint {self.shown}: the environment variable {key_env} is not set")
        self.name = model
        self.key_env = key_env
        self.sampling = {"temperature": temperature, "max_tokens": max_tokens, "seed": seed}
        self.digest = digest_of("endpoint", model, self.sampling)

    def generate(self, prompts: Sequence[Messages]) -> Iterator[Completion]:
        if not prompts:
            return
        with asyncio.Runner() as runner:
            session = runner.run(self._session())
            slots = asyncio.Semaphore(_IN_FLIGHT)
            asked = [runner.get_loop().create_task(self._ask(session, slots, messages)) for messages in prompts]
            try:
                for answer in asked:
                    yield runner.run(_settled(answer))
            finally:
                runner.run(_close(session, asked))

    async def _session(self) -> Any:
        import aiohttp

        headers = {"Authorization": f"Bearer {self._key()}"} if self.key_env else {}
        return aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))

    async def _ask(self, session: Any, slots: asyncio.Semaphore, messages: Messages) -> Completion:
        """One prompt; its slot stays taken while it waits, so that an endpoint in trouble gets fewer requests."""
        import aiohttp

        body = {"model": self.name, "messages": messages, **self.sampling}
        problem = ""
        async with slots:
            for attempt in range(_ATTEMPTS):
                pause = min(30.0, 0.5 * 2**attempt) * random.uniform(0.5, 1.5)
                try:
                    # a redirect would turn the POST into a GET, and might carry the key elsewhere
                    async with session.post(self.url, json=body, allow_redirects=False) as response:
                        if response.status == 200:
                            return _completion(await response.json(content_type=None))
                        problem = self._told(f"HTTP {response.status}: {(await response.text(errors='replace'))[:200]}")
                        if response.status in _CONCERNS_THE_PROMPT:
                            return Completion(problem, REFUSED)
                        if response.status not in _MAY_PASS and response.status < 500:
                            break
                        pause = max(pause, _seconds(response.headers.get("Retry-After", "")))
                except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                    problem = self._told(f"{type(error).__name__}: {error}")
                if attempt + 1 < _ATTEMPTS:
                    await asyncio.sleep(min(pause, _LONGEST_PAUSE))
        raise GeneratorError(f"endpoint {self.shown} does not answer: {problem}")

    def _key(self) -> str:
        return os.environ[self.key_env].strip()

    def _told(self, problem: str) -> str:
        """On one line, and without the key should the endpoint repeat it."""
        line = " ".join(problem.split())
        return line.replace(self._key(), "…") if self.key_env else line


async def _settled(answer: asyncio.Task[Completion]) -> Completion:
    return await answer


async def _close(session: Any, asked: list[asyncio.Task[Completion]]) -> None:
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await session.close()


def _seconds(header: str) -> float:
    """Of a Retry-After header (RFC 9110, 10.2.3); a date counts as unstated."""
    return float(header) if header.isascii() and header.isdigit() else 0.0


def _completion(answer: Any) -> Completion:
    """ValueError when the answer is not a chat completion."""
    try:
        choice = answer["choices"][0]
        content = choice["message"]["content"]
        text = (
            "" if content is None else str(content).encode(errors="replace").decode()
        )  # JSON may hold half a character
        return Completion(text, str(choice.get("finish_reason") or "stop"))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("the answer is not a chat completion") from None
