"""Dataflow without an account: what is submitted, and that it runs to the right output."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from manifests import storage
from manifests.storage import gcs
from tests.pipelines.examine import IDENTICAL, digests

pytest.importorskip("google.cloud.dataflow_v1beta3", reason="needs cuvee[gcp]: make dataflow-test")
emulator = pytest.importorskip("gcp_storage_emulator.server", reason="needs gcp-storage-emulator: make dataflow-test")

from tests.dataflow.service import Service, options_of, pipeline_of  # noqa: E402  after the skips

pytestmark = pytest.mark.dataflow

BUCKET = "corpora"
#: as the service numbers its enumeration
_THROUGHPUT_BASED = 2
#: 30 for image and system, 4 copies of a part of 256 MiB for each of 4 cores
_DISK_GB = 30 + 3
CLOUD = ["--project=wine", "--region=europe-west4"]


@pytest.fixture(scope="module", autouse=True)
def bucket() -> Iterator[str]:
    """A storage emulator with an empty bucket, and an environment that leads to it."""
    server = emulator.create_server("localhost", 0, in_memory=True, default_bucket=BUCKET)
    server.start()
    _, port = server._api._httpd.socket.getsockname()[:2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
        gcs._client.cache_clear()
        yield f"gs://{BUCKET}"
    gcs._client.cache_clear()
    server.stop()


@pytest.fixture(scope="module")
def notes(bucket: str) -> str:
    """A few files of documents in the bucket, two of them alike."""
    for number in range(3):
        lines = [
            json.dumps({"id": f"{number}-{i}", "text": f"Note {i} of file {number % 2} tells of vat {i * 7}. " * 9})
            for i in range(20)
        ]
        storage.write_bytes(f"{bucket}/notes/{number}.jsonl", "\n".join(lines).encode())
    return f"{bucket}/notes/*.jsonl"


@pytest.fixture
def recipe(tmp_path: Path, notes: str) -> Path:
    path = tmp_path / "notes.yaml"
    path.write_text(
        f"""\
name: notes
sources:
  - {{name: notes, kind: jsonl, paths: ["{notes}"], licence: CC0-1.0}}
