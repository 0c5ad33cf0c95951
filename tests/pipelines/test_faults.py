"""A handful of faults with the run folder on a real object store; ``make fault-test`` plays many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.object_store import Server
from tests.pipelines.faults import FAULTS, Point, Scene, points

POINTS = (
    Point("driver killed", "s3", "pools", 2, 0.1),
    Point("store away for 20 s", "s3", "keys", 1, 0.0),
)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_no_part_is_lost_or_doubled(point: Point, tiny: Path, finished: Path, store: Server, tmp_path: Path) -> None:
    Scene(tiny, finished, store, tmp_path).play(point)


def test_every_kind_of_fault_comes_up_before_one_comes_up_again() -> None:
    drawn = list(points(sum(map(len, FAULTS.values())), seed=5))
    assert len({(p.fault, p.where) for p in drawn}) == len(drawn)
    assert drawn == list(points(len(drawn), seed=5))
    assert drawn != list(points(len(drawn), seed=6))
