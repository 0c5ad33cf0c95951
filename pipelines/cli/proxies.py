"""``cuvee mix train``: proxy runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import QuietOption, RunArgument, WorkersOption, err, existing_file, existing_run, out
from pipelines.errors import CuveeError


def train(
    run: RunArgument,
    swarm: Annotated[str, typer.Option(help="Table of mixtures to train; default: the run's swarm.")] = "",
    proxy: Annotated[
        list[str], typer.Option(help="KEY=VALUE over the recipe's mix.proxy, such as preset=1m; repeatable.")
    ] = [],  # noqa: B006
    to: Annotated[
        str, typer.Option("--out", help="Table to append to, .csv or .parquet; default: RUN/mix/runs.parquet.")
    ] = "",
    workers: WorkersOption = 0,
    quiet: QuietOption = False,
) -> None:
    """Trains proxies on the pools of a run, doing only what is not done yet, and lists all runs.

    With mixtures or proxy options of your own, the table to append to must be named.
    """
    from pipelines import training
    from pipelines.progress import Progress

    if (swarm or proxy) and not to:
        raise CuveeError("name a table with --out: runs of other mixtures or proxies do not belong to the run's own")
    options: dict[str, int | float | str] = {}
    for text in proxy:
        key, equals, value = text.partition("=")
        if not equals:
            raise CuveeError(f"--proxy {text}: expected KEY=VALUE")
        options[key] = _plain(value)
    if to:
        training.earlier(to)  # what cannot be added to is refused before any work
    mixtures = str(existing_file(Path(swarm))) if swarm else ""
    found, domains = training.train(
        existing_run(run), mixtures, options, workers=workers, progress=Progress(err, quiet=quiet)
    )
    training.show(found, domains, out)
    if to:
        out.print(f"{to}: {training.append(found, to)} runs", highlight=False, markup=False, soft_wrap=True)


def _plain(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
