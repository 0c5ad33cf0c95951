"""The command line: every mistake of a user is one line and a status, never a traceback."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


def cuvee(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == status, done.stderr
    return done


RECIPE = """\
name: own
sources:
  - {{name: notes, kind: {kind}, paths: [{path}]{more}}}
"""


def recipe(folder: Path, path: str, kind: str = "jsonl", more: str = "") -> str:
    file = folder / "own.yaml"
    file.write_text(RECIPE.format(kind=kind, path=path, more=more))
    return str(file)


def test_help_is_quick_and_lists_the_commands() -> None:
    assert {"run", "demo", "trace", "doctor"} <= set(cuvee("--help").stdout.split())


def test_a_bad_recipe_is_refused(tmp_path: Path) -> None:
    done = cuvee("run", recipe(tmp_path, "absent.jsonl"), "--run", str(tmp_path / "run"), status=2)
    assert "own.yaml:3: sources[0].paths[0]: no such file" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_plan_is_printed_and_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "hello"}\n')
    told = cuvee("plan", recipe(tmp_path, "a.jsonl"), "--run", str(tmp_path / "run")).stdout
    assert "notes" in told
    assert "ingest 1" in told
    assert not (tmp_path / "run").exists()
    assert "no such file" in cuvee("plan", recipe(tmp_path, "absent.jsonl"), status=2).stderr


def test_a_missing_text_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "hello"}\n')
    done = cuvee("run", recipe(tmp_path, "a.jsonl"), "--run", str(tmp_path / "run"), status=1)
    said = " ".join(done.stderr.split())
    assert "'text'" in said
    assert "body" in said


def test_broken_records_are_rejects_and_the_rest_is_kept(tmp_path: Path) -> None:
    lines = [json.dumps({"id": str(i), "text": f"note number {i} " * 20}) for i in range(5)]
    lines[2] = '{"id": "2", "text": '
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    done = cuvee("run", recipe(tmp_path, "a.jsonl.gz"), "--run", str(tmp_path / "run"))
    assert "documents in" in done.stdout
    import polars as pl

    rejects = pl.read_parquet(tmp_path / "run/rejects/notes/*.parquet")
    assert rejects["reason"].to_list() == ["bad_json"]
    assert pl.read_parquet(tmp_path / "run/verdicts/notes/*.parquet").height == 4


def test_nothing_but_rejects_stops_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{\n{\n")
    done = cuvee("run", recipe(tmp_path, "a.jsonl"), "--run", str(tmp_path / "run"), status=1)
    assert "ingest: no documents; 2 rejects" in done.stderr


def test_a_failing_file_is_named_and_tolerated_when_the_recipe_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 this is no parquet PAR1")
    (tmp_path / "b.parquet").write_bytes(_parquet(tmp_path))
    path = recipe(tmp_path, "'*.parquet'", kind="parquet")
    done = cuvee("run", path, "--run", str(tmp_path / "run"), status=1)
    assert "a.parquet" in done.stderr


def _parquet(folder: Path) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["a small text of a few words"] * 3, "id": ["1", "2", "3"]}), folder / "x")
    data = (folder / "x").read_bytes()
    (folder / "x").unlink()
    return data


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("trace", "absent", "shards/olmo/part-00000.npy:1"), "no run folder here"),
        (("inspect", "absent", "abc"), "no run folder here"),
        (("extract", "absent.html"), "no such file"),
        (("ocr", "absent.pdf"), "no such file"),
        (("mix", "show", "absent.yaml"), "no such file"),
        (("shard", "absent.yaml", "--format", "mds"), "no such file"),
        (("plan", "absent.yaml", "--sample", "200%"), "a share of the splits"),
        (("shard", "absent.yaml", "--format", "arrow"), "allowed: olmo, megatron, mds, datatrove"),
    ],
)
def test_absent_things(arguments: tuple[str, ...], says: str) -> None:
    assert says in cuvee(*arguments, status=1).stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("mix", "show", "notes.txt"), "not valid YAML"),
        (("extract", "notes.warc.gz"), "does not start like a WARC or ARC file"),
        (("trace", "run", "shards/olmo/part-00000.npy:1"), "has no shards"),
    ],
)
def test_things_that_are_something_else(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    for name in ("notes.txt", "notes.warc.gz", "run/run.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("note: this: is text")
    told = cuvee(*(str(tmp_path / a) if (tmp_path / a).exists() else a for a in arguments), status=1).stderr
    assert says in " ".join(told.split())


@pytest.mark.parametrize(
    ("position", "says"),
    [
        ("shards/olmo/part-00000.npy:999999999", "there is no token 999999999"),
        ("shards/olmo/part-99999.npy:1", "no such shard"),
        ("../../etc/passwd:1", "shards are named relative to the run"),
        ("shards/olmo/part-00000.npy", "expected SHARD:OFFSET"),
    ],
)
def test_trace_of_what_is_not_there(finished: Path, position: str, says: str) -> None:
    assert says in " ".join(cuvee("trace", str(finished), position, status=1).stderr.split())


def test_trace_inspect_and_show(finished: Path) -> None:
    told = cuvee("trace", str(finished), "shards/olmo/part-00000.npy:100").stdout
    for word in ("document", "source", "licence", "record", "text"):
        assert word in told
    identifier = re.search(r"\b[0-9a-f]{32}\b", told)
    assert identifier
    assert "verdicts" in cuvee("inspect", str(finished), identifier[0]).stdout
    assert "weight" in cuvee("mix", "show", str(finished)).stdout


def test_extract_and_ocr(tmp_path: Path) -> None:
    page = tmp_path / "an.archived-page.html"
    page.write_text(
        "<html><body><main><h1>Title</h1><p>" + "A sentence of the page. " * 20 + "</p></main></body></html>"
    )
    assert "A sentence of the page." in cuvee("extract", str(page)).stdout
    (tmp_path / "a.html.gz").write_bytes(gzip.compress(page.read_bytes()))
    assert cuvee("extract", str(tmp_path / "a.html.gz")).stdout == cuvee("extract", str(page)).stdout
    (tmp_path / "cut.html.gz").write_bytes(gzip.compress(page.read_bytes())[:-9])
    assert "gzip data ends early" in cuvee("extract", str(tmp_path / "cut.html.gz"), status=1).stderr
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n")
    assert "is a PDF: cuvee ocr reads it" in cuvee("extract", str(tmp_path / "a.pdf"), status=1).stderr
    (tmp_path / "no.pdf").write_text("no pdf")
    assert "corrupt" in cuvee("ocr", str(tmp_path / "no.pdf"), status=1).stderr


def test_pages_that_ocr_misses_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ocr
    from pipelines.demo.pdfs import write_pdfs
    from pipelines.single import read_pdf

    monkeypatch.setattr(ocr, "available_engine", lambda: None)
    mixed = next(p for p in write_pdfs(tmp_path) if "mixed" in p.stem)
    text, notes = read_pdf(mixed)
    assert text.strip()
    assert re.fullmatch(r"\d+ of \d+ pages needs_ocr: pip install 'cuvee\[ocr\]'", notes[-1])


def test_doctor_says_what_there_is() -> None:
    assert "fastText" in cuvee("doctor").stdout
