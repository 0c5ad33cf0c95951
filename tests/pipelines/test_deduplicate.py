"""Duplicates in a run: the same on any partitions and parts, held against earlier runs, and never most of a source."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from manifests import edits, receipts
from pipelines import merging
from pipelines.errors import RecipeError, RunFailed
from pipelines.stages.deduplicate import groups, semantic
from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import column, digests

VOCABULARY = ["".join(w) for w in np.random.default_rng(6).choice([*"abcdefghijklmnoprstuvwy"], (8000, 6))]


def prose(rng: np.random.Generator, length: int = 220) -> str:
    return " ".join(VOCABULARY[i] for i in np.minimum(rng.pareto(1.0, length) * 50, 7999).astype(int))


def edited(rng: np.random.Generator, text: str) -> str:
    words = text.split()
    for at in rng.integers(0, len(words), len(words) // 40):
        words[at] = VOCABULARY[rng.integers(8000)]
    return " ".join(words)


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("\n".join(map(json.dumps, rows)))


@pytest.fixture(scope="module")
def crawls() -> dict[str, list[dict[str, str]]]:
    """Two crawls: what the second holds is new, or copied or edited from the first or itself."""
    rng = np.random.default_rng(1)
    first = [{"id": f"a{i}", "text": prose(rng), "url": f"https://a.example/{i}"} for i in range(60)]
    first += [{"id": f"ae{i}", "text": edited(rng, first[i]["text"]), "url": ""} for i in range(10)]
    second = [{"id": f"b{i}", "text": prose(rng), "url": f"https://b.example/{i}"} for i in range(40)]
    second += [{"id": f"be{i}", "text": edited(rng, first[20 + i]["text"]), "url": ""} for i in range(10)]
    second += [{"id": f"bb{i}", "text": edited(rng, second[i]["text"]), "url": ""} for i in range(10)]
    second += [{"id": f"bx{i}", "text": first[i]["text"].upper() + "\n", "url": ""} for i in range(10)]
    second += [
        {"id": f"bu{i}", "text": prose(rng), "url": f"http://www.A.example/{40 + i}/?utm_source=x"} for i in range(5)
    ]
    return {"first": first, "second": second}


def ran(folder: Path, name: str, crawls: dict[str, list[dict[str, str]]], **dedup: Any) -> Path:
    """A run over these crawls, each a source of three files."""
    for crawl, rows in crawls.items():
        for k in range(3):
            write_rows(folder / f"{crawl}{k}.jsonl", rows[k::3])
    recipe = {
        "name": name,
        "sources": [{"name": c, "kind": "jsonl", "paths": [f"{c}*.jsonl"], "columns": {"id": "id"}} for c in crawls],
        "dedup": {"survivor": ["source"], "url": True, **dedup},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    run_quietly(path, folder / name, workers=1)
    return folder / name


def found(run: Path, source: str) -> dict[str, tuple[Any, ...]]:
    """What became of the documents of a source, by the name in their text's file."""
    frame = pl.concat([column(run, c) for c in ("documents", "duplicates")], how="align")
    rows = frame.filter(pl.col("part").str.starts_with(source)).sort("id")
    return {r["id"]: (r["survivor"], r["kind"], r["cluster"]) for r in rows.iter_rows(named=True)}


