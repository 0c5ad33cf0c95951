"""What the Spark tests need and no wheel of ours brings: Spark, a job server (both kept in the cache), our environment.

``python -m tests.spark.tools`` fetches what is missing and prints, in one line, what cannot be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from pipelines.engines.java import beam_version, java, job_server_jar
from pipelines.engines.pack import pack
from pipelines.errors import CuveeError

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".spark"
ENVIRONMENT = TOOLS / "environment"
#: fetched once on a machine, for all checkouts
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "cuvee"
SPARK = CACHE / "spark-3.5.9"
JAR = CACHE / f"job-server-for-beam-{version('apache-beam')}.jar"

_PYSPARK = "pyspark==3.5.9"
_ARTIFACT = "org.apache.beam:beam-runners-spark-3-job-server"
_GET = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get"


def spark_home() -> Path:
    return SPARK / "pyspark"


def fetch() -> None:
    """Raises CuveeError when something cannot be had."""
    java()
    for folder in (TOOLS, CACHE):
        folder.mkdir(parents=True, exist_ok=True)
    if not (spark_home() / "jars").is_dir():
        _run(
            [
                str(Path(sys.executable).parent / "uv"),
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--target",
                str(SPARK),
                "--python",
                sys.executable,
                _PYSPARK,
            ],
            _PYSPARK,
        )
        for program in (spark_home() / "bin").iterdir():
            program.chmod(0o755)
    if not JAR.is_file():
        _fetch_job_server()
    if ENVIRONMENT.exists():
        shutil.rmtree(ENVIRONMENT)
    pack(str(ENVIRONMENT))


def _fetch_job_server() -> None:
    """The published one of the installed Beam version; where that is not to be had, one built from the library."""
    if shutil.which("mvn") is None:
        raise CuveeError("no Maven to fetch Beam's job server with: apt-get install maven")
    wanted = version("apache-beam")
    published = ["mvn", "-q", _GET, f"-Dartifact={_ARTIFACT}:{wanted}", "-Dtransitive=false"]
    if subprocess.run(published, capture_output=True, check=False).returncode == 0:
        shutil.copy2(job_server_jar(), JAR)
        return
    build = CACHE / "job-server"
    build.mkdir(exist_ok=True)
    shutil.copy2(Path(__file__).with_name("pom.xml"), build / "pom.xml")
    _run(["mvn", "-q", "-f", str(build / "pom.xml"), "package"], f"a job server of Beam {wanted}, or of another")
    built = next(p for p in (build / "target").glob("*.jar") if not p.name.startswith("original-"))
    built.replace(JAR)
    print(f"Maven has no {_ARTIFACT}:{wanted}; built one from the runner's library of Beam {beam_version(JAR)}")


def _run(command: list[str], wanted: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()
        raise CuveeError(f"cannot fetch {wanted}: {said[0] if said else 'no reason given'}")


if __name__ == "__main__":
    try:
        fetch()
    except CuveeError as error:
        print(f"Spark tests will be skipped: {error}")
