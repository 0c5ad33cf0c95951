"""A standalone Spark cluster on this machine: one master, two workers that see none of the driver's folders.

Each worker lives in a mount namespace of its own, where the repository, the home folder (the driver's Python) and the
temporary files are empty; there are Spark and the packed environment below ``/mnt``, and nothing else of ours.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from tests.spark.tools import ENVIRONMENT, ROOT, spark_home

WORKER_PROGRAM = "/mnt/cuvee/bin/cuvee-worker"

#: arguments: packed environment, Spark, working folder, then folders to hide, "--", the command
_ISOLATE = """
set -e
environment=$1 spark=$2 work=$3; shift 3
mount -t tmpfs none /mnt
mkdir /mnt/cuvee /mnt/spark /mnt/work
mount --bind "$environment" /mnt/cuvee
mount --bind "$spark" /mnt/spark
mount --bind "$work" /mnt/work
while [ "$1" != -- ]; do mount -t tmpfs none "$1"; shift; done
shift
cd /mnt/work
exec "$@"
"""


def namespaces() -> list[str]:
    """The command that gives a process mounts of its own; empty where the system allows none."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
        ):
            return command
    return []


class Cluster:
    """``url`` is the master's while the context lasts; ``environment`` is what workers find in theirs."""

    def __init__(self, folder: Path, environment: dict[str, str], workers: int = 2) -> None:
        self.folder, self.workers = folder, workers
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "SPARK_LOCAL_IP": "127.0.0.1",
            **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
            **environment,
        }
        self.url = ""
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Cluster:
        self.folder.mkdir(parents=True, exist_ok=True)
        port = _free_port()
        home = spark_home()
        master = [str(home / "bin/spark-class"), "org.apache.spark.deploy.master.Master"]
        master += ["--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
        self._start("master", master, {"SPARK_HOME": str(home)})
        _wait_for(port)
        self.url = f"spark://127.0.0.1:{port}"
        for number in range(self.workers):
            work = self.folder / f"work-{number}"
            work.mkdir()
            hidden = dict.fromkeys([str(ROOT), str(Path.home()), tempfile.gettempdir()])
            worker = ["/mnt/spark/bin/spark-class", "org.apache.spark.deploy.worker.Worker", self.url]
            # a loopback address of its own: executors of one host read each other's files instead of the network
            host = f"127.0.0.{number + 2}"
            worker += ["--host", host, "--cores", "1", "--memory", "1g", "--work-dir", "/mnt/work"]
            command = [*namespaces(), "sh", "-c", _ISOLATE, "sh", str(ENVIRONMENT), str(home), str(work)]
            places = {
                "SPARK_HOME": "/mnt/spark",
                "SPARK_LOCAL_DIRS": "/mnt/work",
                "HOME": "/mnt/work",
                "SPARK_LOCAL_IP": host,
            }
            self._start(f"worker-{number}", [*command, *hidden, "--", *worker, "--webui-port", "0"], places)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self.processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def executors(self) -> list[int]:
        """Process ids of the Java executors."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    ours = os.getsid(int(entry.name)) in {p.pid for p in self.processes}
                except OSError:  # it ended meanwhile
                    continue
                if ours and b"org.apache.spark.executor.CoarseGrainedExecutorBackend" in words:
                    found.append(int(entry.name))
        return found

    def _start(self, name: str, command: list[str], more: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            environment = {**self.environment, **more}
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _wait_for(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the Spark master did not start")
