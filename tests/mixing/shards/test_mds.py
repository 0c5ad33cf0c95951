"""MDS, read by a plain reader of its layout and, where it is installed, by MosaicML's own."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mixing
from manifests.token_files import layout
from mixing.planner import Plan
from mixing.pools import PoolSet
from mixing.shards import INDEXES, write_mds
from mixing.shards.mds import _encoded, describe_again
from mixing.tokenizer import Tokenizer
from tests.mixing.shards.test_shard import check_spans, expected, wide_pools
from tests.mixing.test_planner import SHARES, manifest


@pytest.fixture(scope="module")
def plan(pools: PoolSet) -> Plan:
    return mixing.plan(manifest(pools, SHARES, 20_000), pools, shard_tokens=3000)


def read_shard(data: bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Header and samples, number by number, after the reader of mosaicml/streaming."""

    def number(at: int, width: int = 4) -> int:
        return int.from_bytes(data[at : at + width], "little")

    n = number(0)
    offsets = [number(4 + 4 * i) for i in range(n + 1)]
    header = json.loads(data[4 * (n + 2) : offsets[0]])
    (encoding,) = header["column_encodings"]
    samples = []
    for begin, end in pairwise(offsets):
        assert number(begin) == end - begin - 4, "the only column's size comes first, as its encoding has none"
        dimensions, kind = data[begin + 4] >> 2, data[begin + 4] & 3
        assert (header["column_sizes"], dimensions) == ([None], 1)
        length = number(begin + 5, 2**kind)
        values = np.frombuffer(data[begin + 5 + 2**kind : end], encoding.removeprefix("ndarray:"))
        assert len(values) == length
        samples.append(values)
    assert offsets[-1] == len(data)
    return header, samples


def write_all(pools: PoolSet, plan: Plan, folder: Path) -> list[str]:
    names = [write_mds(str(folder), i, pools, *plan.shard(i)).files[0] for i in range(plan.shards)]
    assert INDEXES["mds"](str(folder), names) == "index.json"
    return names


def test_a_sample_is_a_document(pools: PoolSet, plan: Plan, tokenizer: Tokenizer, tmp_path: Path) -> None:
    shard = write_mds(str(tmp_path), 2, pools, *plan.shard(2))
    header, samples = read_shard((tmp_path / "part-00002.mds").read_bytes())
    assert (header["column_names"], header["column_encodings"]) == (["tokens"], ["ndarray:uint16"])
    documents = expected(pools, plan, 2)
    assert len(samples) == len(documents) == shard.documents
    assert all(np.array_equal(a, b) for a, b in zip(samples, documents, strict=True))
    check_spans(tmp_path, shard, np.concatenate(samples), tokenizer)


def test_the_index_tells_of_all_shards(pools: PoolSet, plan: Plan, tmp_path: Path) -> None:
    write_all(pools, plan, tmp_path)
    nothing = np.empty(0, np.int64)
    empty = write_mds(str(tmp_path), plan.shards, pools, nothing, nothing)
    names = [f"part-{i:05d}.mds" for i in range(plan.shards)]
    INDEXES["mds"](str(tmp_path), [*names, empty.files[0]])
    index = json.loads((tmp_path / "index.json").read_text())
    assert index["version"] == 2
    assert [s["raw_data"]["basename"] for s in index["shards"]] == names, "an empty shard is not told of"
    for number, shard in enumerate(index["shards"]):
        data = (tmp_path / names[number]).read_bytes()
        assert shard["raw_data"]["bytes"] == len(data)
        assert shard["raw_data"]["hashes"] == {"sha256": hashlib.sha256(data).hexdigest()}
        assert (shard["samples"], shard["zip_data"]) == (len(expected(pools, plan, number)), None)
        header, _ = read_shard(data)
        assert {k: shard[k] for k in header} == header


