"""Takedowns of a real run: what is gone, what stays, what a reader of the shards sees; a crash loses nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from manifests import lineage, parts, signatures, storage, takedown
from manifests.documents import Claim, Document, documents_table
from manifests.takedown import Denied, DenyList, Request
from manifests.text import content_hash
from manifests.token_files import spans_path
from mixing.tokenizer import Tokenizer
from pipelines.errors import CuveeError, RunFailed
from pipelines.run_folder import RunFolder
from pipelines.stages import verdicts
from pipelines.takedown import MODES, apply, resume
from pipelines.takedown import text as text_steps
from tests.object_store import download, upload
from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import column, tokens_of


def quiet(step: str) -> None:
    del step


def chosen(run: Path) -> tuple[str, str, str]:
    """A crawled document that lies in the shards: its address, its id, and words that only it holds."""
    spans = pl.concat(
        [pl.read_parquet(p).cast({"part": pl.String}) for p in sorted((run / "shards/olmo").glob("*.spans.*"))]
    )
    part, row = spans.filter(pl.col("part").str.contains("/web/")).select("part", "row").row(0)
    found = pl.read_parquet(run / part).row(row, named=True)
    return found["url"], found["id"], passage(run, found["id"])


def holds(run: Path, words: str) -> list[str]:
    """Files of the run, inputs apart, that hold these words: texts, JSON and pages."""
    found = []
    for path in sorted(p for p in run.rglob("*") if p.is_file() and "inputs" not in p.relative_to(run).parts):
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path).select(pl.col(pl.String))
            if any(frame[c].str.contains(words, literal=True).any() for c in frame.columns):
                found.append(path.relative_to(run).as_posix())
        elif path.suffix in (".json", ".html", ".jsonl", ".yaml") and words in path.read_text("utf-8", "replace"):
            found.append(path.relative_to(run).as_posix())
    return found


def decoded(run: Path, name: str, dtype: Any = np.uint16) -> str:
    tokenizer = Tokenizer.load(str(run / "models/tokenizer.json"))
    return "".join(tokenizer.decode(tokens_of(p, dtype)) for p in sorted((run / "shards").glob(name)))


def hashes_are_true(run: Path) -> None:
    """The index that MDS is read by tells the hashes of the shards as they are."""
    for told in json.loads((run / "shards/mds/index.json").read_text())["shards"]:
        data = (run / "shards/mds" / told["raw_data"]["basename"]).read_bytes()
        assert told["raw_data"]["hashes"]["sha256"] == hashlib.sha256(data).hexdigest()


def passage(run: Path, identifier: str) -> str:
    """Words of one line that no other document of the run holds."""
    documents = column(run, "documents")
    others = "\n".join(documents.filter(pl.col("id") != identifier)["text"].to_list())
    text = documents.filter(pl.col("id") == identifier)["text"].item()
    lines = (line.strip()[:60] for line in text.splitlines())
    return next(w for w in lines if len(w) > 40 and w.isascii() and '"' not in w and "\\" not in w and w not in others)


def test_text_and_tokens_are_gone_and_the_rest_is_untouched(tiny: Path, copied: Path) -> None:
    url, identifier, words = chosen(copied)
    before = decoded(copied, "olmo/*.npy")
    assert words in before
    pools = b"".join(p.read_bytes() for p in sorted((copied / "pools").glob("*/*.npy")))
    for left in ("exchange/texts/web.part.keys", "exchange/merged/texts-merged/00000.keys"):  # by a run that was killed
        storage.write_bytes(str(copied / left), words.encode())
    receipt = apply(str(copied), [Request("url", url)], mode="erase", why="a letter", progress=quiet)
    after = decoded(copied, "olmo/*.npy")
    assert words not in after
    for shards in ("megatron/*.bin", "mds/*.mds", "datatrove/*.ds"):
        assert words not in decoded(copied, shards)
    hashes_are_true(copied)
    assert len(b"".join(p.read_bytes() for p in sorted((copied / "pools").glob("*/*.npy")))) == len(pools)
    assert holds(copied, words) == []
    assert not [p for p in (copied / "exchange").rglob("*.keys") if words.encode() in p.read_bytes()]
    found = lineage.find(str(copied), identifier)
    assert found is not None
    row = lineage.document(str(copied), *found)["document"]
    assert (row["text"], row["title"], row["url"]) == ("", "", url)
    verdict = lineage.row_of(str(copied), "verdicts", *found)
    assert (verdict["keep"], verdict["reason"]) == (False, "taken_down")
    assert receipt["requests"] == [{"kind": "url", "value": url}]
    assert receipt["why"] == "a letter"
    assert all(f["after"] == storage.digest(str(copied / p)) for p, f in receipt["files"].items())
    changed = [p for p, f in receipt["files"].items() if p.startswith("documents/") and f["before"] == f["after"]]
    assert not changed
    # the loss mask covers just these tokens, and every other token is as it was
    for shard, stretches in receipt["shards"].items():
        mask = np.fromfile(copied / (shard.rsplit(".", 1)[0] + ".mask.npy"), np.uint8)
        wanted = np.ones(len(mask), np.uint8)
        for start, end in stretches:
            wanted[start:end] = 0
        assert (mask == wanted).all()
    summary = run_quietly(tiny, copied)
    assert not summary.worked, "a takedown is no reason to make anything again"
    with pytest.raises(CuveeError, match="no document"):
        apply(str(copied), [Request("domain", "absent.example")], mode="erase", why="", progress=quiet)


def test_what_was_taken_never_comes_in_again(tiny: Path, copied: Path) -> None:
    url, identifier, words = chosen(copied)
    apply(str(copied), [Request("url", url)], mode="tombstone", why="", progress=quiet)
    part = lineage.find(str(copied), identifier)
    assert part is not None
    from pipelines.recipe import Source
    from pipelines.sources import SourceFile
    from pipelines.stages import read

    file = next((copied / "inputs/web").glob("*.warc.gz"))
    source = Source(name="web", kind="warc", paths=[str(file)])
    split = next(
        read.splits(source, [SourceFile(str(file), file.name, file.stat().st_size, storage.digest(str(file)))])
    )
    made = read.ingest_split(str(copied), split)
    documents = next(o.path for o in made.outputs if o.path.startswith("documents/"))
    assert url not in pl.read_parquet(copied / documents)["url"].to_list()
    rejected = pl.read_parquet(next(copied / o.path for o in made.outputs if o.path.startswith("rejects/")))
    assert rejected.filter(pl.col("reason") == "denied").height >= 1
    assert words not in "\n".join(pl.read_parquet(copied / documents)["text"].to_list())


def test_what_comes_in_after_a_takedown_is_judged_by_its_list(tmp_path: Path) -> None:
    """By licence and by the text of a copy; the hash of a text of a few words is nobody's."""
    run, part = str(tmp_path), "web/part-1"
    long, short = "A page that somebody wrote, and asked to be taken down.", "Not found."
    made = [
        Document(locator=str(i), text=t) for i, t in enumerate((long, short, long + " Or nearly.", "Quite another."))
    ]
    hashes = content_hash(pa.array([d.text for d in made], pa.large_string()))
    table = documents_table(made, namespace="web", acquisition="own-crawl", hashes=hashes)
    ids = parts.ids_digest(table["id"])
    parts.write(run, parts.DOCUMENTS, part, table, schema="documents", ids=ids)
    evidence = [{"claims": [vars(Claim(e, "declared"))]} for e in ("MIT", "MIT", "MIT", "CC-BY-NC-4.0")]
    licence, _ = signatures.annotate(pa.Table.from_pylist(evidence))
    parts.write(run, "annotations/united", part, pa.Table.from_batches([licence]), schema="licence", ids=ids)
    entries = [Denied("hash", hashes[0].as_py()), Denied("hash", hashes[1].as_py()), Denied("licence", "CC BY-NC 4.0")]
    DenyList(entries).write(storage.join(run, takedown.DENY))
    assert verdicts.denied(run, part).to_list() == ["taken_down", None, None, "taken_down"]


