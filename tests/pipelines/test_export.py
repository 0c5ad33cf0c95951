"""``cuvee export`` on a finished run: every format, what it counts, and what a takedown leaves of it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from typer.testing import CliRunner

from manifests import exports
from manifests.exports.facts import gather
from manifests.takedown import Request
from pipelines.cli import app
from pipelines.errors import CuveeError
from pipelines.takedown import apply
from tests.pipelines.test_takedown import chosen, quiet


def test_the_shards_are_what_is_counted(finished: Path) -> None:
    facts = gather(str(finished))
    index = json.loads((finished / "shards/index.json").read_text())
    assert facts.basis == "shards"
    assert facts.total("seen") == sum(s["tokens"] for s in index["formats"]["olmo"])
    by_source = dict(facts.by("source")["source", "seen"].rows())
    assert by_source == {s: n for s, n in index["tokens"].items() if n}
    spans = pl.concat(
        [pl.read_parquet(p).cast({"part": pl.String}) for p in sorted((finished / "shards/olmo").glob("*.spans.*"))]
    )
    assert facts.total("documents") == spans.select("part", "row").n_unique()


@pytest.mark.parametrize("form", exports.FORMATS)
def test_every_format_is_written_by_the_command(finished: Path, tmp_path: Path, form: str) -> None:
    done = CliRunner().invoke(app, ["export", form, str(finished), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    written = done.output.split()
    assert written
    assert all(Path(p).stat().st_size for p in written)


def test_json_formats_are_valid_for_their_libraries(finished: Path, tmp_path: Path) -> None:
    import mlcroissant
    import spdx_python_model

    found = {}
    for form in ("croissant", "spdx", "cyclonedx"):
        (file,) = exports.write(form, str(finished), str(tmp_path / form))
        found[form] = json.loads(Path(file).read_text())
    assert not mlcroissant.Dataset(found["croissant"]).metadata.ctx.issues.errors
    _, objects = spdx_python_model.load_data(found["spdx"])
    assert not objects.missing_ids
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(json.dumps(found["cyclonedx"])) is None
    models = [c["name"] for c in found["cyclonedx"]["components"] if c["type"] == "machine-learning-model"]
    assert "tokenizer.json" in models


def test_what_was_taken_down_is_in_no_export(copied: Path, tmp_path: Path) -> None:
    url, identifier, _ = chosen(copied)
    before = gather(str(copied))
    table, _ = exports.write("attribution", str(copied), str(tmp_path / "before"))
    assert identifier in pl.read_parquet(table)["id"].to_list()
    apply(str(copied), [Request("url", url)], mode="erase", why="a letter", progress=quiet)
    after = gather(str(copied))
    assert after.total("documents") < before.total("documents")
    assert after.takedowns == 1
    table, page = exports.write("attribution", str(copied), str(tmp_path / "after"))
    assert identifier not in pl.read_parquet(table)["id"].to_list()
    assert url not in Path(page).read_text()


def test_a_mistake_is_one_line(finished: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", "docx", str(finished), "--out", str(tmp_path / "x")])
    assert isinstance(done.exception, CuveeError)
    assert "unknown format 'docx'" in str(done.exception)
    done = CliRunner().invoke(app, ["export", "spdx", str(tmp_path), "--out", str(tmp_path / "x")])
    assert "no run folder here" in str(done.exception)
