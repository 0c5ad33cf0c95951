"""``cuvee mix solve``, ``show`` and ``diff``: manifests made and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.console import RunArgument, existing_file, existing_run, out
from pipelines.errors import CuveeError

if TYPE_CHECKING:
    from manifests.mix import MixManifest

ManifestArgument = Annotated[str, typer.Argument(help="mix.yaml, or a run folder.")]
Texts = list[str]


def solve(
    surrogate: Annotated[str, typer.Argument(help="File that `cuvee mix fit` wrote, or a run folder.")],
    objective: Annotated[
        str, typer.Option(help="mean, worst, no-worse, risk-averse, or metrics with weights: pile_cc=2,arxiv.")
    ] = "mean",
    to: Annotated[str, typer.Option("--out", help="Manifest to write.")] = "mix.yaml",
    constraints: Annotated[str, typer.Option(help="YAML file with the keys of the recipe's mix.solve.")] = "",
    bound: Annotated[Texts, typer.Option(help="DOMAIN=LOW:HIGH; repeatable.")] = [],  # noqa: B006
    group: Annotated[Texts, typer.Option(help="NAME=DOMAIN,DOMAIN:LOW:HIGH; repeatable.")] = [],  # noqa: B006
    exclude: Annotated[Texts, typer.Option(help="A domain to leave out; repeatable.")] = [],  # noqa: B006
    max_divergence: Annotated[float | None, typer.Option(help="From the natural proportions, in nats.")] = None,
    no_worse: Annotated[float | None, typer.Option(help="No metric worse than natural by more than this.")] = None,
    risk: Annotated[float | None, typer.Option(help="Deviations of the prediction added to the objective.")] = None,
    natural: Annotated[str, typer.Option(help="DOMAIN=SHARE,…, or `runs` for the mean of the runs.")] = "",
    available: Annotated[str, typer.Option(help="Tokens at hand: DOMAIN=TOKENS,…")] = "",
    budget: Annotated[int | None, typer.Option(min=0, help="Training tokens.")] = None,
    max_epochs: Annotated[float | None, typer.Option(help="How often a domain may be repeated.")] = None,
    decay: Annotated[
        float | None, typer.Option(help="R* of repeated tokens' worth (Muennighoff et al.: 15.4).")
    ] = None,
    bootstrap: Annotated[
        int | None, typer.Option(min=0, help="Resamples of the runs for intervals; default 100.")
    ] = None,
    plots: Annotated[str, typer.Option(help="Folder for charts as SVG files.")] = "",
    pareto: Annotated[
        str, typer.Option(help="METRIC,METRIC of the charts' front; default: the two most opposed.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """The best blend for an objective under constraints, with a certificate, shadow prices and intervals."""
    from pipelines import mix_tables, solving

    options: dict[str, Any] = solving.aims(objective)
    lists = {
        "bounds": solving.bounds(bound),
        "groups": solving.groups(group),
        "excluded": exclude,
        "natural": natural if natural == "runs" else solving.shares(natural, "--natural"),
        "available": {d: int(n) for d, n in solving.shares(available, "--available").items()},
    }
    numbers = {
        "max_divergence": max_divergence,
        "no_worse": no_worse,
        "risk": risk,
        "budget": budget,
        "max_epochs": max_epochs,
        "decay": decay,
        "bootstrap": bootstrap,
    }
    options |= {key: value for key, value in lists.items() if value}
    options |= {key: value for key, value in numbers.items() if value is not None}
    asked = solving.section(str(existing_file(Path(constraints))) if constraints else "", options)
    pair = tuple(m.strip() for m in pareto.split(",")) if pareto else None
    if pair is not None and (len(pair) != 2 or pair[0] == pair[1]):
        raise CuveeError(f"--pareto {pareto}: expected METRIC,METRIC, two that differ")
    manifest = solving.solve_files(surrogate, asked, seed=seed, plots=plots, pair=pair)
    manifest.write(to)
    mix_tables.show(manifest, out)
    out.print(to, highlight=False, markup=False, soft_wrap=True)


def show(manifest: ManifestArgument) -> None:
    """A mix manifest as a table with bars."""
    from pipelines import mix_tables

    mix_tables.show(_read(manifest), out)


def plot(
    run: RunArgument,
    to: Annotated[str, typer.Option("--out", help="Folder to write to; default: RUN/report/mix.")] = "",
) -> None:
    """A run's blend as SVG files: weights, marginal effects, a Pareto front, predicted against measured."""
    from pipelines.plots import of_run

    for path in of_run(existing_run(run), to or f"{existing_run(run)}/report/mix"):
        out.print(path, highlight=False, markup=False, soft_wrap=True)


def diff(old: ManifestArgument, new: ManifestArgument) -> None:
    """Weights, epochs and tokens that differ between two manifests."""
    from pipelines import mix_tables

    before, after = _read(old), _read(new)
    mix_tables.print_table(mix_tables.difference(before, after), out)
    for line in mix_tables.difference_notes(before, after):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def reuse(
    to: Annotated[str, typer.Option("--out", help="Table to write, .csv or .parquet.")],
    weights: Annotated[str, typer.Option(help="Table of earlier runs, to carry over to changed domains.")] = "",
    changes: Annotated[str, typer.Option(help="YAML: removed, added, renamed, split.")] = "",
    mix: Annotated[str, typer.Option(help="mix.yaml whose domains are held together in a new, small swarm.")] = "",
    new: Annotated[str, typer.Option(help="New domains with their natural shares: DOMAIN=SHARE,…")] = "",
    runs: Annotated[int, typer.Option(min=2, help="Runs of the new swarm.")] = 8,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """After domains changed: carries earlier runs over (--weights, --changes), or designs the few that are missing
    (--mix, --new)."""
    from pipelines import reuse as reusing
    from pipelines import solving

    if bool(weights and changes) == bool(mix and new):
        raise CuveeError("give --weights and --changes, or --mix and --new")
    if mix:
        held = reusing.swarm(str(existing_file(Path(mix))), solving.shares(new, "--new"), runs, to, seed=seed)
        said = ", ".join(f"{name}: {share:.6g}" for name, share in held.items())
        out.print(f"{runs} runs; solve with\nfrozen: [{{{said}}}]", highlight=False, markup=False, soft_wrap=True)
    else:
        runs_of, changed = (str(existing_file(Path(f))) for f in (weights, changes))
        kept, left_out = reusing.carry(runs_of, changed, to)
        out.print(f"{kept} runs carried over, {len(left_out)} left out", highlight=False)
        for run, why in list(left_out.items())[:10]:
            out.print(f"left out: {run}: {why}", highlight=False, markup=False, soft_wrap=True)
    out.print(to, highlight=False, markup=False, soft_wrap=True)


def _read(manifest: str) -> MixManifest:
    from manifests.mix import MixManifest

    path = f"{manifest}/mix/mix.yaml" if Path(manifest).is_dir() else manifest
    try:
        return MixManifest.read(str(existing_file(Path(path))))
    except ValueError as error:
        raise CuveeError(str(error)) from None