def test_derivatives_and_duplicates_follow(copied: Path) -> None:
    documents = column(copied, "documents")
    derived = documents.filter(pl.col("origin") == "synthetic")
    duplicates = column(copied, "duplicates").with_columns(id=documents["id"]).filter(pl.col("survivor").is_not_null())
    asked = [derived["parents"][0][0]["id"]] if derived.height else []
    asked += duplicates["survivor"].head(1).to_list()
    if not asked:
        pytest.skip("this run has neither rephrasings nor duplicates")
    plan = takedown.plan(str(copied), [Request("id", i) for i in asked])
    taken = {t.id: t.why for t in plan.targets}
    for row in derived.iter_rows(named=True):
        if row["parents"][0]["id"] in taken:
            assert taken[row["id"]] == f"derived from {row['parents'][0]['id']}"
    for row in duplicates.iter_rows(named=True):
        assert (row["id"] in taken) == (row["survivor"] in taken)


def test_an_outline_says_what_the_plan_will_take(copied: Path) -> None:
    documents = column(copied, "documents")
    duplicates = column(copied, "duplicates").with_columns(id=documents["id"]).filter(pl.col("survivor").is_not_null())
    url, identifier, _ = chosen(copied)
    requests = [("url", url), ("id", identifier), ("domain", "localhost"), ("licence", "MIT"), ("owner", "pypi.org")]
    requests += [("hash", documents["content_hash"][3]), ("prefix", url.partition("://")[2])]
    requests += [("id", i) for i in [*duplicates["id"].head(2), *duplicates["survivor"].head(2)]]
    index = lineage.Index(str(copied))
    for kind, value in requests:
        plan = takedown.plan(str(copied), [Request(kind, value)])
        found = takedown.outline(index, [Request(kind, value)])
        rows = {(e.part, e.row) for e in index.entries(found.numbers)}
        assert rows == {(t.part, t.row) for t in plan.targets}
        assert found.tokens == plan.tokens
        assert found.places.height == sum(map(len, plan.places.values()))
        assert int((found.by < 0).sum()) == sum(t.why == "requested" for t in plan.targets)
    with pytest.raises(ValueError, match=r"no document of .* is meant"):
        takedown.outline(index, [Request("domain", "absent.example")])
    (copied / "lineage/relations.arrow").unlink()
    with pytest.raises(ValueError, match="run the recipe again"):
        takedown.outline(lineage.Index(str(copied)), [Request("url", url)])


