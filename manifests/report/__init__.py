"""The report of a run: one self-contained page for analysts and counsel, from the files of the run folder alone."""

from __future__ import annotations

__all__ = ["write"]


def write(run: str, out: str) -> None:
    """Writes the page of the run folder ``run`` to the file ``out``; stages that did not run are left out of it.

    ValueError when ``run`` is no run folder.
    """
    from manifests.report.page import render

    render(run, out)
