"""The endpoint client against a real HTTP server: patient where patience helps, brief where not, silent on the key."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipelines.rephrase import endpoint as client
from pipelines.rephrase.endpoint import Endpoint
from pipelines.rephrase.generator import REFUSED, Completion, GeneratorError, Messages

pytest.importorskip("aiohttp")

Reply = tuple[int, dict[str, str], Any]  #: status, headers, body: JSON, or text as it is
WHOLE: Reply = (200, {}, {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]})


class Server:
    """Answers with what ``script`` says for the n-th request, and keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.script: Callable[[int, dict[str, Any]], Reply] = lambda n, body: WHOLE
        outer, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    outer.seen.append({"path": self.path, "key": self.headers.get("Authorization"), **body})
                    status, headers, said = outer.script(len(outer.seen), body)
                data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.http.serve_forever, daemon=True).start()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses the client would make; it makes none."""
    real, asked = asyncio.sleep, []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return asked


def make(url: str, *, model: str = "m", key_env: str = "") -> Endpoint:
    return Endpoint(url, model, key_env=key_env, temperature=0.0, max_tokens=32, seed=3)


def prompt(text: str) -> Messages:
    return [{"role": "user", "content": text}]


def test_answers_come_in_the_order_of_the_prompts(server: Server, pauses: list[float]) -> None:
    def echo(n: int, body: dict[str, Any]) -> Reply:
        content = body["messages"][0]["content"]
        if n % 7 == 0:
            return 503, {}, "busy"
        return 200, {}, {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}

    server.script = echo
    prompts = [prompt(f"text {i}") for i in range(40)]
    assert [a.text for a in make(server.url).generate(prompts)] == [f"text {i}" for i in range(40)]
    assert len(server.seen) > 40
    assert list(make(server.url).generate([])) == []


def test_it_asks_again_after_503_and_as_late_as_it_is_told(
    server: Server, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", " secret\n")
    late = {"Retry-After": "17"}
    server.script = lambda n, body: {1: (503, {}, ""), 2: (429, late, ""), 3: (200, {}, "<html>")}.get(n, WHOLE)
    assert list(make(server.url, key_env="SOME_KEY").generate([prompt("x")])) == [Completion("hello", "stop")]
    assert len(server.seen) == 4
    assert len(pauses) == 3
    assert pauses[0] < 1
    assert pauses[1] == 17
    last = server.seen[-1]
    assert (last["path"], last["key"], last["seed"]) == ("/v1/chat/completions", "Bearer secret", 3)
    assert (last["model"], last["temperature"], last["max_tokens"]) == ("m", 0.0, 32)


def test_a_wrong_key_ends_at_once_in_one_line_without_the_key(
    server: Server, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "secret")
    server.script = lambda n, body: (401, {}, "Incorrect API key\nprovided: secret.")
    with pytest.raises(GeneratorError, match=r"HTTP 401: Incorrect API key provided: …\.") as caught:
        list(make(server.url, key_env="SOME_KEY").generate([prompt("x")]))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.seen) == 1


def test_a_prompt_that_is_refused_does_not_stop_the_others(server: Server, pauses: list[float]) -> None:
    def script(n: int, body: dict[str, Any]) -> Reply:
        return (400, {}, "context exceeded") if body["messages"][0]["content"] == "long" else WHOLE

    server.script = script
    found = list(make(server.url).generate([prompt("a"), prompt("long"), prompt("b")]))
    assert found == [
        Completion("hello", "stop"),
        Completion("HTTP 400: context exceeded", REFUSED),
        Completion("hello", "stop"),
    ]
    assert len(server.seen) == 3


def test_a_redirect_is_not_followed(server: Server, pauses: list[float]) -> None:
    server.script = lambda n, body: (307, {"Location": f"{server.url}/elsewhere"}, "")
    with pytest.raises(GeneratorError, match="HTTP 307"):
        list(make(server.url).generate([prompt("x")]))
    assert len(server.seen) == 1


def test_an_endpoint_that_never_answers_well_is_given_up(server: Server, pauses: list[float]) -> None:
    server.script = lambda n, body: (200, {}, {"choices": []})
    with pytest.raises(GeneratorError, match="does not answer: ValueError: the answer is not a chat completion"):
        list(make(server.url).generate([prompt("x")]))
    assert len(server.seen) == 6


def test_an_unreachable_endpoint_says_so(pauses: list[float]) -> None:
    with pytest.raises(GeneratorError, match=r"http://127\.0\.0\.1:9/v1/chat/completions does not answer"):
        list(make("http://127.0.0.1:9/v1").generate([prompt("x"), prompt("y")]))
    assert max(pauses) <= 60


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"message": {"content": None}, "finish_reason": "content_filter"}, Completion("", "content_filter")),
        ({"message": {"content": "x"}, "finish_reason": None}, Completion("x", "stop")),
        ({"message": {"content": "x"}, "finish_reason": "length"}, Completion("x", "length")),
        (json.loads(r'{"message": {"content": "x\ud800"}, "finish_reason": "stop"}'), Completion("x?", "stop")),
    ],
)
def test_unusual_answers(answer: dict[str, Any], expected: Completion) -> None:
    assert client._completion({"choices": [answer]}) == expected


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/v1", "http or https"),
        ("localhost:8000", "http or https"),
        ("http://", "http or https"),
        ("https://user:hidden@host/v1", "key_env"),
    ],
)
def test_a_wrong_address_is_refused_before_anything_is_asked(url: str, said: str) -> None:
    with pytest.raises(GeneratorError, match=said) as caught:
        make(url)
    assert "hidden" not in str(caught.value)


def test_addresses_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make("http://h/v1/").url == make("http://h/v1/chat/completions").url == "http://h/v1/chat/completions"
    versioned = make("https://h/openai?api-version=3")
    assert versioned.url == "https://h/openai/chat/completions?api-version=3"
    assert "api-version" not in versioned.shown
    monkeypatch.setenv("EMPTY_KEY", " ")
    for name in ("NO_SUCH_KEY", "EMPTY_KEY"):
        with pytest.raises(GeneratorError, match=f"{name} is not set"):
            make("http://h/v1", key_env=name)
    assert make("http://h/v1").digest == make("http://elsewhere/v1").digest != make("http://h/v1", model="n").digest