def test_a_shard_that_lost_its_end_to_the_index_is_read_as_before(copied: Path) -> None:
    """Most of a shard is taken from the index; what is left is found where it lies, and may be erased alone."""
    run, shard = str(copied), "shards/olmo/part-00000.npy"
    spans = pl.read_parquet(copied / spans_path(shard)).cast({"part": pl.String})
    total, first = int(spans["end"][-1]), spans.row(0, named=True)
    late = spans.filter(pl.col("start") > total // 4).select("part", "row").unique()
    late = late.join(spans.head(1).select("part", "row"), on=["part", "row"], how="anti")
    ids = [
        lineage.row_of(run, "documents", p.split("/", 1)[1].removesuffix(".parquet"), r)["id"] for p, r in late.rows()
    ]
    before = tokens_of(copied / shard, np.uint16)
    receipt = apply(run, [Request("id", i) for i in ids], mode="index", why="", progress=quiet)
    left = pl.read_parquet(copied / spans_path(shard))
    assert int(left["end"][-1]) < total / 2
    listed = json.loads((copied / "shards/index.json").read_text())["formats"]["olmo"][0]
    assert (listed["documents"], listed["tokens"]) == (left.height, int((left["end"] - left["start"]).sum()))
    index = lineage.Index(run)
    assert index.size_of(shard) == total
    gone = receipt["shards"][shard][-1][0]
    for ask in (lambda: index.at(shard, gone), lambda: lineage.trace(run, shard, gone, lambda _: "")):
        with pytest.raises(ValueError, match="no document's: taken from the index"):
            ask()
    assert lineage.tokens_of(run, shard, first["start"], first["end"]).tolist() == before[: first["end"]].tolist()
    erased = lineage.row_of(run, "documents", first["part"].split("/", 1)[1].removesuffix(".parquet"), first["row"])[
        "id"
    ]
    receipt = apply(run, [Request("id", erased)], mode="erase", why="", progress=quiet)
    eos = Tokenizer.load(str(copied / "models/tokenizer.json")).eos
    for start, end in receipt["shards"][shard]:
        before[start:end] = eos
    assert tokens_of(copied / shard, np.uint16).tolist() == before.tolist()
    assert (copied / shard.replace(".npy", ".mask.npy")).stat().st_size == total


def test_two_at_once_are_refused(copied: Path) -> None:
    with RunFolder(str(copied)), pytest.raises(RunFailed, match="in use"):
        apply(str(copied), [Request("url", chosen(copied)[0])], mode="erase", why="", progress=quiet)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", ["pools", "verdicts", "documents"])
def test_a_crash_is_carried_on(
    tiny: Path, copied: Path, tmp_path: Path, mode: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _, words = chosen(copied)

    def crash(*_: object) -> list[str]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(text_steps, step, crash)
        with pytest.raises(KeyboardInterrupt):
            apply(str(copied), [Request("url", url)], mode=mode, why="", progress=quiet)
    with pytest.raises(RunFailed, match="was interrupted"):
        run_quietly(tiny, copied)
    with pytest.raises(CuveeError, match="was interrupted"):
        apply(str(copied), [Request("url", url)], mode=mode, why="", progress=quiet)
    (receipt,) = resume(str(copied), progress=quiet)
    assert takedown.unfinished(str(copied)) == []
    assert holds(copied, words) == []
    assert receipt["mode"] == mode
    assert resume(str(copied), progress=quiet) == []


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["erase", "rewrite"])
def test_a_run_on_an_object_store(copied: Path, bucket: str, tmp_path: Path, mode: str) -> None:
    """Plan, crash, resume: the same files as from the same takedown of a local run."""
    url, _, words = chosen(copied)
    upload(copied, bucket)
    here, there = takedown.plan(str(copied), [Request("url", url)]), takedown.plan(bucket, [Request("url", url)])
    assert (here.targets, here.places) == (there.targets, there.places)

    def crash(*_: object) -> list[str]:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(text_steps, "verdicts", crash)
        with pytest.raises(KeyboardInterrupt):
            apply(bucket, [Request("url", url)], mode=mode, why="a letter", progress=quiet)
    assert len(takedown.unfinished(bucket)) == 1
    (receipt,) = resume(bucket, progress=quiet)
    local = apply(str(copied), [Request("url", url)], mode=mode, why="a letter", progress=quiet)
    made = tmp_path / "made"
    download(bucket, made)
    assert holds(made, words) == []
    assert (words in decoded(made, "olmo/*.npy")) == (words in decoded(copied, "olmo/*.npy"))
    assert set(receipt["files"]) == set(local["files"])
    for folder in ("shards", "pools", "permitted", "documents", "verdicts", "lineage"):
        for path in sorted(p for p in (copied / folder).rglob("*") if p.is_file() and p.suffix != ".jsonl"):
            same = (
                path.name == "tombstones.parquet" or path.read_bytes() == (made / path.relative_to(copied)).read_bytes()
            )
            assert same, path


@pytest.mark.slow
def test_a_rewritten_shard_is_refilled_and_its_mixture_stays(copied: Path) -> None:
    url, _, words = chosen(copied)
    tokens = sum(p.stat().st_size for p in (copied / "shards/olmo").glob("*.npy")) // 2
    receipt = apply(str(copied), [Request("url", url)], mode="rewrite", why="", progress=quiet)
    for shards in ("olmo/*.npy", "mds/*.mds", "datatrove/*.ds"):
        assert words not in decoded(copied, shards)
    hashes_are_true(copied)
    new = receipt["refill"]
    now = sum(p.stat().st_size for p in (copied / "shards/olmo").glob("*.npy")) // 2
    missing = sum(new["shortfall"].values()) - sum(new["excess"].values())
    assert now == tokens - missing
    assert new["drift"] <= 0.001 or new["shortfall"], "the mixture moved and nothing was said"
    for spans in sorted((copied / "shards").glob("*/*.spans.parquet")):
        parts = pl.read_parquet(spans).cast({"part": pl.String})
        gone = takedown.rows(str(copied))
        assert not any(key in gone for key in parts.select("part", "row").iter_rows())
    json.loads((copied / "shards/index.json").read_text())


@pytest.mark.slow
def test_megatron_s_index_forgets_the_sequences(copied: Path) -> None:
    url, _, words = chosen(copied)
    sizes = {p.name: p.stat().st_size for p in (copied / "shards/megatron").glob("*.bin")}
    receipt = apply(str(copied), [Request("url", url)], mode="index", why="", progress=quiet)
    told = {r["where"] for r in receipt["remains"] if "use erase or rewrite" in r["what"]}
    assert told == {"shards/olmo", "shards/mds", "shards/datatrove"}
    tokenizer = Tokenizer.load(str(copied / "models/tokenizer.json"))
    seen = ""
    for path in sorted((copied / "shards/megatron").glob("*.idx")):  # as Megatron-LM reads it
        data = path.read_bytes()
        version, code, n, documents = struct.unpack("<QBQQ", data[9:34])
        assert (data[:9], version, code, documents) == (b"MMIDIDX\0\0", 1, 8, n + 1)
        lengths = np.frombuffer(data, "<i4", n, 34)
        pointers = np.frombuffer(data, "<i8", n, 34 + 4 * n)
        tokens = np.fromfile(path.with_suffix(".bin"), np.uint16)
        seen += "".join(tokenizer.decode(tokens[p // 2 : p // 2 + k]) for p, k in zip(pointers, lengths, strict=True))
    assert words not in seen
    assert {p.name: p.stat().st_size for p in (copied / "shards/megatron").glob("*.bin")} == sizes
    for path in sorted((copied / "shards/olmo").glob("*.csv.gz")):
        spans = pl.read_parquet(path.with_name(path.name.replace(".csv.gz", ".spans.parquet")))
        assert len(gzip.decompress(path.read_bytes()).splitlines()) == spans.height
