from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from manifests import schemas
from mixing.pools import PoolFile, PoolSet, Spans, write_part
from mixing.tokenizer import Tokenizer
from tests.mixing.small_pools import SIZES, sentences, write_pools


def test_every_document_is_found_again_through_its_span(pools: PoolSet, tokenizer: Tokenizer) -> None:
    seen = set()
    for i, file in enumerate(pools.files):
        spans = pools.spans(i)
        assert np.array_equal(spans.start[1:], spans.end[:-1]), "spans touch: every token is in exactly one"
        assert (spans.start[0], spans.end[-1]) == (0, file.tokens)
        assert np.all(np.diff(spans.row) > 0)
        for start, end, part, row in zip(spans.start, spans.end, spans.part, spans.row, strict=True):
            domain, name = spans.parts[part].removesuffix(".parquet").split("/")[1:]
            text = sentences(domain, SIZES[domain], int(name[-1]))[row]
            assert tokenizer.decode(pools.array(i)[start:end]) == text
            assert pools.array(i)[end - 1] == tokenizer.eos
            assert (row % 10 == 9) == (file.split == "heldout")
            seen.add((domain, name, int(row)))
    assert len(seen) == 2 * (60 + 30 + 12)


def test_totals(pools: PoolSet) -> None:
    assert set(pools.tokens()) == {"web", "code", "prose"}
    assert sum(pools.strata().values()) == sum(pools.tokens().values())
    assert sum(pools.natural.values()) == pytest.approx(1)
    held = pools.heldout()
    assert {d: len(t) for d, (t, _) in held.items()} == pools.tokens("heldout")
    text = [t for i in range(2) for t in sentences("web", 60, i)[9::10]]
    assert held["web"][1] == sum(len(t.encode()) for t in text)
    assert sum(len(a) for a in pools.train()["web"]) == pools.tokens()["web"]


def test_files_are_plain_numpy_and_parquet(pools: PoolSet) -> None:
    file = pools.files[0]
    array = np.load(Path(pools.run) / file.path, mmap_mode="r")
    assert array.shape == (file.tokens,)
    table = pq.read_table(Path(pools.run) / file.spans_path)
    assert table.schema.remove_metadata() == schemas.SPANS
    assert table.schema.metadata[b"cuvee.schema"] == b"spans/1"


def test_a_part_always_gives_the_same_bytes(
    run_folder: Path, pools: PoolSet, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    again = write_pools(tmp_path, tokenizer, SIZES)
    assert sorted(again, key=lambda f: f.path) == list(pools.files)
    for file in again:
        for path in (file.path, file.spans_path):
            assert (tmp_path / path).read_bytes() == (run_folder / path).read_bytes()


def test_survives_json(pools: PoolSet) -> None:
    stored = json.loads(json.dumps([f.as_dict() for f in pools.files]))
    assert PoolSet.open(pools.run, stored).files == pools.files


def test_rows_may_come_in_any_order(tokenizer: Tokenizer, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"text": ["b", "", "a"], "row": [7, 3, 1], "stratum": ["d~s"] * 3, "split": ["train"] * 3},
        schema_overrides={"row": pl.Int32},
    )
    (file,) = write_part(str(tmp_path / "pools"), "part-x", "documents/s/part-x.parquet", frame, tokenizer)
    spans = Spans.read(str(tmp_path / file.spans_path))
    assert spans.row.tolist() == [1, 3, 7]
    assert spans.lengths.tolist() == [2, 1, 2], "an empty document is its end token"
    assert file.bytes == 2
    assert file.domain == "d"


@pytest.mark.parametrize(
    ("stratum", "split", "message"), [("../up", "train", "cannot name a folder"), ("a", "test", "neither")]
)
def test_bad_strata_are_refused(tokenizer: Tokenizer, tmp_path: Path, stratum: str, split: str, message: str) -> None:
    frame = pl.DataFrame({"text": ["x"], "row": [0], "stratum": [stratum], "split": [split]})
    with pytest.raises(ValueError, match=message):
        write_part(str(tmp_path / "pools"), "part-x", "documents/s/part-x.parquet", frame, tokenizer)


def test_nothing_kept_makes_no_files(tokenizer: Tokenizer, tmp_path: Path) -> None:
    schema = {"text": pl.String, "row": pl.Int64, "stratum": pl.String, "split": pl.String}
    assert write_part(str(tmp_path), "part-x", "p", pl.DataFrame(schema=schema), tokenizer) == []


def test_a_file_that_changed_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (first, *rest) = write_pools(tmp_path, tokenizer, {"code": 12})
    changed = PoolFile(**{**first.as_dict(), "tokens": first.tokens + 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="delete it and run again"):
        PoolSet.open(str(tmp_path), [changed]).array(0)
    with pytest.raises(ValueError, match="delete both and run again"):
        PoolSet.open(str(tmp_path), [changed]).spans(0)
    with pytest.raises(ValueError, match="given twice"):
        PoolSet.open(str(tmp_path), [first, *rest, first])


def test_large_heldout_sets_are_sampled_from_every_file(pools: PoolSet) -> None:
    whole, part = pools.heldout(), pools.heldout(limit=200)
    for domain, (tokens, size) in part.items():
        all_tokens, all_bytes = whole[domain]
        files = [i for i, f in enumerate(pools.files) if (f.domain, f.split) == (domain, "heldout")]
        assert len(tokens) <= 200 + len(files)
        assert set(tokens[:5]) <= set(np.concatenate([pools.array(i) for i in files]))
        assert size / len(tokens) == pytest.approx(all_bytes / len(all_tokens), rel=0.05)
        assert tokens[-1] in pools.array(files[-1])


def test_more_files_than_may_be_open(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """A run of a hundred gigabytes of text has thousands of pool files, most machines let a process open 1,024."""
    resource = pytest.importorskip("resource")
    frame = pl.DataFrame({"text": ["a few words"], "row": [0], "stratum": ["web~a"], "split": ["train"]})
    files = [f for i in range(90) for f in write_part(str(tmp_path / "pools"), f"part-{i}", f"p{i}", frame, tokenizer)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 200
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (held + 40, hard))
        arrays = PoolSet.open(str(tmp_path), files).train()["web"]
        assert len(arrays) == 90
        assert all(array.tolist() == arrays[0].tolist() for array in arrays)
        assert not arrays[0].flags.writeable
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
