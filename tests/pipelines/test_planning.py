"""``cuvee plan``: what is known before any work, and what a sample tells of the whole."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from manifests.receipts import Output, Receipt, write
from pipelines import plan_tables, planning, sampling
from pipelines.errors import CuveeError, RecipeError
from pipelines.planning import Range, SourcePlan
from pipelines.progress import Progress
from pipelines.recipe import Source
from pipelines.sources import SourceFile

FILES, LONG, SHORT = 6, 7, 3


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Six files of ten documents each, three of them too short, and a source that is yet to be made."""
    rng = np.random.default_rng(5)
    words = ["".join(rng.choice(list("abcdefghij"), 6)) for _ in range(400)]
    for k in range(FILES):
        texts = [" ".join(rng.choice(words, 60 if i < LONG else 5)) for i in range(LONG + SHORT)]
        lines = [json.dumps({"id": f"{k}-{i}", "text": t}) for i, t in enumerate(texts)]
        (tmp_path / f"{k}.jsonl").write_text("\n".join(lines))
    said = {
        "name": "small",
        "inputs": {"crawl": {"maker": "pipelines.demo.crawl:crawl_pydoc", "options": {"pages": 5}}},
        "sources": [
            {"name": "lines", "kind": "jsonl", "paths": ["*.jsonl"]},
            {"name": "web", "kind": "warc", "paths": ["{run}/inputs/crawl/*.warc.gz"]},
        ],
        "dedup": {"fuzzy": False},
        "select": {"rules": [{"reason": "too_short", "when": "words < 20"}]},
        "rephrase": {"where": "words > 50", "documents": 30, "style": "distill"},
        "tokenizer": {"train": {"vocabulary": 300}},
        "mix": {"budget": 5000},
        "shards": {"formats": ["olmo", "mds"]},
    }
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(said))
    return file


def shown(*tables: object) -> str:
    console = Console(file=io.StringIO(), width=200)
    for show, *arguments in tables:  # type: ignore[misc]
        show(*arguments, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_is_known_beforehand(recipe: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    plan = planning.read_plan(str(recipe), str(tmp_path / "run"))
    lines, web = plan.sources
    assert (lines.files, len(lines.splits)) == (FILES, FILES)
    assert lines.bytes == sum(p.stat().st_size for p in tmp_path.glob("*.jsonl"))
    assert web.splits == ()
    assert plan.stages["ingest"] == FILES
    assert {"annotate", "select", "pools", "proxies", "shards"} <= plan.stages.keys()
    said = shown((plan_tables.show_plan, plan))
    assert "not made yet: unknown" in said
    assert "rephrase: at most 30 documents by the embedded model" in said
    assert sorted(tmp_path.rglob("*")) == before, "planning writes nothing"
    (tmp_path / "run/inputs/crawl").mkdir(parents=True)
    (tmp_path / "run/inputs/crawl/a.warc.gz").write_bytes(b"some bytes")
    assert planning.read_plan(str(recipe), str(tmp_path / "run")).sources[1].bytes == 10, "what is made is known"


def test_splits_of_a_file_share_its_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["words"] * 100}), tmp_path / "a.parquet", row_group_size=30)
    file = tmp_path / "r.yaml"
    file.write_text("name: r\nsources: [{name: a, kind: parquet, paths: [a.parquet]}]\n")
    (source,) = planning.read_plan(str(file)).sources
    assert (source.files, len(source.splits)) == (1, 4)
    assert source.bytes == (tmp_path / "a.parquet").stat().st_size


