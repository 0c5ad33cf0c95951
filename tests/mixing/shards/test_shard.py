from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

import mixing
from mixing.planner import Plan
from mixing.pools import PoolFile, PoolSet, Spans
from mixing.shards import WRITERS, Shard, gather, write_megatron, write_olmo
from mixing.tokenizer import Tokenizer
from tests.mixing.small_pools import SIZES, sentences
from tests.mixing.test_planner import SHARES, manifest


@pytest.fixture(scope="module")
def plan(pools: PoolSet) -> Plan:
    return mixing.plan(manifest(pools, SHARES, 20_000), pools, shard_tokens=3000)


def expected(pools: PoolSet, plan: Plan, shard: int) -> list[np.ndarray]:
    file, span = plan.shard(shard)
    slices = ((pools.array(f), pools.spans(f), s) for f, s in zip(file.tolist(), span.tolist(), strict=True))
    return [np.asarray(array[spans.start[s] : spans.end[s]]) for array, spans, s in slices]


def check_spans(folder: Path, shard: Shard, tokens: np.ndarray, tokenizer: Tokenizer) -> None:
    """Every token is in exactly one span, and the span names the document the tokens decode to."""
    spans = Spans.read(str(folder / shard.files[-1]))
    assert (spans.start[0], spans.end[-1]) == (0, len(tokens))
    assert np.array_equal(spans.start[1:], spans.end[:-1])
    for start, end, part, row in zip(spans.start, spans.end, spans.part, spans.row, strict=True):
        domain, name = spans.parts[part].removesuffix(".parquet").split("/")[1:]
        assert tokenizer.decode(tokens[start:end]) == sentences(domain, SIZES[domain], int(name[-1]))[row]


def test_olmo(pools: PoolSet, plan: Plan, tokenizer: Tokenizer, tmp_path: Path) -> None:
    for index in range(plan.shards):
        shard = write_olmo(str(tmp_path), index, pools, *plan.shard(index))
        documents = expected(pools, plan, index)
        tokens = np.memmap(tmp_path / shard.files[0], dtype="<u2", mode="r")
        assert np.array_equal(tokens, np.concatenate(documents)), "raw tokens, no header"
        assert (shard.tokens, shard.documents) == (len(tokens), len(documents))
        check_spans(tmp_path, shard, tokens, tokenizer)
        packed = (tmp_path / shard.files[1]).read_bytes()
        assert packed[3:8] == bytes(5), "neither a name nor a time of writing"
        lines = gzip.decompress(packed).decode().splitlines()
        assert len(lines) == len(documents)
        for line, document in zip(lines, documents, strict=True):
            start, end, name, source, row = line.split(",")
            assert np.array_equal(tokens[int(start) : int(end)], document)
            assert name == f"{Path(source).stem}:{row}"
    assert shard.as_dict()["files"] == ["part-00006.npy", "part-00006.csv.gz", "part-00006.spans.parquet"]


def read_index(data: bytes) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Megatron's own reading order, after its published layout."""
    assert data[:9] == b"MMIDIDX\x00\x00"
    version, code, sequences, documents = struct.unpack("<QBQQ", data[9:34])
    assert version == 1
    lengths = np.frombuffer(data, np.int32, sequences, 34)
    pointers = np.frombuffer(data, np.int64, sequences, 34 + lengths.nbytes)
    borders = np.frombuffer(data, np.int64, documents, 34 + lengths.nbytes + pointers.nbytes)
    assert 34 + lengths.nbytes + pointers.nbytes + borders.nbytes == len(data)
    return code, lengths, pointers, borders


def test_megatron(pools: PoolSet, plan: Plan, tokenizer: Tokenizer, tmp_path: Path) -> None:
    shard = write_megatron(str(tmp_path), 2, pools, *plan.shard(2))
    documents = expected(pools, plan, 2)
    code, lengths, pointers, borders = read_index((tmp_path / "part-00002.idx").read_bytes())
    raw = (tmp_path / "part-00002.bin").read_bytes()
    assert code == 8
    for length, pointer, document in zip(lengths, pointers, documents, strict=True):
        assert np.array_equal(np.frombuffer(raw, np.uint16, length, pointer), document)
    assert borders.tolist() == list(range(len(documents) + 1))
    check_spans(tmp_path, shard, np.frombuffer(raw, np.uint16), tokenizer)


def test_wide_tokens(tmp_path: Path) -> None:
    pools = wide_pools(tmp_path)
    file, span = np.array([0, 0, 0]), np.array([1, 0, 1])
    write_megatron(str(tmp_path), 0, pools, file, span)
    code, lengths, pointers, _ = read_index((tmp_path / "part-00000.idx").read_bytes())
    assert (code, lengths.tolist(), pointers.tolist()) == (4, [1, 2, 1], [0, 4, 12])
    assert np.frombuffer((tmp_path / "part-00000.bin").read_bytes(), np.int32).tolist() == [9, 70_000, 8, 9]
    write_olmo(str(tmp_path), 0, pools, file, span)
    assert np.fromfile(tmp_path / "part-00000.npy", "<u4").tolist() == [9, 70_000, 8, 9]


def wide_pools(folder: Path) -> PoolSet:
    (folder / "pools" / "d").mkdir(parents=True)
    np.save(folder / "pools" / "d" / "train-p.npy", np.array([70_000, 8, 9], np.uint32))
    spans = Spans(np.array([0, 2]), np.array([2, 3]), np.zeros(2, np.int32), np.arange(2, dtype=np.int32), ("p",))
    spans.write(str(folder / "pools" / "d" / "train-p.spans.parquet"))
    return PoolSet.open(str(folder), [PoolFile("d", "train", "pools/d/train-p.npy", 3, 2, 9, "")])


def test_an_empty_shard_is_valid(pools: PoolSet, tmp_path: Path) -> None:
    nothing = np.empty(0, np.int64)
    for write in WRITERS.values():
        shard = write(str(tmp_path), 0, pools, nothing, nothing)
        assert (shard.tokens, shard.documents) == (0, 0)
    assert len(gather(pools, nothing, nothing)[0]) == 0


def test_same_bytes_again(pools: PoolSet, plan: Plan, tmp_path: Path) -> None:
    for write in WRITERS.values():
        first, second = (write(str(tmp_path / n), 1, pools, *plan.shard(1)) for n in "ab")
        assert first == second
        for name in first.files:
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
