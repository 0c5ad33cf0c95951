"""What ``cuvee doctor`` finds of a run folder before a run: nothing is left there, and every trouble has its remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import storage
from pipelines.engines.examination import of_a_run_folder
from tests.object_store import BUCKET, Server, forget_clients


def test_a_run_folder_that_can_be_written(bucket: str, tmp_path: Path) -> None:
    for run in (bucket, str(tmp_path / "not" / "yet")):
        assert of_a_run_folder(run).ok
        assert not storage.exists(run)


@pytest.mark.parametrize(
    ("variables", "run", "found", "remedy"),
    [
        ({}, "s3://never-made/x", "no such bucket", "create it"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, f"s3://{BUCKET}/x", "the secret key is wrong", "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}, f"s3://{BUCKET}/x", "does not answer", "AWS_ENDPOINT_URL_S3"),
        ({}, "/etc/hostname/x", "cannot be written", "--run"),
    ],
)
def test_what_is_wrong_and_the_remedy(
    variables: dict[str, str], run: str, found: str, remedy: str, store: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    try:
        check = of_a_run_folder(run)
    finally:
        monkeypatch.undo()
        forget_clients()
    assert not check.ok
    assert not check.optional
    assert found in check.found
    assert remedy in check.remedy
