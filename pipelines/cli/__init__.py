"""The command line: parse, call, print. Errors of the user come out as one line and a status; heavy imports wait."""

from __future__ import annotations

import os
import sys

import typer

from pipelines.cli import (
    answer,
    blends,
    classifier,
    export,
    mix,
    plan,
    policy,
    proxies,
    report,
    review,
    run,
    shard,
    single,
    takedown,
)
from pipelines.cli.console import err
from pipelines.environment import KERNELS, settle
from pipelines.errors import CuveeError

app = typer.Typer(
    help="Curate, mix and emit language-model training data, with every token traceable to its source.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    run.run,
    run.demo,
    run.pack,
    plan.plan,
    shard.shard,
    answer.trace,
    answer.inspect,
    report.report,
    review.review,
    export.export,
    single.extract,
    single.ocr,
    single.doctor,
):
    app.command()(command)
mix.app.command()(proxies.train)
mix.app.command()(blends.solve)
mix.app.command()(blends.show)
mix.app.command()(blends.diff)
mix.app.command()(blends.reuse)
mix.app.command()(blends.plot)
app.add_typer(mix.app, name="mix")
app.add_typer(policy.app, name="policy")
app.add_typer(takedown.app, name="takedown")
app.add_typer(classifier.app, name="classifier")


def main() -> None:
    """Entry point of the ``cuvee`` command."""
    settle(KERNELS)
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
