"""``cuvee mix``: from proxy runs to a blend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import err, existing_file, out
from pipelines.errors import CuveeError

app = typer.Typer(help="Mix manifests: from proxy runs to a blend.", no_args_is_help=True)


WeightsOption = Annotated[Path, typer.Option("--weights", help="Table: one row a run, one column a domain.")]


@app.command("design")
def mix_design(
    natural: Annotated[
        str, typer.Option("--natural", help="Tokens or shares of the domains: a file, or web=0.6,code=0.4.")
    ],
    to: Annotated[str, typer.Option("--out", help="Table of mixtures to write: .csv or .parquet.")],
    runs: Annotated[
        int, typer.Option(min=0, help="Mixtures; default: two a domain and two, 32 at least; 8 with --after.")
    ] = 0,
    after: Annotated[str, typer.Option(help="A surrogate: proposes the next batch instead of a new swarm.")] = "",
    metric: Annotated[
        list[str] | None, typer.Option(help="With --after, NAME=WEIGHT to improve; repeatable; default: all alike.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    strength: Annotated[float, typer.Option(help="Of the Dirichlet; small: sparser mixtures.")] = 1.0,
    temperature: Annotated[float, typer.Option(help="Power of the natural shares; 0: all domains alike.")] = 0.5,
    anchor: Annotated[float, typer.Option(help="Share of the natural mixture in every other.")] = 0.2,
    min_weight: Annotated[float, typer.Option(help="Smaller weights become zero.")] = 0.0,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of the natural mixture, which tell the noise.")] = 3,
    budget: Annotated[int, typer.Option(min=0, help="Target tokens: caps repetition, adds UniMax.")] = 0,
    max_epochs: Annotated[float, typer.Option(help="With --budget, how often a domain may be repeated.")] = 4.0,
    bound: Annotated[list[str] | None, typer.Option(help="DOMAIN=LOW:HIGH; repeatable.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="NAME=DOMAIN,DOMAIN:LOW:HIGH; repeatable.")] = None,
) -> None:
    """Designs a swarm: which mixtures to train proxies on so that few tell much; or the next batch after a fit."""
    from pipelines.swarms import Swarm, batch_file, design_file, read_natural, show_batch

    count = runs or (8 if after else max(32, 2 * (len(read_natural(natural)) + 1)))
    shape = {"strength": strength, "temperature": temperature, "anchor": anchor, "min_weight": min_weight}
    spec = Swarm(natural, count, seed, **shape, repeats=repeats, budget=budget, max_epochs=max_epochs,
                 bounds=bound or [], groups=group or [])  # fmt: skip
    if after:
        show_batch(batch_file(spec, str(existing_file(Path(after))), metric or (), to), out)
    elif metric:
        raise CuveeError("--metric is for --after: a new swarm is designed for all metrics")
    else:
        design_file(spec, to)
    out.print(to, highlight=False, markup=False, soft_wrap=True)


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