dedup: {{partitions: 3}}
"""
    )
    return path


def cuvee(recipe: Path, run: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", "run", str(recipe), "--run", run, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=recipe.parent)


def dataflow(service: Service, *more: str) -> list[str]:
    endpoint = ["--no_auth", f"--dataflow_endpoint={service.endpoint}"]
    return ["--engine", "dataflow", "--workers", "40", "--", *CLOUD, *endpoint, *more]


def test_the_jobs_run_to_the_same_bytes_as_on_one_machine(recipe: Path, bucket: str, tmp_path: Path) -> None:
    local = cuvee(recipe, str(tmp_path / "local"), "--workers", "2")
    assert local.returncode == 0, local.stderr
    run = f"{bucket}/same"
    with Service() as service:
        done = cuvee(recipe, run, *dataflow(service, "--sdk_container_image=registry/wine/cuvee:1"))
    assert done.returncode == 0, done.stderr
    here = digests(tmp_path / "local")
    files = [f for name in IDENTICAL for f in storage.list_files(f"{run}/{name}", recursive=True)]
    files += [f"{run}/{name}" for name in IDENTICAL if storage.is_file(f"{run}/{name}")]
    assert {f.removeprefix(f"{run}/"): storage.digest(f) for f in files} == here
    names = [job["name"] for job in service.jobs.values()]
    assert len(set(names)) == len(names)
    for stage in ("ingest", "annotate", "keys", "verify", "select"):
        assert sum(name.startswith(f"cuvee-same-{stage}-") for name in names) == 1
    for job in service.jobs.values():
        as_asked(job)


def as_asked(job: dict) -> None:  # type: ignore[type-arg]
    """What Google is told of workers and of the code they run."""
    (pool,) = job["environment"]["workerPools"]
    assert pool["machineType"] == "n2-standard-4"
    assert pool["diskSizeGb"] == _DISK_GB
    assert pool["autoscalingSettings"] == {"algorithm": _THROUGHPUT_BASED, "maxNumWorkers": 1}
    assert pool["sdkHarnessContainerImages"][0]["containerImage"] == "registry/wine/cuvee:1"
    options = options_of(job)
    assert options["number_of_worker_harness_threads"] == 1
    assert options["region"] == "europe-west4"
    from apache_beam.portability.api import beam_runner_api_pb2

    components = beam_runner_api_pb2.Pipeline.FromString(pipeline_of(job)).components
    steps = {t.unique_name for t in components.transforms.values()}
    assert {"Tasks", "Execute"} <= steps
    assert ("Group" in steps) == ("-keys-" in job["name"])
    assert len(components.environments) == 1


def test_our_wheel_goes_with_the_job_when_there_is_no_image(recipe: Path, bucket: str) -> None:
    with Service(hold=True) as service:
        _first_job(service, recipe, f"{bucket}/wheel")
        (job,) = service.jobs.values()
    packages = [p["name"] for p in job["environment"]["workerPools"][0]["packages"]]
    assert any(p.startswith("cuvee-") and p.endswith(".whl") for p in packages), packages


def test_a_restarted_driver_finds_its_job_again(recipe: Path, bucket: str) -> None:
    run = f"{bucket}/restarted"
    image = "--sdk_container_image=registry/wine/cuvee:1"
    with Service(hold=True) as service:
        _first_job(service, recipe, run, image)
        storage.remove(f"{run}/.lock")  # else the killed driver's lease has to run out first
        with driver(recipe, run, *dataflow(service, image)) as second:
            _until(lambda: service.listed >= 2, second)  # it looked for a job of the name, and found one
            service.release()
            _until(lambda: service.submitted == 2, second)
        first, after = (job["name"] for job in service.jobs.values())
    assert "-ingest-" in first
    assert "-annotate-" in after


@contextmanager
def driver(recipe: Path, run: str, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A driver that is killed when the block ends."""
    command = [sys.executable, "-m", "pipelines.cli", "run", str(recipe), "--run", run, *more]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _first_job(service: Service, recipe: Path, run: str, *more: str) -> None:
    """Starts a driver, and kills it when it submitted a job."""
    with driver(recipe, run, *dataflow(service, *more)) as started:
        _until(lambda: bool(service.jobs), started)


def _until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    while not holds():
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.1)


def test_a_dry_run_writes_every_job_and_asks_nobody(recipe: Path, bucket: str, tmp_path: Path) -> None:
    from apache_beam.portability.api import beam_runner_api_pb2

    done = cuvee(recipe, f"{bucket}/same", "--dry-run", "--engine", "dataflow", "--", *CLOUD)
    assert done.returncode == 0, done.stderr
    written = sorted((tmp_path / "graphs/notes").glob("*.json"))
    planned = [p.stem.split("-", 1)[1] for p in written]
    record = json.loads(storage.read_bytes(f"{bucket}/same/run.json"))  # of the run of the first test
    assert planned == [s["stage"] for s in record["stages"] if s["job"]]
    for path in written:
        job = json.loads(path.read_text())
        assert job["name"].startswith("cuvee-same-")
        graph = beam_runner_api_pb2.Pipeline.FromString(path.with_suffix(".pb").read_bytes())
        assert any("Execute" in t.unique_name for t in graph.components.transforms.values())


@pytest.mark.parametrize(
    ("run", "options", "said"),
    [
        ("gs://corpora/x", ["--region=r"], "--engine dataflow needs -- --project="),
        ("gs://corpora/x", ["--project=p"], "--engine dataflow needs -- --region="),
        ("runs/x", CLOUD, "is on this machine: use --run gs://BUCKET/NAME"),
    ],
)
def test_what_is_missing_is_said_in_one_line(recipe: Path, run: str, options: list[str], said: str) -> None:
    done = cuvee(recipe, run, "--engine", "dataflow", "--", *options)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
