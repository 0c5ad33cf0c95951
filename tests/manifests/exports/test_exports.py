"""Exports: valid for the libraries of their formats, true to the run's columns, the same twice, and safe to open."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from manifests import exports, parts, schemas, signatures, storage
from manifests.exports import absences, licensing, signals
from manifests.exports.facts import gather
from manifests.policy import Policy
from tests.manifests.report import run_folder

KEPT = run_folder.ROWS - 8  # six are too short, two are duplicates


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that ended before its shards: kept documents count."""
    folder = tmp_path_factory.mktemp("run")
    run_folder.build(str(folder), stages=8)
    return folder


def _json(form: str, run: Path, to: Path) -> dict[str, Any]:
    exports.write(form, str(run), str(to))
    return dict(json.loads(to.read_text()))


def test_facts_add_up_to_the_columns(run: Path) -> None:
    facts = gather(str(run))
    assert facts.basis == "kept"
    assert facts.total("documents") == KEPT
    assert facts.total("tokens") == 100 * KEPT
    assert facts.dropped == {"too_short": 6, "exact_duplicate": 1, "fuzzy_duplicate": 1}
    by_licence = dict(facts.by("licence")["licence", "documents"].rows())
    licences = pl.read_parquet(run / f"annotations/licence/{run_folder.PART}.parquet")["licence"].to_list()
    kept = [licences[i] for i in range(run_folder.ROWS) if run_folder.reason(i) is None]
    assert by_licence == {name: kept.count(name) for name in set(kept)}
    assert facts.reservations["protocol", "value", "documents"].rows() == [("tdm<rep>", "deny", 1)]
    assert facts.hosts["host", "documents"].rows() == [("good.example", KEPT)]


@pytest.mark.parametrize("stages", [2, 6])
def test_less_of_a_run_counts_what_there_is(tmp_path: Path, stages: int) -> None:
    run_folder.build(str(tmp_path), stages=stages)
    facts = gather(str(tmp_path))
    assert facts.basis == ("kept" if stages > 4 else "read")
    assert facts.total("documents") == (KEPT if stages > 4 else run_folder.ROWS)
    assert bool(facts.total("bytes")) != bool(facts.total("tokens"))
    said = [str(a) for a in absences.of(facts)]
    assert any(a.startswith("policy and blend") for a in said)
    assert any(a.startswith("training shards") for a in said)


