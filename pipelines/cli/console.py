"""What the commands share: the two consoles, common options, and checks of what the user names."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pipelines.errors import CuveeError

#: of what goes to a file or another program, where nobody widens a window
_WIDE = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200
out = Console(width=_WIDE)
err = Console(stderr=True)

RunOption = Annotated[str, typer.Option("--run", help="Run folder; default: the recipe's, else runs/NAME.")]
WorkersOption = Annotated[int, typer.Option("--workers", min=0, help="Worker processes; 0: one per core.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Run folder.")]


def listing(*columns: str, title: str = "") -> Any:
    """A table that cuts nothing: an id or an address goes on in the next line."""
    from rich.table import Table

    table = Table(box=None, title=title or None, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def existing_run(run: str) -> str:
    from manifests import storage

    if not storage.is_file(storage.join(run, "run.json")):
        raise CuveeError(f"{run}: no run folder here (it has no run.json)")
    return str(Path(run).absolute()) if storage.is_local(run) else run


def existing_file(path: Path) -> Path:
    if not path.is_file():
        raise CuveeError(f"{path}: no such file")
    return path


def write_out(pieces: Any, to: str) -> None:
    if not to:
        for piece in pieces:
            sys.stdout.write(piece)
        return
    from manifests import storage

    with storage.open_output(to) as stream:
        for piece in pieces:
            stream.write(piece.encode())
