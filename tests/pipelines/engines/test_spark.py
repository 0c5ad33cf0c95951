"""The Spark engine as far as it goes without a cluster; the rest is in tests/spark."""

from __future__ import annotations

import socket

import pytest

from pipelines.engines import job_name
from pipelines.engines.spark import SparkEngine, cause, check_master, check_port, explain
from pipelines.errors import RunFailed


@pytest.mark.parametrize("master", ["", "yarn", "spark://", "spark://host", "spark://a:1,b", "http://a:1"])
def test_a_malformed_master(master: str) -> None:
    with pytest.raises(RunFailed, match=r"^--spark-master .*: expected spark://HOST:PORT$"):
        check_master(master)


def test_an_unreachable_master() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))  # bound, not listening
        address = f"127.0.0.1:{s.getsockname()[1]}"
        with pytest.raises(RunFailed, match=f"no Spark master answers at {address}: .* correct --spark-master"):
            check_master(f"spark://{address}")


def test_one_of_several_masters_is_enough() -> None:
    with socket.socket() as there, socket.socket() as away:
        for s in (there, away):
            s.bind(("127.0.0.1", 0))
        there.listen()
        check_master("spark://" + ",".join(f"127.0.0.1:{s.getsockname()[1]}" for s in (away, there)))


def test_a_port_in_use() -> None:
    with socket.socket() as s:
        s.bind(("localhost", 0))
        s.listen()
        port = s.getsockname()[1]
        with pytest.raises(RunFailed, match=f"port {port} of the job server: Address already in use: choose another"):
            check_port([f"--job_port={port}"])
    assert check_port([]) == "any free one"


def test_an_option_that_beam_cannot_read_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunFailed, match=r"^Beam options: argument --job_port: invalid int value: 'abc'$"):
        check_port(["--job_port=abc"])
    assert capsys.readouterr().err == ""


def test_the_users_options_come_last() -> None:
    engine = SparkEngine("spark://h:1", options=["--environment_cache_millis=7"])
    options = engine.pipeline_options("name", "localhost:1")
    assert options[-1] == "--environment_cache_millis=7"
    assert "--environment_type=PROCESS" in options


def test_java_says_why() -> None:
    trace = (
        "java.lang.RuntimeException: outer\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: disk\n\t... 25 more"
    )
    assert cause(f"Pipeline x failed in state FAILED: {trace}") == "java.io.IOException: disk"
    assert cause("state FAILED: java.lang.OutOfMemoryError: heap") == "state FAILED: java.lang.OutOfMemoryError: heap"
    assert (
        cause("Pipeline x failed in state FAILED: java.io.EOFException: x\n\na.B.c(B.java:1)")
        == "java.io.EOFException: x"
    )
    assert cause("nothing known") == "nothing known"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            'java.io.IOException: Cannot run program "x": error=2, No such file or directory',
            "the workers cannot start cuvee-worker (No such file or directory): give them",
        ),
        (
            "Pipeline x failed in state FAILED: java.io.IOException: error=13, Permission denied",
            "the workers cannot start cuvee-worker (Permission denied): give them",
        ),
        (
            "java.lang.IllegalStateException: Cannot call methods on a stopped SparkContext.\n\na.B.c(B.java:1)",
            "the Spark application ended: spark://h:1 is no Spark 3.5 master, or it went away",
        ),
        ("ModuleNotFoundError: No module named 'pipelines.graph'", "the workers have no module pipelines.graph: pack"),
        ("All masters are unresponsive! Giving up.", "no Spark master answers at spark://h:1: start it"),
        ("something else", "Spark: something else"),
    ],
)
def test_the_remedy_stands_beside_what_java_said(message: str, said: str) -> None:
    assert explain(message, "spark://h:1").startswith(said)


def test_the_same_work_has_the_same_name() -> None:
    name = job_name("gs://corpora/My Run/", "ingest", ["a", "b"])
    assert name.startswith("cuvee-my-run-ingest-")
    assert name == job_name("gs://corpora/My Run/", "ingest", ["a", "b"])
    others = {job_name("gs://corpora/x", "ingest", ["a", "b"]), job_name("gs://corpora/My Run/", "ingest", ["a"])}
    assert name not in others
    assert len(job_name("s3://b/" + "long" * 40, "ingest", [])) < 63
