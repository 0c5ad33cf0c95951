"""The local engine and the conductor: every task once, only what is not done, and failures in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from manifests import receipts
from pipelines import merging
from pipelines.conductor import Conductor
from pipelines.engines import LocalEngine
from pipelines.errors import RunFailed
from pipelines.progress import Progress
from pipelines.task import Task
from tests.pipelines import work


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    with LocalEngine(2) as engine:
        yield engine


@pytest.fixture
def conductor(engine: LocalEngine, tmp_path: Path) -> Conductor:
    return Conductor(str(tmp_path), engine, Progress(quiet=True))


def ran(run: str) -> list[int]:
    """Which numbers were written, sorted; and forgets them."""
    log = Path(run) / "log"
    lines = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return sorted(map(int, lines))


def test_a_second_run_does_nothing(conductor: Conductor) -> None:
    tasks = work.numbered("numbers", work.write_number, 6)
    made = conductor.map("numbers", tasks)
    assert [r.task for r in made] == [t.name for t in tasks]
    assert ran(conductor.run) == [0, 1, 2, 3, 4, 5]
    assert conductor.map("numbers", tasks) == made
    assert ran(conductor.run) == []


def test_a_deleted_or_cut_file_is_made_again_and_nothing_else(conductor: Conductor) -> None:
    tasks = work.numbered("numbers", work.write_number, 5)
    conductor.map("numbers", tasks)
    ran(conductor.run)
    (Path(conductor.run) / "numbers/1.txt").unlink()
    (Path(conductor.run) / "numbers/4.txt").write_bytes(b"")
    conductor.map("numbers", tasks)
    assert ran(conductor.run) == [1, 4]


def test_a_new_key_redoes_the_task_and_a_vanished_task_leaves_no_file(conductor: Conductor) -> None:
    conductor.map("numbers", work.numbered("numbers", work.write_number, 4))
    ran(conductor.run)
    conductor.map("numbers", work.numbered("numbers", work.write_number, 3, version=2))
    assert ran(conductor.run) == [0, 1, 2]
    assert not (Path(conductor.run) / "numbers/3.txt").exists()
    assert receipts.tasks(conductor.run, "numbers") == ["t0", "t1", "t2"]


def test_a_failing_task_is_named_and_the_others_are_done(conductor: Conductor) -> None:
    tasks = work.numbered("numbers", work.fail_on_three, 5)
    with pytest.raises(RunFailed, match="1 of 5 tasks failed: t3: three is not allowed"):
        conductor.map("numbers", tasks)
    assert ran(conductor.run) == [0, 1, 2, 4]
    made = conductor.map("numbers", tasks, tolerate=1)
    assert len(made) == 4
    assert ran(conductor.run) == []


def test_a_full_disk_says_so(conductor: Conductor) -> None:
    with pytest.raises(RunFailed, match="disk full: free some space and run again"):
        conductor.map("numbers", work.numbered("numbers", work.fill_disk, 2))


def test_an_exchange_brings_every_key_to_its_partition_once(conductor: Conductor) -> None:
    tasks = work.numbered("multiples", work.write_multiples, 7)
    made = conductor.exchange("multiples", tasks, work.sum_of_partition, into="sums")
    total = sum(int((Path(conductor.run) / o.path).read_text()) for r in made for o in r.outputs)
    assert total == sum(sum(range(0, 1000, n + 1)) for n in range(7))


def test_an_exchange_repeats_only_what_changed(conductor: Conductor) -> None:
    tasks = work.numbered("multiples", work.write_multiples, 3)
    first = conductor.exchange("multiples", tasks, work.sum_of_partition, into="sums")
    (Path(conductor.run) / first[0].outputs[0].path).unlink()
    before = {o.path: (Path(conductor.run) / o.path).stat().st_mtime_ns for r in first[1:] for o in r.outputs}
    again = conductor.exchange("multiples", tasks, work.sum_of_partition, into="sums")
    assert [r.digest for r in again] == [r.digest for r in first]
    assert before == {p: (Path(conductor.run) / p).stat().st_mtime_ns for p in before}


def test_an_exchange_may_have_tasks_of_an_earlier_stage(conductor: Conductor) -> None:
    earlier = work.numbered("multiples", work.write_multiples, 3)
    conductor.exchange("multiples", earlier, work.sum_of_partition, into="sums")
    later = [replace(t, stage="multiples-1") for t in work.numbered("multiples", work.write_multiples, 5)[3:]]
    consumer = partial(work.files_of_partition, stage="all")
    made = conductor.exchange("multiples-1", [*earlier, *later], consumer, into="all")
    lines = (Path(conductor.run) / made[0].outputs[0].path).read_text().splitlines()
    assert {line.split()[0] for line in lines} == {f"exchange/{n}.keys" for n in range(5)}
    (Path(conductor.run) / "exchange/0.keys").unlink()
    assert [r.digest for r in conductor.exchange("multiples-1", [*earlier, *later], consumer, into="all")] == [
        r.digest for r in made
    ]
    assert len(receipts.tasks(conductor.run, "multiples")) == 3
    assert len(receipts.tasks(conductor.run, "multiples-1")) == 2


def test_many_key_files_are_merged_first_and_the_same_records_come(
    conductor: Conductor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = work.numbered("multiples", work.write_multiples, 7)
    consumer = partial(work.files_of_partition, stage="plain")
    plain = conductor.exchange("multiples", tasks, consumer, into="plain")
    monkeypatch.setattr(merging, "FILES", 3)
    monkeypatch.setattr(merging, "_OPEN_FILES", 3)
    merged = conductor.exchange("multiples", tasks, partial(work.files_of_partition, stage="merged"), into="merged")
    read = [[(Path(conductor.run) / o.path).read_text() for r in made for o in r.outputs] for made in (plain, merged)]
    assert read[0] == read[1]
    assert len(read[0]) == 4
    assert len(receipts.tasks(conductor.run, "multiples-merged")) == 3
    monkeypatch.undo()
    conductor.exchange("multiples", tasks, consumer, into="plain")
    assert receipts.tasks(conductor.run, "multiples-merged") == []
    assert not list(Path(conductor.run).glob("exchange/merged/**/*.keys"))


def test_a_corrupt_key_file_is_noticed_when_merged(conductor: Conductor, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = work.numbered("multiples", work.write_multiples, 3)
    conductor.map("multiples", tasks)
    keys = Path(conductor.run) / "exchange/1.keys"
    keys.write_bytes(keys.read_bytes()[:-1] + b"\xff")
    monkeypatch.setattr(merging, "FILES", 2)
    with pytest.raises(RunFailed, match="not what was written"):
        conductor.exchange("multiples", tasks, work.sum_of_partition, into="sums")


def test_a_corrupt_key_file_is_noticed(conductor: Conductor) -> None:
    tasks = work.numbered("multiples", work.write_multiples, 1)
    first = conductor.exchange("multiples", tasks, work.sum_of_partition, into="sums")
    keys = Path(conductor.run) / "exchange/0.keys"
    data = bytearray(keys.read_bytes())
    data[5] ^= 0xFF
    keys.write_bytes(data)
    for receipt in first:
        (Path(conductor.run) / receipt.outputs[0].path).unlink()
    with pytest.raises(RunFailed, match="not what was written"):
        conductor.exchange("multiples", tasks, work.sum_of_partition, into="sums")


def test_a_killed_worker_ends_the_run_with_a_message(tmp_path: Path) -> None:
    with LocalEngine(2) as engine:
        conductor = Conductor(str(tmp_path), engine, Progress(quiet=True))
        with pytest.raises(RunFailed, match="a worker process died"):
            conductor.map("numbers", work.numbered("numbers", work.kill_own_process, 8))
    with LocalEngine(2) as engine:
        conductor = Conductor(str(tmp_path), engine, Progress(quiet=True))
        assert len(conductor.map("numbers", work.numbered("numbers", work.write_number, 8))) == 8
    assert ran(str(tmp_path)) == list(range(8))


def test_an_exchange_is_not_stopped_by_the_failure_of_a_task_that_is_gone(conductor: Conductor) -> None:
    bad = work.numbered("multiples", work.fail_on_three, 4)[3:]
    with pytest.raises(RunFailed, match="three is not allowed"):
        conductor.exchange("multiples", bad, work.sum_of_partition, into="sums")
    tasks = work.numbered("multiples", work.write_multiples, 2)
    assert len(conductor.exchange("multiples", tasks, work.sum_of_partition, into="sums")) == 4


def test_nothing_is_consumed_when_a_part_of_the_keys_is_missing(conductor: Conductor) -> None:
    tasks = work.numbered("multiples", work.write_multiples, 2) + work.numbered("multiples", work.fail_on_three, 4)[3:]
    with pytest.raises(RunFailed, match="1 of 3 tasks failed: t3: three is not allowed"):
        conductor.exchange("multiples", tasks, work.sum_of_partition, into="sums")
    assert receipts.tasks(conductor.run, "sums") == []


def test_what_a_stage_left_behind_is_forgotten_with_it(conductor: Conductor) -> None:
    conductor.map("numbers", work.numbered("numbers", work.write_number, 3))
    conductor.map("kept", [Task("kept", "t9", "k", work.write_number, 9)])
    again = Conductor(conductor.run, conductor.engine, Progress(quiet=True))
    again.forget("numbers*")
    assert again.worked
    assert [p.name for p in Path(conductor.run, "numbers").iterdir()] == ["9.txt"]
    assert receipts.tasks(conductor.run, "kept") == ["t9"]
    again = Conductor(conductor.run, conductor.engine, Progress(quiet=True))
    again.forget("numbers*")
    assert not again.worked
