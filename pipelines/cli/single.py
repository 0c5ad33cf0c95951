"""Commands on one file, and on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import err, existing_file, out, write_out


def extract(
    file: Annotated[Path, typer.Argument(help="FILE.html or FILE.warc.gz")],
    to: Annotated[str, typer.Option("--out", help="File to write; default: standard output.")] = "",
    markdown: Annotated[bool, typer.Option(help="Headings, code and quotations marked.")] = False,
    comments: Annotated[bool, typer.Option(help="With what readers wrote below.")] = False,
    fields: Annotated[bool, typer.Option("--json", help="Text, title, author, date … as JSON.")] = False,
) -> None:
    """Main text of an HTML page, or of every page of a WARC."""
    from pipelines.single import extracted

    write_out(extracted(existing_file(file), markdown=markdown, comments=comments, fields=fields), to)


def ocr(
    file: Annotated[Path, typer.Argument(help="FILE.pdf")],
    to: Annotated[str, typer.Option("--out", help="File to write; default: standard output.")] = "",
) -> None:
    """Text of a PDF, page by page from its text layer or by OCR."""
    from pipelines.single import read_pdf

    text, notes = read_pdf(existing_file(file))
    for note in notes:
        err.print(note, highlight=False, markup=False)
    write_out([text], to)


def doctor(
    beam_options: Annotated[list[str] | None, typer.Argument(metavar="[-- BEAM OPTIONS]")] = None,
    spark_master: Annotated[str, typer.Option(help="A cluster to examine too: spark://HOST:PORT")] = "",
    run: Annotated[str, typer.Option(help="A run folder to examine too; a cluster's workers must see it.")] = "",
) -> None:
    """What this machine can run, with the command that mends what it can't."""
    from pipelines.doctor import examine, show

    if not show(examine(spark_master=spark_master, run=run, options=beam_options or ()), out):
        raise typer.Exit(1)
