"""Commands that run a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import QuietOption, RunOption, WorkersOption, err, out
from pipelines.errors import CuveeError

DEMO = Path(__file__).parents[1] / "demo" / "demo.yaml"


def run(
    recipe: Annotated[str, typer.Argument(help="Recipe file (YAML).")],
    run: RunOption = "",
    workers: WorkersOption = 0,
    engine: Annotated[str, typer.Option(help="local")] = "local",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the recipe and its inputs, and stop.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Runs a recipe: the whole way, doing only what is not done yet."""
    if engine != "local":
        raise CuveeError(f"--engine {engine}: not available in this version; allowed: local")
    if dry_run:
        from pipelines.recipe_file import load

        checked = load(recipe)
        out.print(f"{recipe}: fine; sources: {', '.join(s.name for s in checked.sources)}", highlight=False)
        return
    _run(recipe, run, workers, quiet)


def demo(run: RunOption = "runs/demo", workers: WorkersOption = 0, quiet: QuietOption = False) -> None:
    """The whole way on real input found on this machine: from a crawl to shards and a report."""
    _run(str(DEMO), run, workers, quiet)


def _run(recipe: str, run: str, workers: int, quiet: bool) -> None:
    from pipelines.progress import Progress
    from pipelines.run import run_recipe
    from pipelines.summary import show

    summary = run_recipe(recipe, run=run, workers=workers, progress=Progress(err, quiet=quiet))
    show(summary, out)
    if summary.failures:
        raise typer.Exit(1)
