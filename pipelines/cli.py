"""The command line: parse, call, print. Errors of the user come out as one line and a status; heavy imports wait."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pipelines.errors import CuveeError

app = typer.Typer(
    help="Curate, mix and emit language-model training data, with every token traceable to its source.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
mix_app = typer.Typer(help="Mix manifests: from proxy runs to a blend.", no_args_is_help=True)
app.add_typer(mix_app, name="mix")

out = Console()
err = Console(stderr=True)

DEMO = Path(__file__).parent / "demo" / "demo.yaml"

RunOption = Annotated[str, typer.Option("--run", help="Run folder; default: the recipe's, else runs/NAME.")]
WorkersOption = Annotated[int, typer.Option("--workers", min=0, help="Worker processes; 0: one per core.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Run folder.")]


@app.command()
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


@app.command()
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


@app.command()
def trace(
    run: RunArgument,
    position: Annotated[str, typer.Argument(metavar="SHARD:OFFSET", help="shards/olmo/part-00000.npy:12345")],
) -> None:
    """From a token of a shard to its document, URL, licence evidence and crawl record."""
    from pipelines.tracing import show_trace

    shard, _, offset = position.rpartition(":")
    if not shard or not offset.isdecimal():
        raise CuveeError(f"{position!r}: expected SHARD:OFFSET, for example shards/olmo/part-00000.npy:12345")
    show_trace(_existing(run), shard, int(offset), out)


@app.command()
def inspect(run: RunArgument, id: Annotated[str, typer.Argument(help="Document id.")]) -> None:
    """One document: text, scores, verdict, cluster and licence claims."""
    from pipelines.tracing import show_document

    show_document(_existing(run), id, out)


@app.command()
def report(
    run: RunArgument,
    to: Annotated[str, typer.Option("--out", help="File to write; default RUN/report/index.html.")] = "",
) -> None:
    """Writes the report of a run again."""
    from manifests.report import write

    target = to or f"{_existing(run)}/report/index.html"
    write(_existing(run), target)
    out.print(target, highlight=False, soft_wrap=True)


@app.command()
def extract(
    file: Annotated[Path, typer.Argument(help="FILE.html or FILE.warc.gz")],
    to: Annotated[str, typer.Option("--out", help="File to write; default: standard output.")] = "",
) -> None:
    """Main text of an HTML page, or of every page of a WARC."""
    from pipelines.single import extracted

    _write(extracted(_file(file)), to)


@app.command()
def ocr(
    file: Annotated[Path, typer.Argument(help="FILE.pdf")],
    to: Annotated[str, typer.Option("--out", help="File to write; default: standard output.")] = "",
) -> None:
    """Text of a PDF, page by page from its text layer or by OCR."""
    from pipelines.single import read_pdf

    text, notes = read_pdf(_file(file))
    for note in notes:
        err.print(note, highlight=False, markup=False)
    _write([text], to)


@app.command()
def doctor() -> None:
    """What this machine can run, with the command that mends what it can't."""
    from pipelines.doctor import examine, show

    if not show(examine(), out):
        raise typer.Exit(1)


@mix_app.command("show")
def mix_show(manifest: Annotated[str, typer.Argument(help="mix.yaml, or a run folder.")]) -> None:
    """A mix manifest as a table with bars."""
    from manifests.mix import MixManifest
    from pipelines.summary import mixture_table

    path = f"{manifest}/mix/mix.yaml" if Path(manifest).is_dir() else manifest
    try:
        found = MixManifest.read(str(_file(Path(path))))
    except ValueError as error:
        raise CuveeError(str(error)) from None
    out.print(mixture_table(found))


def _existing(run: str) -> str:
    if not (Path(run) / "run.json").is_file():
        raise CuveeError(f"{run}: no run folder here (it has no run.json)")
    return str(Path(run).absolute())


def _file(path: Path) -> Path:
    if not path.is_file():
        raise CuveeError(f"{path}: no such file")
    return path


def _write(pieces: Any, to: str) -> None:
    if not to:
        for piece in pieces:
            sys.stdout.write(piece)
        return
    from manifests import storage

    with storage.open_output(to) as stream:
        for piece in pieces:
            stream.write(piece.encode())


def main() -> None:
    """Entry point of the ``cuvee`` command."""
    try:
        app(standalone_mode=True)
    except CuveeError as error:
        err.print(f"cuvee: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(error.status) from None
    except KeyboardInterrupt:
        err.print("cuvee: interrupted; finished parts are kept: run again to resume")
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        from pipelines.task import disk_is_full, one_line

        text = one_line(error) if disk_is_full(error) else str(error)
        err.print(f"cuvee: {text}", style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
