"""Partitions of keys: as many as the input asks for, and slices of coarser ones hold those of finer ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.exchange import FEWEST, gather, partitions, write_keys

RECORD = np.dtype([("key", "<u8"), ("row", "<u4")])


@given(st.integers(0, 1 << 50), st.integers(1, 24))
def test_partitions_are_the_fewest_doubled_until_a_task_can_hold_one(size: int, fewest: int) -> None:
    found = partitions(size, fewest)
    assert found in {fewest << k for k in range(20)}
    assert found * (32 << 20) >= size or 2 * found > 4096
    assert found == fewest or found // 2 * (32 << 20) < size


def test_four_times_the_input_has_four_times_the_partitions() -> None:
    assert partitions(0) == FEWEST
    assert partitions(4 << 30) == 4 * partitions(1 << 30) == 128


@pytest.mark.parametrize(("coarse", "fine"), [(2, 6), (4, 4), (1, 8)])
def test_slices_of_coarse_partitions_yield_the_records_of_fine_ones(tmp_path: Path, coarse: int, fine: int) -> None:
    rng = np.random.default_rng(3)
    records = np.empty(1000, RECORD)
    records["key"], records["row"] = rng.integers(0, 1 << 64, 1000, np.uint64), np.arange(1000)
    _, wide = write_keys(str(tmp_path), "wide.keys", records, coarse)
    _, narrow = write_keys(str(tmp_path), "narrow.keys", records, fine)
    for piece in narrow:
        assert isinstance(piece.partition, int)
        theirs = [s for s in wide if s.partition == piece.partition % coarse]
        found = gather(str(tmp_path), theirs, RECORD, (piece.partition, fine))
        whole = gather(str(tmp_path), [piece], RECORD)
        assert found.records.tolist() == whole.records.tolist()
        assert set(found.which) == {0}
