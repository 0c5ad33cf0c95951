"""Beam's job server: a Java process of the driver that turns Beam jobs into Spark jobs. It ends with the driver."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from pipelines.errors import RunFailed

_START_SECONDS = 120
#: Spark on Java 17 reaches into these
_OPEN = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("sun.nio.ch", "java.nio", "java.util", "java.lang.invoke")
)


class JobServer:
    """``endpoint`` answers while the context lasts; ``log`` tells what the server said."""

    def __init__(self, java: str, jar: Path, master: str, properties: Sequence[str], port: int = 0) -> None:
        self.command = [java, *_OPEN, *properties, "-jar", str(jar), "--spark-master-url", master]
        self.port = port
        self.endpoint = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="cuvee-job-server-")
        self.log = Path(self._folder.name) / "log"

    def __enter__(self) -> JobServer:
        port = free_port(self.port)
        artifacts = Path(self._folder.name) / "artifacts"
        ports = ["--job-port", str(port), "--artifact-port", "0", "--expansion-port", "0"]
        command = [*_leash(), *self.command, *ports, "--artifacts-dir", str(artifacts)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while not _listens("localhost", port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self.last_words() or "nothing"
                self.__exit__(None, None, None)
                raise RunFailed(f"the job server did not start; it said: {said}")
            time.sleep(0.1)
        self.endpoint = f"localhost:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._folder.cleanup()

    def last_words(self) -> str:
        """The last line of the log that says something."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        said = [line.strip() for line in lines if line.strip() and not line.startswith(("\t", "SLF4J"))]
        return said[-1] if said else ""


def free_port(wanted: int) -> int:
    """``wanted``, or any when it is 0. RunFailed when it is in use."""
    with socket.socket() as s:
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("localhost", wanted))
        except OSError as error:
            raise RunFailed(
                f"port {wanted} of the job server: {error.strerror}: choose another with -- --job_port=PORT"
            ) from None
        return int(s.getsockname()[1])


def _listens(host: str, port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex((host, port)) == 0


def _leash() -> list[str]:
    """Ends the server with the driver, however that ends, where the system can."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
