"""``cuvee shard``: a mix manifest made into training shards."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.console import QuietOption, WorkersOption, err, out
from pipelines.errors import CuveeError


def shard(
    mix: Annotated[str, typer.Argument(help="Mix manifest, or a run folder with one.")],
    form: Annotated[str, typer.Option("--format", help="olmo, megatron, mds or datatrove.")],
    run: Annotated[str, typer.Option("--run", help="Run whose pools it names; default: the run it lies in.")] = "",
    tokens: Annotated[int, typer.Option(min=0, help="At most, per shard; default: the recipe's, else 10,000,000.")] = 0,
    to: Annotated[str, typer.Option("--out", help="Folder to write to; default: the run, beside its shards.")] = "",
    workers: WorkersOption = 0,
    quiet: QuietOption = False,
) -> None:
    """Makes a blend into shards of a format, from the pools of a run as its policy and takedowns left them."""
    from mixing.shards import WRITERS
    from pipelines.materialise import materialise, open_blend, summary
    from pipelines.progress import Progress

    if form not in WRITERS:
        raise CuveeError(f"--format {form}: allowed: {', '.join(WRITERS)}")
    blend = open_blend(mix, run)
    folder, index = materialise(
        blend, form, tokens=tokens, out=to, workers=workers, progress=Progress(err, quiet=quiet)
    )
    for line in summary(folder, index, form):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
