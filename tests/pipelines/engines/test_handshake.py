"""The handshake: what workers lack is found before any work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from manifests import receipts, storage
from pipelines.engines import LocalEngine
from pipelines.engines.handshake import STAGE, Greeting, Versions, _compare, answer, shake_hands
from pipelines.errors import RunFailed


def test_workers_that_see_and_run_the_same_pass_and_leave_nothing(tmp_path: Path) -> None:
    with LocalEngine(1) as engine:
        shake_hands(str(tmp_path), [str(tmp_path)], engine.run)
        assert receipts.tasks(str(tmp_path), STAGE) == []
        assert storage.list_files(str(tmp_path / "cache")) == []
        with pytest.raises(RunFailed, match="does not see /absent: put the inputs where the workers see them"):
            shake_hands(str(tmp_path), ["/absent"], engine.run)


def test_workers_that_do_not_answer_do_not_see_the_run_folder(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=f"the workers do not see the run folder {tmp_path}: put it where they do"):
        shake_hands(str(tmp_path), [], lambda job: {})


def test_a_worker_without_the_mark_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"does not see {tmp_path}"):
        answer(str(tmp_path), Greeting("cache/handshake-x", ()))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"python": "3.10"}, "worker w1 runs Python 3.10, the driver "),
        ({"beam": "2.70.0"}, "worker w1 runs Beam 2.70.0, the driver "),
        ({"cuvee": "0.0.9"}, "worker w1 runs cuvee 0.0.9, the driver "),
        ({"ocr": "other"}, "worker w1 runs OCR other, the driver "),
        ({"code": "other"}, "worker w1 has other code of cuvee "),
    ],
)
def test_a_worker_of_another_kind_is_refused(other: dict[str, str], said: str) -> None:
    _compare("w1", Versions.here(), [])
    with pytest.raises(RunFailed, match=said):
        _compare("w1", replace(Versions.here(), **other), [])
