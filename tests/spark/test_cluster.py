"""The same recipe on a real cluster whose workers share nothing with the driver but an object store."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from manifests import storage
from pipelines.engines.pack import pack
from tests.object_store import Server, upload
from tests.pipelines.conftest import run_quietly, tiny_recipe
from tests.pipelines.examine import IDENTICAL, differences, digests
from tests.spark.cluster import Cluster, why_none
from tests.spark.conftest import Cuvee, run_on

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1200)]

#: make spark-demo names the demo's recipe
DEMO = os.environ.get("CUVEE_SPARK_RECIPE")
OWN = """\
name: own
sources:
  - {{name: notes, kind: jsonl, paths: ["{path}"], licence: CC0-1.0}}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A recipe over a file that only the driver has."""
    notes = tmp_path / "notes.jsonl"
    notes.write_text("".join(json.dumps({"id": str(i), "text": f"note {i} of a few " * 20}) + "\n" for i in range(9)))
    recipe = tmp_path / "own.yaml"
    recipe.write_text(OWN.format(path=notes))
    return recipe


def test_a_run_folder_that_workers_do_not_see_is_refused(own: Path, tmp_path: Path, cuvee: Cuvee) -> None:
    done = cuvee(own, str(tmp_path / "run"))
    assert done.returncode == 1
    assert f"the workers do not see the run folder {tmp_path}/run: put it where they do" in done.stderr
    assert "Traceback" not in done.stderr


def test_inputs_that_workers_do_not_see_are_refused(own: Path, tmp_path: Path, bucket: str, cuvee: Cuvee) -> None:
    done = cuvee(own, bucket)
    assert done.returncode == 1
    assert f"does not see {tmp_path}: put the inputs where the workers see them" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_cluster_makes_the_same_bytes_as_one_machine(tmp_path: Path, bucket: str, cuvee: Cuvee) -> None:
    recipe = Path(DEMO) if DEMO else tiny_recipe(tmp_path)
    local = local_run(recipe, tmp_path, bucket)
    done = cuvee(recipe, bucket)
    assert done.returncode == 0, done.stderr
    assert differences(digests(local), remote_digests(bucket)) == []
    record = json.loads(storage.read_bytes(f"{bucket}/run.json"))
    counters = {s["stage"]: s["counters"] for s in record["stages"]}
    ingested = sum(s["counts"]["documents"] for s in receipts(bucket, "ingest"))
    assert counters["ingest"]["documents"] == ingested > 0
    assert counters["annotate"]["documents"] == ingested
    assert counters["annotate"]["bytes"] > 0
    again = cuvee(recipe, bucket)
    assert again.returncode == 0, again.stderr
    assert "Nothing to do" in again.stdout


@pytest.mark.skipif(not DEMO, reason="takes minutes: make spark-demo")
def test_hosts_that_have_nothing_of_ours_take_the_environment_from_the_archive(
    tmp_path: Path, bucket: str, store: Server
) -> None:
    if why := why_none():
        pytest.skip(why)
    recipe = tiny_recipe(tmp_path)
    local = local_run(recipe, tmp_path, bucket)
    archive = tmp_path / "cuvee-env.tar.gz"
    pack(str(archive))
    with Cluster(store.endpoint, archive=archive) as cluster:
        done = run_on(cluster, store, recipe, bucket)
    shutil.rmtree(cluster.folder)  # each executor had its copy
    assert done.returncode == 0, done.stderr
    assert differences(digests(local), remote_digests(bucket)) == []


def local_run(recipe: Path, folder: Path, bucket: str) -> Path:
    """A run on one machine; what it made once, for all engines, is in the bucket then."""
    local = folder / "local"
    run_quietly(recipe, local)
    for same in ("inputs", "cache/rephrase"):
        upload(local / same, f"{bucket}/{same}")
    return local


def remote_digests(run: str) -> dict[str, str]:
    """As ``examine.digests``, of a run in an object store."""
    files = [f"{run}/{n}" for n in IDENTICAL if storage.is_file(f"{run}/{n}")]
    files += [f for n in IDENTICAL for f in storage.list_files(f"{run}/{n}", recursive=True)]
    return {f.removeprefix(f"{run}/"): storage.digest(f) for f in files}


def receipts(run: str, stage: str) -> list[dict[str, dict[str, int]]]:
    return [json.loads(storage.read_bytes(f)) for f in storage.list_files(f"{run}/receipts/{stage}", "*.json")]