def test_a_sample_stands_for_the_whole_and_leaves_nothing(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    plan = planning.read_plan(str(recipe), str(tmp_path / "run"))
    found = sampling.sample(plan, 0.5, workers=1, progress=Progress(quiet=True))
    assert (list(room.iterdir()), (tmp_path / "run").exists()) == ([], False)
    lines = found.sources["lines"]
    assert (lines.splits, lines.sampled) == (FILES // 2, FILES // 2 * (LONG + SHORT))
    # the files are of nearly one size
    assert lines.documents == pytest.approx(FILES * (LONG + SHORT), rel=0.02)
    assert lines.kept == pytest.approx(FILES * LONG, rel=0.02)
    assert lines.kept / lines.documents == pytest.approx(LONG / (LONG + SHORT))
    words = lines.kept * 60
    assert words < lines.tokens < words * 7, "a token is a character at least and a word at most"
    assert lines.text == pytest.approx(words * 7, rel=0.05)
    assert found.calls == 30, "more match than the recipe wants, each a chunk"
    assert found.storage["shards"] == 5000 * 2 * 2
    assert all(found.storage[kind] > 0 for kind in ("documents", "annotations", "keys", "pools"))
    assert {"ingest", "annotate", "select", "pools"} <= found.cpu.keys()
    said = shown((plan_tables.show_sample, plan, found))
    assert "Extrapolated from 30 documents of 3 of 6 splits" in said
    assert "Unknown, as not made yet: web" in said


@pytest.mark.parametrize("text", ["0%", "0", "200%", "1.5", "-1%", "abc", "%", "nan", "inf", ""])
def test_shares_that_are_none(text: str) -> None:
    with pytest.raises(CuveeError, match="a share of the splits"):
        planning.share_of(text)


def test_shares() -> None:
    assert [planning.share_of(t) for t in ("0.1%", "0.25", "100%")] == [0.001, 0.25, 1.0]


def test_choice_is_seeded_and_within_the_share() -> None:
    file = SourceFile("a", "a", 90, "")
    source = SourcePlan(
        Source(name="a", kind="text", paths=["a"]), 1, tuple(Range(file, i, i + 1, 1.0) for i in range(90))
    )
    assert len(sampling.choose(source, 0.001, 0)) == 1
    assert len(sampling.choose(source, 0.1, 0)) == 9
    assert sampling.choose(source, 1.0, 0) == list(source.splits)
    assert sampling.choose(source, 0.1, 0) == sampling.choose(source, 0.1, 0) != sampling.choose(source, 0.1, 1)


def test_sources_count_by_their_own_share(recipe: Path, tmp_path: Path) -> None:
    plan = planning.read_plan(str(recipe), str(tmp_path / "run"))
    lines = plan.sources[0]
    chosen = {"lines": list(lines.splits[:2])}
    times = lines.bytes / sum(r.bytes for r in chosen["lines"])
    made = (Output("documents/lines/part-0.parquet", "", 1000), Output("rejects/lines/part-0.parquet", "", 10))
    run = str(tmp_path / "sampled")
    write(run, Receipt("ingest", "lines.part-0", "", made, {"documents": 8}, cpu_seconds=2.0))
    write(run, Receipt("match", "0017", "", (Output("exchange/m", "", 5),), cpu_seconds=1.0))
    write(run, Receipt("tokenizer", "tokenizer", "", (Output("models/t", "", 7),), cpu_seconds=3.0))
    found = sampling._extrapolated(plan, chosen, run)
    assert found.total.documents == pytest.approx(8 * times)
    assert found.cpu == pytest.approx({"ingest": 2 * times, "match": times, "tokenizer": 3.0})
    stored = {"documents": 1000 * times, "annotations": 10 * times, "keys": 5 * times, "models": 7}
    assert found.storage == pytest.approx(stored)


def test_nothing_to_sample(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    made = "inputs: {c: {maker: 'pipelines.demo.crawl:crawl_pydoc'}}\n"
    file.write_text(f"name: r\n{made}sources: [{{name: a, kind: warc, paths: ['{{run}}/inputs/c/*']}}]\n")
    plan = planning.read_plan(str(file), str(tmp_path / "run"))
    with pytest.raises(CuveeError, match="not made yet: nothing to sample"):
        sampling.sample(plan, 0.5, workers=1, progress=Progress(quiet=True))
    file.write_text("name: r\nsources: [{name: a, kind: jsonl, paths: ['*.jsonl']}]\n")
    with pytest.raises(RecipeError, match="no such file"):
        planning.read_plan(str(file))
    with pytest.raises(RecipeError, match="cannot be read"):
        planning.read_plan(str(tmp_path / "absent.yaml"))


@pytest.mark.parametrize(
    ("n", "said"), [(0, "0 B"), (999, "999 B"), (999.6, "1 kB"), (1234, "1.23 kB"), (3e15, "3 PB"), (5e18, "5e+03 PB")]
)
def test_sizes(n: float, said: str) -> None:
    assert plan_tables.size(n) == said
