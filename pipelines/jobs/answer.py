"""Answer: the report that analysts and counsel read, from the files of the run alone."""

from __future__ import annotations

from datetime import UTC, datetime

from manifests import storage
from pipelines.conductor import Conductor
from pipelines.run_folder import RunFolder

REPORT = "report/index.html"


def answer(conductor: Conductor, folder: RunFolder) -> str:
    """Writes the report when something changed or it is missing; returns its path."""
    from manifests import report  # charts take a second to import

    path = storage.join(conductor.run, REPORT)
    if conductor.worked or not storage.is_file(path):
        folder.write_record(stages=conductor.described(), finished=datetime.now(UTC).isoformat(timespec="seconds"))
        report.write(conductor.run, path)
    return path
