"""The whole way on real files: what every run promises, resume, and lineage back to the crawl."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from manifests import lineage, receipts
from manifests.token_files import SUFFIXES
from mixing.tokenizer import Tokenizer
from pipelines.extract import extract_text
from pipelines.sources.warc import read_record
from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import column, digests, examine


def test_every_promise_holds(finished: Path) -> None:
    examine(finished)
    assert (finished / "report" / "index.html").stat().st_size > 10_000


def test_rejects_and_documents_are_counted_apart(finished: Path) -> None:
    written = column(finished, "documents").height
    counted = [json.loads(p.read_text())["counts"] for s in ("ingest", "rephrase") for p in _receipts(finished, s)]
    assert sum(c["documents"] for c in counted) == written
    rejected = sum(pl.read_parquet(p).height for p in (finished / "rejects").glob("*/*.parquet"))
    assert sum(c["rejects"] for c in counted) == rejected


def _receipts(run: Path, stage: str) -> list[Path]:
    return sorted((run / "receipts" / stage).glob("*.json"))


def test_a_second_run_does_nothing(tiny: Path, copied: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in copied.rglob("*") if p.is_file()}
    summary = run_quietly(tiny, copied)
    assert not summary.worked
    after = {p: p.stat().st_mtime_ns for p in copied.rglob("*") if p.is_file()}
    changed = {p.relative_to(copied).as_posix() for p in before if before[p] != after.get(p)}
    assert changed <= {"run.json", ".lock", "cache/checksums.json"}  # checksums are kept by path, and this is a copy
    assert set(after) == set(before)


def test_a_deleted_part_is_made_again_and_nothing_else(tiny: Path, copied: Path) -> None:
    same = digests(copied)
    chosen = random.Random(3)
    for folder in ("documents", "annotations/heuristics", "verdicts", "pools", "shards"):
        victim = chosen.choice(sorted((copied / folder).rglob("*part-*.parquet")))
        victim.unlink()
        summary = run_quietly(tiny, copied)
        assert summary.worked
        record = json.loads((copied / "run.json").read_text())
        assert sum(stage["ran"] for stage in record["stages"]) == 1, f"{victim}: {record['stages']}"
        assert digests(copied) == same


@pytest.mark.slow
def test_a_new_threshold_keeps_the_text_and_changes_the_verdicts(tiny: Path, copied: Path) -> None:
    recipe = tiny.read_text().replace("words < 25", "words < 60")
    stricter = copied.parent / "stricter.yaml"
    stricter.write_text(recipe)
    before = digests(copied)
    run_quietly(stricter, copied)
    examine(copied)
    after = digests(copied)
    originals = [p for p in before if p.startswith("documents/") and "/synthetic/" not in p]
    assert all(after[p] == before[p] for p in originals)
    assert {p: d for p, d in after.items() if p.startswith("verdicts/")} != {
        p: d for p, d in before.items() if p.startswith("verdicts/")
    }


@pytest.mark.slow
def test_a_source_taken_away_leaves_nothing_behind(tiny: Path, copied: Path) -> None:
    text = tiny.read_text().replace("- name: pdf\n", "- name: other\n")
    assert "name: other" in text
    changed = copied.parent / "changed.yaml"
    changed.write_text(text)
    run_quietly(changed, copied)
    assert not list(copied.glob("*/pdf/*.parquet")) + list(copied.glob("*/*/pdf/*.parquet"))
    assert not list((copied / "pools").glob("pdf~*/*"))
    examine(copied)


def test_any_token_leads_back_to_its_page_in_the_crawl(finished: Path) -> None:
    tokenizer = Tokenizer.load(str(finished / "models/tokenizer.json"))
    chosen = random.Random(5)
    pages = 0
    for path in sorted((finished / "shards").glob("*/*.spans.parquet")):
        stem = path.name.removesuffix(".spans.parquet")
        shard = next(p for p in (path.with_name(stem + s) for s in SUFFIXES) if p.exists())
        spans = pl.read_parquet(path)
        total = int(spans["end"][-1])
        crawled = spans.filter(pl.col("part").cast(pl.String).str.contains("/web/"))["start"].to_list()
        for offset in [0, total - 1, *crawled[:4], *(chosen.randrange(total) for _ in range(6))]:
            found = lineage.trace(str(finished), str(shard.relative_to(finished)), offset, tokenizer.decode)
            assert found.start <= offset < found.end
            for side in (found.before, found.after):  # a token may hold a part of a character
                assert side.strip("\ufffd") in found.document["text"]
            assert found.claims or found.licence["licence_class"] == "unknown"
            if found.source == "web":
                _, headers, payload = read_record(found.record, found.document["record"]["offset"])
                assert headers["content-type"].startswith("text/html")
                assert extract_text(payload, url=found.document["url"]).text == found.document["text"]
                pages += 1
    assert pages > 5


def test_rephrasings_know_their_parents(finished: Path) -> None:
    documents = column(finished, "documents")
    synthetic = documents.filter(pl.col("origin") == "synthetic")
    if not (finished / "receipts" / "rephrase").is_dir():
        return
    originals = dict(documents.select("id", "text").rows())
    for row in synthetic.iter_rows(named=True):
        parent = row["parents"][0]
        source = originals[parent["id"]].encode()
        assert source[parent["start"] : parent["end"]].decode().strip()
        assert row["generator"]
        assert row["style"]
    attempts = synthetic.height + sum(
        pl.read_parquet(p).height for p in (finished / "rejects").glob("synthetic/*.parquet")
    )
    assert attempts >= 4


def test_receipts_describe_what_lies_there(finished: Path) -> None:
    for path in (finished / "receipts").rglob("*.json"):
        receipt = receipts.read(str(finished), path.parent.name, path.stem)
        assert receipt is not None
        for output in receipt.outputs:
            assert receipts.output(str(finished), output.path, output.rows) == output
