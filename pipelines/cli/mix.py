"""``cuvee mix``: from proxy runs to a blend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import existing_file, out
from pipelines.errors import CuveeError

app = typer.Typer(help="Mix manifests: from proxy runs to a blend.", no_args_is_help=True)


@app.command("show")
def mix_show(manifest: Annotated[str, typer.Argument(help="mix.yaml, or a run folder.")]) -> None:
    """A mix manifest as a table with bars."""
    from manifests.mix import MixManifest
    from pipelines.summary import mixture_table

    path = f"{manifest}/mix/mix.yaml" if Path(manifest).is_dir() else manifest
    try:
        found = MixManifest.read(str(existing_file(Path(path))))
    except ValueError as error:
        raise CuveeError(str(error)) from None
    out.print(mixture_table(found))
