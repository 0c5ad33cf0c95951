"""One driver at a time in a run folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import RunFailed
from pipelines.run_folder import RunFolder


def test_the_second_driver_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    hold = (
        "import sys, time\nfrom pipelines.run_folder import RunFolder\n"
        "with RunFolder(sys.argv[1]):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunFailed, match=rf"is in use by process {holder.pid} on "), RunFolder(str(tmp_path)):
            pass
    finally:
        holder.kill()
        holder.wait()
    with RunFolder(str(tmp_path)) as folder:
        folder.write_record(run="again")
    assert folder.record() == {"run": "again"}


def test_leftovers_of_a_killed_writer_are_removed(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    leftover = tmp_path / "documents" / ".part-1.parquet.abcdef12.tmp"
    leftover.write_bytes(b"half")
    with RunFolder(str(tmp_path)):
        assert not leftover.exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFailed, match="cannot be used as a run folder"), RunFolder(str(tmp_path / "file" / "run")):
        pass


def test_a_record_with_keys_of_another_version_says_so(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"recipe": {"name": "old", "sauces": []}}')
    with (
        RunFolder(str(tmp_path)) as folder,
        pytest.raises(RunFailed, match=r"made by another version of cuvee \(\w+\): run its recipe again"),
    ):
        folder.recipe()
