"""Commands that answer questions about a finished run."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.console import RunArgument, existing_run, out
from pipelines.errors import CuveeError


def trace(
    run: RunArgument,
    position: Annotated[str, typer.Argument(metavar="SHARD:OFFSET", help="shards/olmo/part-00000.npy:12345")],
) -> None:
    """From a token of a shard to its document, URL, licence evidence and crawl record."""
    from pipelines.tracing import show_trace

    shard, _, offset = position.rpartition(":")
    if not shard or not offset.isdecimal():
        raise CuveeError(f"{position!r}: expected SHARD:OFFSET, for example shards/olmo/part-00000.npy:12345")
    show_trace(existing_run(run), shard, int(offset), out)


def inspect(run: RunArgument, id: Annotated[str, typer.Argument(help="Document id.")]) -> None:
    """One document: text, scores, verdict, cluster and licence claims."""
    from pipelines.tracing import show_document

    show_document(existing_run(run), id, out)


def report(
    run: RunArgument,
    to: Annotated[str, typer.Option("--out", help="File to write; default RUN/report/index.html.")] = "",
) -> None:
    """Writes the report of a run again."""
    from manifests.report import write

    target = to or f"{existing_run(run)}/report/index.html"
    write(existing_run(run), target)
    out.print(target, highlight=False, soft_wrap=True)
