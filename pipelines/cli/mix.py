"""``cuvee mix``: from proxy runs to a blend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import err, existing_file, out

app = typer.Typer(help="Mix manifests: from proxy runs to a blend.", no_args_is_help=True)


WeightsOption = Annotated[Path, typer.Option("--weights", help="Table: one row a run, one column a domain.")]


@app.command("fit")
def mix_fit(
    weights: WeightsOption,
    metrics: Annotated[Path, typer.Option("--metrics", help="Table: one row a run, one column a metric.")],
    to: Annotated[str, typer.Option("--out", help="File to write the surrogate to.")],
    family: Annotated[
        str, typer.Option(help="auto, linear, ridge, log_linear, power_law_concave, gp or lightgbm.")
    ] = "auto",
    key: Annotated[str, typer.Option(help="Column that names the run; default: run, run_id, id, index or name.")] = "",
) -> None:
    """Learns metrics from mixtures: tables of proxy runs, yours or anyone's, joined by run, to a surrogate.

    Tables are CSV, TSV, Parquet or JSON lines, RegMix's and olmix's as they are. Prints the scores of every family, on
    runs left out.
    """
    from pipelines.surrogates import fit_files, show

    surrogate = fit_files(str(existing_file(weights)), str(existing_file(metrics)), to, key=key, family=family)
    show(surrogate, out)
    for warning in surrogate.warnings:
        err.print(f"warning: {warning}", highlight=False, markup=False, soft_wrap=True)
    out.print(to, highlight=False, markup=False, soft_wrap=True)


@app.command("predict")
def mix_predict(
    surrogate: Annotated[Path, typer.Argument(metavar="SURROGATE", help="File that `cuvee mix fit` wrote.")],
    weights: WeightsOption,
    to: Annotated[str, typer.Option("--out", help="File to write: .csv or .parquet.")],
) -> None:
    """Predicts the metrics of any mixtures, each with the deviation of a new run."""
    from pipelines.surrogates import predict_file

    left_out = predict_file(str(existing_file(surrogate)), str(existing_file(weights)), to)
    for line in left_out:
        err.print(f"left out: {line}", highlight=False, markup=False, soft_wrap=True)
    out.print(to, highlight=False, markup=False, soft_wrap=True)
