"""datatrove's tokenized files, held against datatrove's own writer and readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mixing
from mixing.planner import Plan
from mixing.pools import PoolSet
from mixing.shards import write_datatrove
from mixing.shards.datatrove import _for_people
from mixing.tokenizer import Tokenizer
from tests.mixing.shards.test_shard import check_spans, expected, wide_pools
from tests.mixing.test_planner import SHARES, manifest


@pytest.fixture(scope="module")
def plan(pools: PoolSet) -> Plan:
    return mixing.plan(manifest(pools, SHARES, 20_000), pools, shard_tokens=3000)


def test_layout(pools: PoolSet, plan: Plan, tokenizer: Tokenizer, tmp_path: Path) -> None:
    shard = write_datatrove(str(tmp_path), 2, pools, *plan.shard(2))
    tokens = np.fromfile(tmp_path / "part-00002.ds", "<u2")
    ends = np.fromfile(tmp_path / "part-00002.ds.index", "<u8").tolist()
    documents = expected(pools, plan, 2)
    pieces = np.split(tokens, ends[:-1])
    assert ends[-1] == len(tokens)
    assert all(np.array_equal(a, b) for a, b in zip(pieces, documents, strict=True))
    check_spans(tmp_path, shard, tokens, tokenizer)


def test_same_bytes_as_datatrove_writes(pools: PoolSet, plan: Plan, tmp_path: Path) -> None:
    tokens = pytest.importorskip("datatrove.pipeline.tokens.tokenizer")
    theirs = tokens.TokenizedFile(
        str(tmp_path / "theirs"),
        "part-00001.ds",
        tokenizer_name_or_path="models/tokenizer.json",
        save_final_metadata=True,
    )
    for document in expected(pools, plan, 1):
        theirs.write(document.tolist(), None)
    theirs.close()
    shard = write_datatrove(str(tmp_path / "ours"), 1, pools, *plan.shard(1))
    for name in shard.files[:3]:
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes(), name


def test_datatrove_reads_it(pools: PoolSet, plan: Plan, tmp_path: Path) -> None:
    merger = pytest.importorskip("datatrove.pipeline.tokens.merger")
    io = pytest.importorskip("datatrove.io")
    write_datatrove(str(tmp_path), 0, pools, *plan.shard(0))
    folder = io.get_datafolder(str(tmp_path))
    ends = merger.load_doc_ends(folder.open("part-00000.ds.index", "rb"))
    read = list(merger.get_data_reader(folder.open("part-00000.ds", "rb"), ends, nb_bytes=2))
    assert [np.frombuffer(r, np.uint16).tolist() for r in read] == [d.tolist() for d in expected(pools, plan, 0)]


def test_windows_for_training(pools: PoolSet, plan: Plan, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="datatrove's data set needs torch, which is not among our dependencies")
    from datatrove.utils.dataset import DatatroveFileDataset

    write_datatrove(str(tmp_path), 0, pools, *plan.shard(0))
    tokens = np.fromfile(tmp_path / "part-00000.ds", "<u2")
    found = DatatroveFileDataset(str(tmp_path / "part-00000.ds"), 63)
    assert len(found) == len(tokens) // 64
    assert found[3]["input_ids"].tolist() == tokens[192:256].tolist()


def test_wide_tokens(tmp_path: Path) -> None:
    write_datatrove(str(tmp_path), 0, wide_pools(tmp_path), np.array([0, 0, 0]), np.array([1, 0, 1]))
    assert np.fromfile(tmp_path / "part-00000.ds", "<u4").tolist() == [9, 70_000, 8, 9]
    assert (tmp_path / "part-00000.ds.metadata").read_text() == "models/tokenizer.json|4\n4\n4.00 T"


@pytest.mark.parametrize("tokens", [0, 1, 12, 999, 1000, 1234, 56_789, 999_999, 1_234_567, 7 * 10**9, 3 * 10**13])
def test_counts_for_people(tokens: int) -> None:
    humanize = pytest.importorskip("humanize")
    assert _for_people(tokens) == humanize.metric(tokens, unit="T")
