"""``cuvee report``: the page of a run, written again."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.console import RunArgument, existing_run, out


def report(
    run: RunArgument,
    to: Annotated[str, typer.Option("--out", help="File to write; default RUN/report/index.html.")] = "",
) -> None:
    """Writes the report of a run again."""
    from manifests.report import write

    target = to or f"{existing_run(run)}/report/index.html"
    write(existing_run(run), target)
    out.print(target, highlight=False, soft_wrap=True)
