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
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from pipelines.engines import java
from pipelines.errors import CuveeError
from tests.object_store import environment
from tests.spark.tools import ENVIRONMENT, JAR, ROOT, TOOLS, spark_home

_EXECUTOR = b"org.apache.spark.executor.CoarseGrainedExecutorBackend"

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


def why_none() -> str:
    """Why no cluster can be had here; empty where one can."""
    try:
        java.java()
    except CuveeError as error:
        return str(error)
    if not (JAR.is_file() and spark_home().is_dir() and ENVIRONMENT.is_dir()):
        return "no Spark here: python -m tests.spark.tools (make spark-test does it)"
    if not namespaces():
        return "this system gives processes no mount namespaces: the workers would see the driver's folders"
    return ""


class Cluster:
    """``url`` is the master's while the context lasts. Workers find the object store at ``endpoint``, and no more.

    ``archive`` is the packed environment where Spark has to bring it; without one the hosts have it already.
    """

    def __init__(self, endpoint: str, workers: int = 2, archive: Path | None = None) -> None:
        self.workers, self.archive = workers, archive
        self.folder = TOOLS / "work" / f"{os.getpid()}{'-archive' if archive else ''}"
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "SPARK_LOCAL_IP": "127.0.0.1",
            **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
            **environment(endpoint),
        }
        self.url = ""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

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
            self.start_host(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self.processes.values():
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def start_host(self, number: int) -> None:
        """A worker host with nothing on it but Spark and, unless Spark brings it, our environment."""
        work = self.folder / f"work-{number}"
        nothing = self.folder / "nothing"
        for folder in (work, nothing):
            folder.mkdir(exist_ok=True)
        hidden = dict.fromkeys([str(ROOT), str(Path.home()), tempfile.gettempdir()])
        worker = ["/mnt/spark/bin/spark-class", "org.apache.spark.deploy.worker.Worker", self.url]
        # a loopback address of its own: executors of one host read each other's files instead of the network
        host = f"127.0.0.{number + 2}"
        worker += ["--host", host, "--cores", "1", "--memory", "1g", "--work-dir", "/mnt/work"]
        ours = nothing if self.archive else ENVIRONMENT
        command = [*namespaces(), "sh", "-c", _ISOLATE, "sh", str(ours), str(spark_home()), str(work)]
        places = {
            "SPARK_HOME": "/mnt/spark",
            "SPARK_LOCAL_DIRS": "/mnt/work",
            "HOME": "/mnt/work",
            "SPARK_LOCAL_IP": host,
        }
        self._start(f"worker-{number}", [*command, *hidden, "--", *worker, "--webui-port", "0"], places)

    def kill_host(self, number: int) -> None:
        """Every process of a worker host at once: Spark's worker, its executors, and their Python workers."""
        process = self.processes[f"worker-{number}"]
        for member in _session(process.pid):
            os.kill(member, signal.SIGKILL)
        process.wait()

    def kill_executor(self, number: int) -> bool:
        """The Java executors of a worker host. False when it has none."""
        executors = [p for p in _session(self.processes[f"worker-{number}"].pid) if _EXECUTOR in _words(p)]
        for process in executors:
            os.kill(process, signal.SIGKILL)
        return bool(executors)

    def command(self, recipe: Path, run: str) -> list[str]:
        """``cuvee run`` on this cluster."""
        program = "./cuvee/bin/cuvee-worker" if self.archive else "/mnt/cuvee/bin/cuvee-worker"
        options = [f'--environment_config={{"command": "{program}"}}']
        if self.archive:
            options.append(f"--job_server_jvm_properties=-Dspark.archives={self.archive}#cuvee")
        command = [sys.executable, "-m", "pipelines.cli", "run", str(recipe), "--run", run, "--workers", "2"]
        return [*command, "--engine", "spark", "--spark-master", self.url, "--", *options]

    @staticmethod
    def variables() -> dict[str, str]:
        """What the driver must be told of the job server."""
        found = java.beam_version(JAR)
        return {java.JAR: str(JAR)} | ({java.VOUCHED: found} if found != version("apache-beam") else {})

    def _start(self, name: str, command: list[str], more: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            environment = {**self.environment, **more}
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self.processes[name] = process


def _session(leader: int) -> list[int]:
    """The processes of the session that ``leader`` began, itself among them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                if os.getsid(int(entry.name)) == leader:
                    found.append(int(entry.name))
    return found


def _words(process: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    return []


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
