"""``cuvee plan``: what a recipe would do and take, before it is run."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.console import QuietOption, RunOption, WorkersOption, err, out


def plan(
    recipe: Annotated[str, typer.Argument(help="Recipe file (YAML).")],
    sample: Annotated[
        str, typer.Option(help="Share of the splits to ingest and curate for an estimate, such as 0.1%.")
    ] = "",
    run: RunOption = "",
    workers: WorkersOption = 0,
    quiet: QuietOption = False,
) -> None:
    """Files, splits, stages and model calls of a recipe; with --sample also documents, tokens, storage, core-hours."""
    from pipelines import planning

    share = planning.share_of(sample) if sample else 0.0
    found = planning.read_plan(recipe, run)

    from pipelines import plan_tables

    plan_tables.show_plan(found, out)
    if share:
        from pipelines.progress import Progress
        from pipelines.sampling import sample as take

        plan_tables.show_sample(found, take(found, share, workers=workers, progress=Progress(err, quiet=quiet)), out)
