"""What Spark needs of this machine: a Java that it runs on, and the job server of the installed Beam version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from importlib.metadata import version
from pathlib import Path

from pipelines.errors import RunFailed

#: what Spark 3.5 runs on
_RELEASES = (11, 17)
_INSTALL_JAVA = "apt-get install openjdk-17-jre-headless, or point JAVA_HOME at a Java 17"
_ARTIFACT = "beam-runners-spark-3-job-server"
#: names the jar to use; and, for a jar of another Beam version, that version: you vouch for the pair
JAR, VOUCHED = "CUVEE_SPARK_JOB_SERVER", "CUVEE_SPARK_JOB_SERVER_VERSION"


def java() -> str:
    """Path of JAVA_HOME's Java, else of the one on the path. RunFailed when there is none that Spark runs on."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if found is None:
        where = f"in JAVA_HOME={home}" if home else "on this machine"
        raise RunFailed(f"no Java {where}: {_INSTALL_JAVA}")
    release = java_release(found)
    if release not in _RELEASES:
        allowed = " or ".join(map(str, _RELEASES))
        raise RunFailed(f"{found} is Java {release or 'of an unknown release'}, Spark needs {allowed}: {_INSTALL_JAVA}")
    return found


def java_release(path: str) -> int:
    """17 for Java 17.0.15; 8 for 1.8; 0 when it does not say."""
    done = subprocess.run([path, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found.group(1)) if found else 0


def job_server_jar(given: str = "") -> Path:
    """The job server: ``given``, else the environment's, else Maven's or Beam's own copy. RunFailed when none fits."""
    wanted = version("apache-beam")
    fetch = (
        "mvn org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get "
        f"-Dartifact=org.apache.beam:{_ARTIFACT}:{wanted} -Dtransitive=false"
    )
    named = given or os.environ.get(JAR, "")
    candidates = [Path(named)] if named else _usual_places(wanted)
    jar = next((c for c in candidates if c.is_file()), None)
    if jar is None:
        missing = f"{named}: no such file" if named else f"no job server of Beam {wanted} on this machine"
        raise RunFailed(f"{missing}: {fetch}; or name the jar in {JAR}")
    found = beam_version(jar)
    if not found:
        raise RunFailed(f"{jar} is no job server of Beam: {fetch}; or name another in {JAR}")
    if found != wanted and found != os.environ.get(VOUCHED):
        raise RunFailed(
            f"{jar} is the job server of Beam {found}, installed is {wanted}: {fetch}; "
            f"or, if you know that the two work together, set {VOUCHED}={found}"
        )
    return jar


def beam_version(jar: Path) -> str:
    """The Beam version a jar holds; empty when it is no jar, or holds no Beam."""
    try:
        with zipfile.ZipFile(jar) as archive:
            text = archive.read("org/apache/beam/sdk/sdk.properties").decode()
    except (OSError, KeyError, zipfile.BadZipFile, UnicodeDecodeError):
        return ""
    found = re.search(r"^version=(\S+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def _usual_places(wanted: str) -> list[Path]:
    name = f"{_ARTIFACT}-{wanted}.jar"
    maven = Path(os.environ.get("MAVEN_REPOSITORY", "~/.m2/repository")).expanduser()
    return [
        maven / "org/apache/beam" / _ARTIFACT / wanted / name,
        Path("~/.apache_beam/cache/jars").expanduser() / name,
    ]