@pytest.mark.slow
def test_a_run_held_against_an_earlier_one_is_the_run_of_both(
    tmp_path: Path, crawls: dict[str, list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = ran(tmp_path, "both", crawls)
    kinds = dict(column(both, "duplicates")["kind"].value_counts().rows())
    assert (kinds["exact"] + kinds["fuzzy"], kinds["url"], kinds[None]) == (40, 5, 100)
    frame = column(both, "duplicates").filter(pl.col("kind") == "fuzzy")
    assert frame["score"].min() > 0.7
    assert (frame["matched"] >= frame["score"]).all()
    assert frame["specific"].is_not_null().all()
    assert receipts.tasks(str(both), "verify")
    assert not receipts.tasks(str(both), "texts")  # no text is left between stages
    assert not [p for p in (both / "exchange" / "texts").rglob("*") if p.is_file()]

    ran(tmp_path, "before", {"first": crawls["first"]}, partitions=4)
    for partitions in (None, 2, 12):  # as before, or its keys put together, or split
        name = f"after_{partitions or 4}"
        after = ran(tmp_path, name, {"second": crawls["second"]}, index="before", partitions=partitions)
        assert found(after, "second") == found(both, "second")
    with monkeypatch.context() as patched:
        patched.setattr(merging, "FILES", 0)
        merged = ran(tmp_path, "merged", {"first": crawls["first"]}, partitions=4)
    shutil.rmtree(merged / "exchange" / "keys")  # what was merged is not read again
    after = ran(tmp_path, "after_merged", {"second": crawls["second"]}, index="merged", partitions=2)
    assert found(after, "second") == found(both, "second")
    gone = {name: survivor for name, (survivor, _, _) in found(tmp_path / "before", "first").items()}
    assert gone == {name: survivor for name, (survivor, _, _) in found(both, "first").items()}


def test_an_index_of_other_parameters_is_refused_before_any_work(
    tmp_path: Path, crawls: dict[str, list[dict[str, str]]]
) -> None:
    some = {"first": crawls["first"][:6]}
    ran(tmp_path, "old", some)
    with pytest.raises(
        RecipeError, match=r"dedup.index: the keys of .*old are of another kind: rows is 5 here and 4 th"
    ):
        ran(tmp_path, "new", some, index="old", rows=5)
    with pytest.raises(RecipeError, match=r"partitions is 3 here and 8 for .*old: one must be a multiple"):
        ran(tmp_path, "new", some, index="old", partitions=3)
    with pytest.raises(RecipeError, match="has no index of duplicates"):
        ran(tmp_path, "new", some, index="nowhere")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_partitions_and_workers_change_nothing(tmp_path: Path, crawls: dict[str, list[dict[str, str]]]) -> None:
    same = None
    for partitions in (1, 2, 8):
        run = ran(tmp_path, f"p{partitions}", crawls, partitions=partitions)
        here = {p: d for p, d in digests(run).items() if p.startswith(("duplicates", "verdicts"))}
        assert same is None or here == same
        same = here


@pytest.mark.slow
def test_blocks_that_agree_in_rounds_find_the_groups_of_one_task(
    tmp_path: Path, crawls: dict[str, list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of a few pairs: rounds, partitions, and groups of more than three, which are too large, divided."""
    monkeypatch.setattr(groups, "LARGEST", 3)
    rng = np.random.default_rng(9)
    family = [crawls["first"][0]["text"]]
    for _ in range(12):
        family.append(edited(rng, family[-1]))
    some = {"first": crawls["first"], "second": [{"id": f"f{i}", "text": t, "url": ""} for i, t in enumerate(family)]}

    def outcome(name: str) -> dict[str, str]:
        run = ran(tmp_path, name, some, bands=30)
        return {p: d for p, d in digests(run).items() if p.startswith(("duplicates", "verdicts"))}

    one = outcome("one")
    assert not list((tmp_path / "one" / "receipts").glob("join*"))
    monkeypatch.setattr(groups, "IN_ONE", 9)
    assert outcome("many") == one
    rounds = {p.name for p in (tmp_path / "many" / "receipts").glob("join.*") if any(p.iterdir())}
    assert {"join.0.1", "join.1.0"} <= rounds  # more than a round, and divided
    assert len(list((tmp_path / "many" / "exchange" / "groups").iterdir())) > 3
    monkeypatch.setattr(merging, "FILES", 2)
    assert outcome("merged") == one
    monkeypatch.undo()
    monkeypatch.setattr(groups, "LARGEST", 3)
    assert outcome("many") == one  # what the rounds left behind goes when one task is enough
    assert not [p for p in (tmp_path / "many" / "receipts").glob("join.*") if any(p.iterdir())]
    assert not list((tmp_path / "many" / "exchange").glob("join.*/*"))


@pytest.mark.slow
def test_a_source_that_would_lose_most_of_itself_ends_the_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    base = [prose(rng) for _ in range(30)]
    rows = [{"id": f"d{i}", "text": edited(rng, base[i % 30]), "url": ""} for i in range(120)]
    with pytest.raises(RunFailed, match=r"90 of 120 documents of web .* more than dedup.max_fuzzy_share 0.6"):
        ran(tmp_path, "run", {"web": rows})
    ran(tmp_path, "run", {"web": rows}, max_fuzzy_share=0.8)


@pytest.mark.slow
def test_other_words_for_the_same_go_when_a_backend_tells(
    tmp_path: Path, crawls: dict[str, list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words in another order: shingles differ, the backend's vectors do not. ``f0`` has copies already, so it stays."""
    rng = np.random.default_rng(4)
    texts = [row["text"] for row in crawls["first"][:30]]
    rows = [{"id": f"f{i}", "text": t, "url": ""} for i, t in enumerate(texts)]
    rows += [{"id": f"f0{i}", "text": texts[0].upper(), "url": ""} for i in range(2)]
    rows += [{"id": f"m{i}", "text": " ".join(rng.permutation(texts[i].split())), "url": ""} for i in range(9)]
    section = {"backend": "tests.pipelines.stems:Stems", "threshold": 0.99, "characters": 9999}

    def outcome(name: str, **more: Any) -> pl.DataFrame:
        run = ran(tmp_path, name, {"web": rows}, survivor=["source"], **more)
        frame = pl.concat([column(run, c) for c in ("documents", "duplicates")], how="align")
        return frame.select("id", "text", *column(run, "duplicates").columns).sort("id")

    plain = outcome("plain")
    assert plain["kind"].drop_nulls().to_list() == ["exact"] * 2
    meant = outcome("meant", semantic=section)
    text = dict(zip(meant["id"], meant["text"], strict=True))
    gone = meant.filter(pl.col("kind") == "semantic")
    assert gone.height == 9
    staying = meant.filter(pl.col("survivor").is_null())["id"].to_list()
    for row in gone.iter_rows(named=True):
        assert row["survivor"] in staying
        assert sorted(text[row["survivor"]].lower().split()) == sorted(row["text"].lower().split())
        assert row["score"] == pytest.approx(1, abs=1e-4)
        assert row["specific"] is row["nearest"] is None
    assert dict(meant["cluster_size"].value_counts().rows()) == {1: 21, 2: 16, 3: 2, 4: 2}
    unlike = meant.filter(pl.col("cluster").is_null())
    assert unlike.drop("text").equals(plain.filter(pl.col("id").is_in(unlike["id"].to_list())).drop("text"))

    monkeypatch.setattr(semantic, "_DOCUMENTS", 5)
    assert outcome("parted", semantic=section).equals(meant)
    with monkeypatch.context() as patched:
        patched.setattr(merging, "FILES", 0)
        assert outcome("merged", semantic=section).equals(meant)
    monkeypatch.setattr("dedup.semantic.TYPICAL", 4)
    assert outcome("meant", semantic=section).filter(pl.col("kind") == "semantic").equals(gone)
    assert outcome("meant").equals(plain)  # and what the section left behind goes with it
    assert not list((tmp_path / "meant" / "exchange" / "vectors").glob("**/*.parquet"))
    with pytest.raises(RecipeError, match=r"dedup.semantic.backend: .*no module named 'tests.pipelines.nowhere'"):
        outcome("none", semantic={**section, "backend": "tests.pipelines.nowhere:Stems"})


def test_repeated_passages_are_edits_and_the_text_stays(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    own = [prose(rng, 80) for _ in range(12)]
    notice = f"Cookies, {prose(rng, 12)}."
    shared = prose(rng, 60)
    rows = [{"id": f"d{i}", "text": f"{notice}\n{text}\n", "url": ""} for i, text in enumerate(own)]
    rows[3]["text"] += f"and é{shared} so"
    rows[8]["text"] += f"but è{shared} no"
    run = ran(tmp_path, "run", {"web": rows}, lines={"least": 60}, substring={"least": 100, "action": "flag"})
    documents = column(run, "documents")
    texts = documents["text"].to_list()
    assert sorted(texts) == sorted(r["text"] for r in rows)
    shown = []
    for part in sorted(documents["part"].unique()):
        view = edits.view(str(run), part, ["lines"])
        shown += view.texts.to_pylist()
    assert sorted(len(s) - len(t) for s, t in zip(shown, texts, strict=True)) == [-len(notice) - 1] * 11 + [0]
    marks = column(run, "repeats/substring").with_columns(text=documents["text"])
    cut = []
    for row in marks.iter_rows(named=True):
        cut += [(row["text"].encode()[e["start"] : e["end"]].decode().strip(), e["by"]) for e in row["edits"]]
    assert [text for text, _ in cut] == [shared]
    ids = set(documents["id"])
    assert all(by.removeprefix("substring ") in ids for _, by in cut)
