"""A real server and a real browser: a person decides in a page, and a page elsewhere cannot."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from manifests import reviews

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
pytest.importorskip("uvicorn", reason="no web server: pip install 'cuvee[web]'")
aiohttp = pytest.importorskip("aiohttp", reason="no client for the browser's protocol: pip install aiohttp")


@contextmanager
def served(run: Path) -> Iterator[str]:
    """``cuvee report RUN --serve`` in a process of its own; its address."""
    command = [sys.executable, "-m", "pipelines.cli", "report", str(run), "--serve"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = re.match(r"(http://127\.0\.0\.1:\d+)/", process.stdout.readline())
        assert said is not None, process.communicate(timeout=30)
        yield said[1]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert "Traceback" not in errors, errors


class Browser:
    """One page of a headless Chromium, by its own protocol."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._number = socket, 0
        self.console: list[str] = []

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            told = await self._socket.receive_json(timeout=60)
            if told.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.console.append(json.dumps(told["params"]))
            if told.get("id") == self._number:
                return dict(told.get("result", {}))

    async def value(self, expression: str) -> Any:
        found = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def until(self, expression: str) -> None:
        for _ in range(200):
            if await self.value(expression):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"never: {expression}: {await self.value('document.documentElement.outerHTML')}")

    async def open(self, address: str) -> None:
        await self.ask("Page.navigate", url=address)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")


async def browse(profile: Path, visit: Any) -> Any:
    """``visit(browser)`` with a browser that is then closed."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    process = await asyncio.create_subprocess_exec(
        str(CHROMIUM), *options, "about:blank", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        port_file = profile / "DevToolsActivePort"
        for _ in range(300):
            if port_file.exists() and port_file.read_text().strip():
                break
            await asyncio.sleep(0.1)
        port = port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                page = next(t for t in await answer.json() if t["type"] == "page")
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=1 << 26) as socket:
                browser = Browser(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await browser.ask(f"{domain}.enable")
                return await visit(browser)
    finally:
        process.kill()
        await process.wait()


@contextmanager
def elsewhere(page: str) -> Iterator[str]:
    """Another site, with one page."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_a_person_decides_in_a_page(copied: Path, tmp_path: Path) -> None:
    async def visit(browser: Browser) -> None:
        await browser.open(f"{address}/")
        assert "/report/" in await browser.value("location.href")
        assert await browser.value("document.querySelectorAll('a[href=\"/review\"]').length") == 1
        assert await browser.value("self.origin") == "null", "the report's scripts stand alone"
        await browser.open(f"{address}/lookup?q=pypi.org")
        assert "documents, by site" in await browser.value("document.body.innerText.replace(/\\s+/g, ' ')")
        await browser.open(f"{address}/review?policy=permissive-only&action=deny")
        fill = (
            "(() => { const f = [...document.forms].find(f => f.scope && f.scope.value === 'host');"
            "f.action.value = 'allow'; f.reason.value = 'their <i>letter</i>'; f.reviewer.value = 'ada';"
            "const b = f.querySelector('button'); b.click(); return f.value.value; })()"
        )
        fill = fill.replace("f.action.value", "f.elements.action.value").replace(
            "f.value.value", "f.elements.value.value"
        )
        host = await browser.value(fill)
        await browser.until("document.title.startsWith('Decided')")
        assert host in await browser.value("document.body.innerText")
        await browser.open(f"{address}/tables/decisions")
        assert "their <i>letter</i>" in await browser.value("document.body.innerText")
        assert await browser.value("document.querySelectorAll('script, main i').length") == 0
        assert browser.console == []

    with served(copied) as address:
        asyncio.run(browse(tmp_path / "profile", visit))
    (review,) = reviews.of_run(str(copied)).reviews
    assert (review.action, review.reviewer, review.reason) == ("allow", "ada", "their <i>letter</i>")


def test_a_page_elsewhere_cannot_decide_nor_read(copied: Path, tmp_path: Path) -> None:
    attack = """<form id="f" method="post" action="{0}/review"><input name="action" value="allow"><input name="scope"
      value="host"><input name="value" value="pypi.org"><input name="reason" value="x"><input name="reviewer" value="y">
      <input name="token" value=""></form><iframe src="{0}/review"></iframe>
      <script>fetch("{0}/review").then(r => r.text()).then(t => document.title = "read", e => document.title = "not")
      .then(() => setTimeout(() => f.submit(), 300))</script>"""

    async def visit(browser: Browser) -> str:
        await browser.open(there)
        await browser.until("location.pathname === '/review' || document.title === 'read'")
        await browser.until("document.body !== null && document.body.innerText.length > 0")
        return str(await browser.value("document.title + document.body.innerText"))

    with served(copied) as address, elsewhere(attack.format(address)) as there:
        shown = asyncio.run(browse(tmp_path / "profile", visit))
    assert "a decision must come from a page of this server" in shown
    assert not (copied / reviews.PATH).exists()


def test_hostile_documents_run_no_script_in_the_served_pages(tmp_path: Path) -> None:
    from manifests import lineage
    from tests.manifests.report import run_folder

    run = tmp_path / "run"
    run_folder.build(str(run))
    lineage.build(str(run))

    async def visit(browser: Browser) -> str:
        await browser.open(f"{address}/lookup?q=dropped&by=words")
        links = await browser.value("[...document.querySelectorAll('td a')].map(a => a.href)")
        assert len(links) == len(run_folder.HOSTILE_URLS)
        text = ""
        for link in links:
            await browser.open(link)
            text += await browser.value("document.body.innerText")
            bad = "[...document.links].filter(a => !/^https?:$/.test(a.protocol)).length"
            assert await browser.value(bad) == 0
            assert await browser.value("document.querySelectorAll('script, img').length") == 0
        assert browser.console == []
        return text

    with served(run) as address:
        shown = asyncio.run(browse(tmp_path / "profile", visit))
    assert '<script>alert("title")</script>' in shown
