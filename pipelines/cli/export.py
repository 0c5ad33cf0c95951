"""``cuvee export``: what others ask of a data set, from the run's records."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.console import RunArgument, existing_run, out
from pipelines.errors import CuveeError

FormatArgument = Annotated[
    str,
    typer.Argument(
        metavar="FORMAT",
        help="croissant, spdx, cyclonedx, card, ab2013, attribution, article53",
    ),
]


def export(
    form: FormatArgument,
    run: RunArgument,
    to: Annotated[str, typer.Option("--out", help="The file to write; of attribution and article53 the folder.")],
) -> None:
    """What others ask of a data set, from the run's records: metadata, attribution, compliance."""
    from manifests import exports

    try:
        written = exports.write(form, existing_run(run), to)
    except ValueError as error:
        raise CuveeError(f"export: {error}") from None
    for file in written:
        out.print(file, highlight=False, soft_wrap=True, markup=False)
