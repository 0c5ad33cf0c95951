"""``cuvee report``: the page of a run, written again."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.console import RunArgument, existing_run, out
from pipelines.errors import CuveeError


def report(
    run: RunArgument,
    to: Annotated[str, typer.Option("--out", help="File to write; default RUN/report/index.html.")] = "",
    against: Annotated[str, typer.Option("--against", help="Another run, to set beside this one.")] = "",
    redact: Annotated[bool, typer.Option("--redact", help="Leave out titles, excerpts and all that quotes.")] = False,
) -> None:
    """Writes the report of a run again: alone, beside another run, or without quoting any text."""
    from manifests.report import write

    folder = existing_run(run)
    target = to or f"{folder}/report/index.html"
    try:
        write(folder, target, against=existing_run(against) if against else "", redact=redact)
    except ValueError as error:
        raise CuveeError(f"report: {error}") from None
    out.print(target, highlight=False, soft_wrap=True)
