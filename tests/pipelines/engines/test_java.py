"""Java and the job server: what is missing or wrong is said in one line, with the remedy."""

from __future__ import annotations

import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from pipelines.engines import java
from pipelines.errors import RunFailed


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Java or jars."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    for name in ("JAVA_HOME", "MAVEN_REPOSITORY", java.JAR, java.VOUCHED):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def install_java(home: Path, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = home / "jdk/bin/java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{said}\"' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(home / "jdk"))


def make_jar(path: Path, beam: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("org/apache/beam/sdk/sdk.properties", f"# of the build\nversion={beam}\nsdk_version={beam}\n")
    return path


def test_no_java(home: Path) -> None:
    with pytest.raises(RunFailed, match=r"^no Java on this machine: apt-get install openjdk-17"):
        java.java()


@pytest.mark.parametrize(("said", "release"), [("21.0.1", "21"), ("1.8.0_412", "8"), ("x", "of an unknown release")])
def test_a_java_that_spark_does_not_run_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, said: str, release: str
) -> None:
    install_java(home, said, monkeypatch)
    with pytest.raises(RunFailed, match=f"is Java {release}, Spark needs 11 or 17: "):
        java.java()


@pytest.mark.parametrize("said", ["17.0.15", "11.0.2"])
def test_a_java_that_it_runs_on(home: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    install_java(home, said, monkeypatch)
    assert java.java() == str(home / "jdk/bin/java")


def test_no_job_server(home: Path) -> None:
    with pytest.raises(RunFailed, match=f"no job server of Beam {version('apache-beam')} on this machine: mvn "):
        java.job_server_jar()
    with pytest.raises(RunFailed, match=r"/absent\.jar: no such file: mvn "):
        java.job_server_jar("/absent.jar")


def test_a_job_server_of_another_version_needs_somebody_to_vouch(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = make_jar(home / "server.jar", "2.62.0")
    with pytest.raises(
        RunFailed, match=f"is the job server of Beam 2.62.0, installed is {version('apache-beam')}: mvn"
    ):
        java.job_server_jar(str(jar))
    monkeypatch.setenv(java.VOUCHED, "2.62.0")
    assert java.job_server_jar(str(jar)) == jar
    monkeypatch.setenv(java.VOUCHED, "2.70.0")
    with pytest.raises(RunFailed, match=r"2\.62\.0"):
        java.job_server_jar(str(jar))


def test_what_is_no_jar(home: Path) -> None:
    (home / "server.jar").write_bytes(b"PK nothing")
    with pytest.raises(RunFailed, match=r"server\.jar is no job server of Beam: mvn "):
        java.job_server_jar(str(home / "server.jar"))


def test_mavens_copy_is_found(home: Path) -> None:
    wanted = version("apache-beam")
    artifact = "beam-runners-spark-3-job-server"
    jar = make_jar(home / f".m2/repository/org/apache/beam/{artifact}/{wanted}/{artifact}-{wanted}.jar", wanted)
    assert java.job_server_jar() == jar
