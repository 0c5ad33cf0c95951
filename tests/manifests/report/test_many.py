"""A hundred thousand documents: what the page weighs, and what writing it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from manifests import report, storage
from manifests.report import frame
from tests.manifests.report import answers, many

_WRITE = """
import sys
from manifests import report
report.write(sys.argv[1], sys.argv[2])
# its own peak: ru_maxrss counts what the process had before it became another program
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) // 1024)
"""


def test_a_batch_is_a_few_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many.build(str(tmp_path), 240, in_parts=40)
    names = frame.document_parts(str(tmp_path))
    report.write(str(tmp_path), str(tmp_path / "whole.html"))
    monkeypatch.setattr(frame, "_BATCH", 50)
    assert [b.height for b in frame.batches(str(tmp_path), names)] == [80, 80, 80]
    report.write(str(tmp_path), str(tmp_path / "batches.html"))
    assert (tmp_path / "batches.html").read_text() == (tmp_path / "whole.html").read_text()


def test_rows_that_find_no_room_are_counted(tmp_path: Path) -> None:
    many.build(str(tmp_path), 600, in_parts=200)
    report.write(str(tmp_path), str(tmp_path / "r.html"))
    page = (tmp_path / "r.html").read_text()
    assert "and 30 more, of " in page, "70 domains, 40 rows"
    assert "600 hosts in all" in page
    found = answers.Page(page, tmp_path)
    assert len(found.answers) > 250
    assert [*found.wrong(), *found.unexplained(), *found.tables_apart()] == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system tells no peak of memory")
def test_a_hundred_thousand_documents(tmp_path: Path) -> None:
    """Less than three megabytes, and of memory little more than libraries take and one part's texts."""
    many.build(str(tmp_path), 100_000)
    page = str(tmp_path / "r.html")
    command = [sys.executable, "-c", _WRITE, str(tmp_path), page]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert storage.size(page) < 3_000_000
    assert int(told.stdout) < 1000, "megabytes"
