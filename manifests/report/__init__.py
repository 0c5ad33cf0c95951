"""The report of a run: one self-contained page for analysts and counsel, from the files of the run folder alone."""

from __future__ import annotations

__all__ = ["write"]


def write(run: str, out: str, *, against: str = "", redact: bool = False) -> None:
    """Writes the page of the run folder ``run`` to the file ``out``; of stages that did not run it says so.

    ``against`` is another run folder to set beside it. With ``redact`` titles, excerpts and all that quotes a text are
    left out. ValueError when ``run`` or ``against`` is no run folder.
    """
    from manifests.report.page import render

    render(run, out, against=against, redact=redact)