def test_the_real_reader(pools: PoolSet, plan: Plan, tmp_path: Path) -> None:
    pytest.importorskip("streaming", reason="mosaicml-streaming brings torch: pip install mosaicml-streaming")
    from streaming.base.format import reader_from_json  # type: ignore[import-not-found]

    write_all(pools, plan, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    for number, described in enumerate(index["shards"]):
        reader = reader_from_json(str(tmp_path), "", described)
        reader.validate(True)
        got = [reader[i]["tokens"] for i in range(reader.size)]
        assert all(np.array_equal(a, b) for a, b in zip(got, expected(pools, plan, number), strict=True))


def test_same_bytes_as_the_real_writer(pools: PoolSet, plan: Plan, tmp_path: Path) -> None:
    pytest.importorskip("streaming", reason="mosaicml-streaming brings torch: pip install mosaicml-streaming")
    from streaming.base.format.mds.writer import MDSWriter  # type: ignore[import-not-found]

    with MDSWriter(
        columns={"tokens": "ndarray:uint16"}, out=str(tmp_path / "theirs"), hashes=["sha256"], size_limit=None
    ) as out:
        for document in expected(pools, plan, 1):
            out.write({"tokens": document})
    ours = write_mds(str(tmp_path / "ours"), 1, pools, *plan.shard(1)).files[0]
    INDEXES["mds"](str(tmp_path / "ours"), [ours])
    assert (tmp_path / "ours" / ours).read_bytes() == (tmp_path / "theirs/shard.00000.mds").read_bytes()
    theirs = (tmp_path / "theirs/index.json").read_text().replace("shard.00000.mds", ours)
    assert (tmp_path / "ours/index.json").read_text() == theirs


def test_wide_tokens(tmp_path: Path) -> None:
    write_mds(str(tmp_path), 0, wide_pools(tmp_path), np.array([0, 0, 0]), np.array([1, 0, 1]))
    header, samples = read_shard((tmp_path / "part-00000.mds").read_bytes())
    assert header["column_encodings"] == ["ndarray:uint32"]
    assert [s.tolist() for s in samples] == [[9], [70_000, 8], [9]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([1, 2, 127, 128, 254, 255, 256, 257, 65_535, 65_536, 65_537, 66_000]), max_size=6),
    st.sampled_from(["<u2", "<u4"]),
)
def test_tokens_are_found_in_the_file(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], kind: str) -> None:
    lengths = np.array(sizes, np.int64)
    tokens = np.random.default_rng(len(sizes)).integers(0, 60_000, lengths.sum()).astype(kind)
    start = np.cumsum(lengths) - lengths
    data = _encoded(tokens, start, lengths)
    _, samples = read_shard(data)
    assert [len(s) for s in samples] == sizes
    assert np.array_equal(np.concatenate([np.empty(0, kind), *samples]), tokens)
    path = tmp_path_factory.mktemp("mds") / "x.mds"
    path.write_bytes(data)
    lies = layout(str(path), len(tokens))
    assert lies.width == int(kind[2])
    for a, n in zip(start.tolist(), sizes, strict=True):
        for token in {a, a + n // 2, a + n - 1}:
            at = lies.byte_of(token)
            assert int.from_bytes(data[at : at + lies.width], "little") == tokens[token]


def test_a_shard_described_again_has_its_new_hash(pools: PoolSet, plan: Plan, tmp_path: Path) -> None:
    (name, *_) = write_all(pools, plan, tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[-1] ^= 1
    (tmp_path / name).write_bytes(data)
    describe_again(str(tmp_path / name))
    entry = json.loads((tmp_path / f"{name}.json").read_text())
    assert entry["raw_data"]["hashes"]["sha256"] == hashlib.sha256(data).hexdigest()


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without tokens"):
        _encoded(np.zeros(2, "<u2"), np.array([0, 2]), np.array([2, 0]))
    broken = tmp_path / "x.mds"
    for data in (b"\x07\0\0\0abc", b"\0\0\0\0\x0c\0\0\0null", b"\0\0\0\0\x0a\0\0\0{}"):
        broken.write_bytes(data)
        with pytest.raises(ValueError, match=r"MDS shard|not a shard of one column"):
            layout(str(broken), 1)
