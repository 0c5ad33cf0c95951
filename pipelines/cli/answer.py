"""Commands that answer questions about a finished run."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.console import RunArgument, existing_run, out
from pipelines.errors import CuveeError


def trace(
    run: RunArgument,
    position: Annotated[str, typer.Argument(metavar="[SHARD:OFFSET]", help="shards/olmo/part-00000.npy:12345")] = "",
    url: Annotated[str, typer.Option("--url", help="An address, with http or https.")] = "",
    identifier: Annotated[str, typer.Option("--id", help="A document's id.")] = "",
    text: Annotated[str, typer.Option("--text", help="Words that its text holds.")] = "",
    step: Annotated[int, typer.Option("--step", help="A training step that reads the shards in order, from 0.")] = -1,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Sequences of a step.")] = 1,
    length: Annotated[int, typer.Option("--length", min=1, help="Tokens of a sequence.")] = 2048,
    form: Annotated[str, typer.Option("--format", help="The shards that were read.")] = "olmo",
) -> None:
    """From a token to its document, address, licence evidence and crawl record; or from these to their tokens."""
    from pipelines import tracing

    ways = [bool(position), bool(url), bool(identifier), bool(text), step >= 0]
    if sum(ways) != 1:
        raise CuveeError("trace: name one of SHARD:OFFSET, --url, --id, --text and --step")
    folder = existing_run(run)
    if position:
        shard, _, offset = position.rpartition(":")
        if not shard or not offset.isdecimal():
            raise CuveeError(f"{position!r}: expected SHARD:OFFSET, for example shards/olmo/part-00000.npy:12345")
        tracing.show_trace(folder, shard, int(offset), out)
    elif step >= 0:
        tracing.show_step(folder, step, batch, length, form, out)
    else:
        numbers = tracing.numbers_of(folder, url=url, identifier=identifier, text=text)
        tracing.show_found(folder, numbers, out, asked=url or identifier or repr(text))


def inspect(run: RunArgument, id: Annotated[str, typer.Argument(help="Document id.")]) -> None:
    """One document: text, scores, verdict, cluster and licence claims."""
    from pipelines.tracing import show_document

    show_document(existing_run(run), id, out)
