"""From a token to its document, licence and record, in a run folder of two sources and one shard."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests import lineage, parts, schemas, storage
from manifests.documents import Claim, Document, documents_table, evidence_table
from manifests.signatures import annotate
from manifests.text import content_hash

SHARD = "shards/olmo/part-00000.npy"
SOURCES = {"web": "part-0001", "books": "part-0002"}


def spell(tokens: npt.NDArray[Any]) -> str:
    return "".join(map(chr, tokens.tolist()))


def documents(source: str) -> list[Document]:
    claims = (Claim("CC-BY-4.0", "footer-link", "page", "a in footer", "https://…", "publisher", 0.65),)
    return [
        Document(
            locator=f"{source}:{i}",
            text=f"{source} document number {i}, with a tail of {'x' * i}",
            url=f"https://{source}.example/{i}",
            file=f"{source}.warc.gz",
            offset=1000 * i,
            length=900,
            claims=claims if i % 2 else (),
        )
        for i in range(5)
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Tokens are characters; the shard holds every second document of both sources, in turns."""
    folder = str(tmp_path_factory.mktemp("run"))
    for source, name in SOURCES.items():
        found, part = documents(source), f"{source}/{name}"
        hashes = content_hash(pa.array([d.text for d in found]))
        table = documents_table(found, namespace=source, acquisition="own-crawl", hashes=hashes)
        ids = parts.ids_digest(table["id"])
        evidence = evidence_table(found)
        parts.write(folder, parts.DOCUMENTS, part, table, schema="documents", ids=ids)
        parts.write(folder, parts.EVIDENCE, part, evidence, schema="evidence", ids=ids)
        licence = pa.Table.from_batches([annotate(evidence)[0]])
        parts.write(folder, "annotations/licence", part, licence, schema="licence", ids=ids)
        # several row groups, as large parts have
        path = storage.join(folder, parts.path(parts.DOCUMENTS, part))
        pq.write_table(pq.read_table(path), path, row_group_size=2)
    order = [(source, row) for row in (0, 2, 4, 1) for source in SOURCES]
    texts = [documents(source)[row].text + "\n" for source, row in order]
    ends = np.cumsum([len(t) for t in texts])
    spans = {
        "start": ends - [len(t) for t in texts],
        "end": ends,
        "part": pa.array([f"documents/{s}/{SOURCES[s]}.parquet" for s, _ in order]).dictionary_encode(),
        "row": pa.array([row for _, row in order], pa.int32()),
    }
    storage.write_bytes(storage.join(folder, SHARD), np.frombuffer("".join(texts).encode("utf-16-le"), "<u2").tobytes())
    storage.write_table(f"{folder}/shards/olmo/part-00000.spans.parquet", pa.table(spans, schema=schemas.SPANS))
    inputs = {"web": {"base": "{run}/inputs/web", "files": []}, "books": {"base": "s3://bucket/books/", "files": []}}
    storage.write_bytes(f"{folder}/run.json", json.dumps({"inputs": inputs}).encode())
    return folder


def test_every_token_finds_its_document(run: str) -> None:
    spans = storage.read_table(f"{run}/shards/olmo/part-00000.spans.parquet").to_pylist()
    for span in spans:
        for offset in {span["start"], (span["start"] + span["end"]) // 2, span["end"] - 1}:
            found = lineage.trace(run, SHARD, offset, spell)
            source = span["part"].split("/")[1]
            want = documents(source)[span["row"]]
            assert (found.source, found.document["url"]) == (source, want.url)
            assert (found.start, found.end) == (span["start"], span["end"])
            text, cut = want.text + "\n", offset - span["start"]
            assert text[:cut].endswith(found.before)
            assert text[cut:].startswith(found.after)
            assert len(found.before) == min(cut, 40)
            assert len(found.after) == min(len(text) - cut, 40)


def test_licence_evidence_and_record_come_along(run: str) -> None:
    # the last two documents of the shard have claims
    last = storage.read_table(f"{run}/shards/olmo/part-00000.spans.parquet").to_pylist()[-2:]
    web, books = (lineage.trace(run, SHARD, s["start"], spell) for s in last)
    assert web.licence["licence"] == "CC-BY-4.0"
    assert [c["kind"] for c in web.claims] == ["footer-link"]
    assert web.document["record"] == {"file": "web.warc.gz", "offset": 1000, "length": 900}
    assert web.record == f"{run}/inputs/web/web.warc.gz"
    assert books.record == "s3://bucket/books/books.warc.gz"
    first = lineage.trace(run, SHARD, 0, spell)
    assert first.licence["licence_class"] == "unknown"
    assert first.claims == []


def test_tokens_that_are_not_there(run: str) -> None:
    total = storage.size(f"{run}/{SHARD}") // 2
    assert lineage.trace(run, SHARD, total - 1, spell).after == "\n"
    for offset in (-1, total, 10**6):
        with pytest.raises(ValueError, match=f"there is no token {offset}"):
            lineage.trace(run, SHARD, offset, spell)


@pytest.mark.parametrize("shard", ["/etc/passwd", "shards/../run.json", "run.json", "shards/olmo/part-00009.npy", ""])
def test_only_shards_of_the_run_are_opened(run: str, shard: str) -> None:
    with pytest.raises(ValueError, match=r"shards are named|no such shard"):
        lineage.trace(run, shard, 0, spell)


def test_documents_are_found_by_id(run: str) -> None:
    for source, name in SOURCES.items():
        table = storage.read_table(f"{run}/documents/{source}/{name}.parquet")
        for row, identifier in enumerate(table["id"].to_pylist()):
            assert lineage.find(run, identifier) == (f"{source}/{name}", row)
            read = lineage.row_of(run, parts.DOCUMENTS, f"{source}/{name}", row, ["url"])
            assert read == {"url": f"https://{source}.example/{row}"}
    assert lineage.find(run, "0" * 32) is None
    with pytest.raises(ValueError, match="no row 5"):
        lineage.row_of(run, parts.DOCUMENTS, "web/part-0001", 5)
