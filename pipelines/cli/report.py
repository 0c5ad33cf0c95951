"""``cuvee report``: the page of a run, written again."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.console import RunArgument, err, existing_run, out
from pipelines.errors import CuveeError


def report(
    run: RunArgument,
    to: Annotated[str, typer.Option("--out", help="File to write; default RUN/report/index.html.")] = "",
    against: Annotated[str, typer.Option("--against", help="Another run, to set beside this one.")] = "",
    redact: Annotated[bool, typer.Option("--redact", help="Leave out titles, excerpts and all that quotes.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Serve it, with live search and reviews (extra web).")] = False,
    host: Annotated[str, typer.Option("--host", help="Address to serve at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: one that is free.")] = 0,
    expose: Annotated[bool, typer.Option("--expose", help="Let --host be reached from other machines.")] = False,
) -> None:
    """Writes the report of a run again: alone, beside another run, or without quoting any text. Or serves it."""
    if serve:
        if to or against:
            raise CuveeError("report: --serve goes with --redact, --host, --port and --expose alone")
        _serve(existing_run(run), host, port, expose, redact)
        return
    from manifests.report import write

    folder = existing_run(run)
    target = to or f"{folder}/report/index.html"
    try:
        write(folder, target, against=existing_run(against) if against else "", redact=redact)
    except ValueError as error:
        raise CuveeError(f"report: {error}") from None
    out.print(target, highlight=False, soft_wrap=True)


def _serve(run: str, host: str, port: int, expose: bool, redact: bool) -> None:
    from pipelines import serving

    def told(address: str) -> None:
        out.print(f"{address}  (until Ctrl-C)", highlight=False, soft_wrap=True)

    def warn(text: str) -> None:
        err.print(f"cuvee: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    serving.serve(run, host=host, port=port, expose=expose, redact=redact, told=told, warn=warn)