def test_croissant_is_valid_and_its_records_can_be_read(run: Path, tmp_path: Path) -> None:
    import mlcroissant

    copy = Path(shutil.copytree(run, tmp_path / "run"))
    found = _json("croissant", copy, copy / "croissant.json")
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert found["license"] == ["https://spdx.org/licenses/CC-BY-4.0", "LicenseRef-unknown"]
    dataset = mlcroissant.Dataset(str(copy / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    ids = [r["verdicts/id"].decode() for r in dataset.records("verdicts")]
    assert ids == run_folder.ids_of(str(copy))[0]


def test_croissant_with_a_dangling_reference_is_refused(run: Path, tmp_path: Path) -> None:
    """The check above can fail."""
    import mlcroissant

    found = _json("croissant", run, tmp_path / "croissant.json")
    found["recordSet"][0]["field"][0]["source"]["fileSet"]["@id"] = "nowhere"
    with pytest.raises(mlcroissant.ValidationError):
        mlcroissant.Dataset(found)


def test_spdx_is_valid_with_declared_and_concluded_licences(run: Path, tmp_path: Path) -> None:
    import spdx_python_model

    found = _json("spdx", run, tmp_path / "spdx.json")
    model, objects = spdx_python_model.load_data(found)
    assert not objects.missing_ids
    whole, source = sorted(objects.foreach_type(model.dataset_DatasetPackage), key=lambda p: p.spdxId)
    assert whole.dataset_datasetSize == 100 * KEPT
    relations = {r.spdxId.rsplit("#", 1)[1]: r for r in objects.foreach_type(model.Relationship)}
    declared = [x.simplelicensing_licenseExpression for x in relations["relation-hasDeclaredLicense-0"].to]
    assert declared == ["CC-BY-4.0"]
    assert len(relations["relation-hasConcludedLicense-0"].to) == 2  # and no assertion
    assert relations["relation-sources"].to == [source]
    for package in (whole, source):  # what the dataset profile asks of each
        of = [r.relationshipType for r in relations.values() if r.from_ is package]
        for kind in ("hasConcludedLicense", "hasDeclaredLicense"):
            assert of.count(getattr(model.RelationshipType, kind)) == 1


def test_spdx_without_a_type_is_refused(run: Path, tmp_path: Path) -> None:
    import spdx_python_model

    found = _json("spdx", run, tmp_path / "spdx.json")
    package = next(e for e in found["@graph"] if e["type"] == "dataset_DatasetPackage")
    package["dataset_datasetType"] = ["prose"]
    with pytest.raises(Exception, match="prose"):
        spdx_python_model.load_data(found)


def test_cyclonedx_is_valid_by_its_schema(run: Path, tmp_path: Path) -> None:
    found = _json("cyclonedx", run, tmp_path / "bom.json")
    validator = JsonStrictValidator(SchemaVersion.V1_7)
    assert validator.validate_str(json.dumps(found)) is None
    assert validator.validate_str(json.dumps({**found, "components": [{"type": "corpus"}]})) is not None
    assert [c["bom-ref"] for c in found["components"]] == ["source:web"]
    licences = found["components"][0]["licenses"]
    assert {"license": {"id": "CC-BY-4.0", "acknowledgement": "declared"}} in licences


@pytest.mark.parametrize("form", exports.FORMATS)
def test_the_same_run_gives_the_same_bytes(run: Path, tmp_path: Path, form: str) -> None:
    written = [exports.write(form, str(run), str(tmp_path / name)) for name in ("a", "b")]
    assert written[0]
    for one, other in zip(*written, strict=True):
        assert storage.read_bytes(one) == storage.read_bytes(other)


def test_licences_after_deduplication_are_those_that_count(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    own = parts.read(str(copy), "annotations/licence", run_folder.PART)
    united = own.set_column(0, "licence", pa.array(["MIT"] * own.num_rows))
    _, ids = run_folder.ids_of(str(copy))
    parts.write(str(copy), "annotations/united", run_folder.PART, united, schema="licence", ids=ids)
    assert gather(str(copy)).concluded() == ["MIT"]


def test_a_claim_made_twice_counts_its_document_once(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    evidence = pl.DataFrame(pl.from_arrow(parts.read(str(copy), parts.EVIDENCE, run_folder.PART)))
    twice = evidence.with_columns(pl.concat_list("claims", "claims")).to_arrow().cast(schemas.EVIDENCE)
    _, ids = run_folder.ids_of(str(copy))
    parts.write(str(copy), parts.EVIDENCE, run_folder.PART, twice, schema="evidence", ids=ids)
    assert gather(str(copy)).claims.equals(gather(str(run)).claims)


def test_what_hosts_reserve_is_told_by_agent_and_each_document_counted_once(run: Path, tmp_path: Path) -> None:
    """The host's robots.txt is in no evidence of its own; the policy of the mix names one of the two agents."""
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    evidence = parts.read(str(copy), parts.EVIDENCE, run_folder.PART).to_pylist()
    for row in evidence[-2:]:
        robots = [
            {"protocol": "robots", "value": "deny", "agent": a, "locator": "robots.txt"} for a in ("omgili", "GPTBot")
        ]
        row["reservations"] = [*row["reservations"], *robots]
    licence, interned = signatures.annotate(pa.Table.from_pylist(evidence, schema=schemas.EVIDENCE))
    _, ids = run_folder.ids_of(str(copy))
    table = pa.Table.from_batches([licence])
    parts.write(str(copy), "annotations/licence", run_folder.PART, table, schema="licence", ids=ids)
    parts.write(str(copy), "signatures", run_folder.PART, interned, schema="signatures", ids=ids)
    facts = gather(str(copy))
    assert facts.mix is not None
    policy = Policy.load("permissive-only")
    facts = replace(facts, mix=facts.mix.model_copy(update={"policy": policy.name, "policy_digest": policy.digest}))
    told = [(s.protocol, s.agent, s.documents, s.honoured) for s in signals.of(facts)]
    assert told == [("robots", "GPTBot", 2, "yes"), ("robots", "omgili", 2, "no"), ("tdm<rep>", "*", 1, "no")]


@pytest.mark.parametrize("form", exports.FORMATS)
def test_a_run_of_nothing_has_exports_too(tmp_path: Path, form: str) -> None:
    (tmp_path / "run.json").write_text("{}")
    assert exports.write(form, str(tmp_path), str(tmp_path / "out"))
    (tmp_path / "run.json").write_text("nonsense")
    with pytest.raises(storage.Damaged, match=r"run\.json: not valid JSON"):
        exports.write(form, str(tmp_path), str(tmp_path / "out"))


def test_unknown_format_and_no_run(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown format 'docx'; there are croissant"):
        exports.write("docx", str(run), str(tmp_path / "x"))
    with pytest.raises(ValueError, match=r"no run folder here \(it has no run\.json\)"):
        exports.write("spdx", str(tmp_path), str(tmp_path / "x"))


@pytest.mark.parametrize(
    ("expression", "address"),
    [
        ("MIT", "https://spdx.org/licenses/MIT"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("LicenseRef-CC-BY-unversioned", "LicenseRef-CC-BY-unversioned"),
        ("<script>", "LicenseRef-unknown"),
        ("Nobody-1.0", "LicenseRef-unknown"),
        ("", "LicenseRef-unknown"),
    ],
)
def test_licences_as_other_formats_write_them(expression: str, address: str) -> None:
    assert licensing.address(expression) == address
