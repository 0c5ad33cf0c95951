"""Commands that run a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.console import QuietOption, RunOption, WorkersOption, err, out

if TYPE_CHECKING:
    from pipelines.engines import Choice

DEMO = Path(__file__).parents[1] / "demo" / "demo.yaml"


def run(
    recipe: Annotated[str, typer.Argument(help="Recipe file (YAML).")],
    beam_options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- BEAM OPTIONS]", help="For --engine spark and dataflow.")
    ] = None,
    run: RunOption = "",
    workers: WorkersOption = 0,
    engine: Annotated[str, typer.Option(help="local, spark or dataflow")] = "local",
    spark_master: Annotated[str, typer.Option(help="spark://HOST:PORT")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the recipe; for spark and dataflow, write a graph for each job.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Runs a recipe: the whole way, doing only what is not done yet."""
    from pipelines.engines import Choice

    choice = Choice(engine, workers, spark_master, tuple(beam_options or ()))
    if dry_run:
        _dry_run(recipe, run, choice)
    else:
        _run(recipe, run, choice, quiet)


def demo(run: RunOption = "runs/demo", workers: WorkersOption = 0, quiet: QuietOption = False) -> None:
    """The whole way on real input found on this machine: from a crawl to shards and a report."""
    from pipelines.engines import Choice

    _run(str(DEMO), run, Choice(workers=workers), quiet)


def pack(target: Annotated[str, typer.Argument(help="A new folder, or FILE.tar or FILE.tar.gz.")]) -> None:
    """Packs this environment for the workers of a cluster."""
    from pipelines.engines.pack import pack as pack_environment

    size = pack_environment(target)
    out.print(f"{target}: {size / 1e6:,.0f} MB; its bin/cuvee-worker is what Spark starts", highlight=False)


def _dry_run(recipe: str, run: str, choice: Choice) -> None:
    from pipelines.recipe_file import load

    checked = load(recipe)
    out.print(f"{recipe}: fine; sources: {', '.join(s.name for s in checked.sources)}", highlight=False)
    if choice.name != "local":
        from pipelines.dry_run import write_graphs

        for path in write_graphs(recipe, run, choice):
            out.print(path, highlight=False, soft_wrap=True)


def _run(recipe: str, run: str, choice: Choice, quiet: bool) -> None:
    from pipelines.progress import Progress
    from pipelines.run import run_recipe
    from pipelines.summary import show

    summary = run_recipe(recipe, run=run, progress=Progress(err, quiet=quiet), engine=choice)
    show(summary, out)
    if summary.failures:
        raise typer.Exit(1)
