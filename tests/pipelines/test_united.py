"""Survivors carry the claims of what they stand for; what a permissive twin would have changed is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from manifests import laundering, lineage, parts, schemas, signatures
from manifests.documents import Claim, Document, documents_table, evidence_table
from manifests.text import content_hash
from pipelines.stages import licences
from pipelines.stages.licences import _Members, _United

RESERVED = Claim("LicenseRef-all-rights-reserved", "meta", "page", "meta copyright", "©", "publisher", 0.8)
SCRAPER = Claim("CC-BY-4.0", "jsonld", "page", "json-ld", "by", "publisher", 0.9)
CATALOGUE = Claim("CC-BY-NC-4.0", "platform", "text", "column", "nc", "platform", 0.97)


def write(run: str, part: str, claims: list[tuple[Claim, ...]], survivors: list[str | None]) -> list[str]:
    found = [Document(f"{part}:{i}", f"text {part} {i}", claims=c) for i, c in enumerate(claims)]
    hashes = content_hash(pa.array([d.text for d in found]))
    table = documents_table(found, namespace=part, acquisition="own-crawl", hashes=hashes)
    ids = parts.ids_digest(table["id"])
    parts.write(run, parts.DOCUMENTS, part, table, schema="documents", ids=ids)
    evidence = evidence_table(found)
    parts.write(run, parts.EVIDENCE, part, evidence, schema="evidence", ids=ids)
    own, interned = signatures.annotate(evidence)
    parts.write(run, "annotations/licence", part, pa.Table.from_batches([own]), schema="licence", ids=ids)
    parts.write(run, "signatures", part, interned, schema="signatures", ids=ids)
    rows = [{"survivor": s, "kind": "exact", "score": 1.0, "cluster": s, "cluster_size": 2} for s in survivors]
    duplicates = pa.Table.from_pylist(rows, schema=schemas.DUPLICATES)
    parts.write(run, "duplicates", part, duplicates, schema="duplicates", ids=ids)
    return [str(i) for i in table["id"].to_pylist()]


@pytest.fixture
def run(tmp_path: Path) -> str:
    """Three originals, each with a copy in another part."""
    folder = str(tmp_path / "run")
    originals = write(folder, "web/part-0", [(RESERVED,), (), (SCRAPER,)], [None, None, None])
    write(folder, "mirror/part-1", [(SCRAPER,), (SCRAPER,), (CATALOGUE,)], list(originals))
    (tmp_path / "run/run.json").write_text(json.dumps({"inputs": {}}))
    spec = _Members(("mirror/part-1", "web/part-0"), ("mirror/part-1", "web/part-0"))
    licences.gather_hosts(folder, ())
    licences.list_members(folder, spec)
    for part in spec.fresh:
        licences.unite_part(folder, _United(part, False))
    return folder


def test_survivors_carry_the_claims_of_their_copies(run: str) -> None:
    united = parts.read(run, licences.UNITED, "web/part-0")
    assert united["licence_class"].to_pylist() == ["reserved", "unknown", "noncommercial"]
    copies = parts.read(run, licences.UNITED, "mirror/part-1")
    own = parts.read(run, licences.COLUMN, "mirror/part-1")
    assert copies["licence"].to_pylist() == own["licence"].to_pylist()


def test_what_a_permissive_twin_would_have_changed_is_counted(run: str) -> None:
    lineage.build(run)
    found = laundering.changed(run)
    assert sorted(found.select("licence_class", "would_be", "documents").rows()) == [
        ("noncommercial", "permissive", 1),
        ("reserved", "permissive", 1),
        ("unknown", "permissive", 1),
    ]
