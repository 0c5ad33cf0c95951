"""``cuvee mix design``: the mixtures of a swarm, or the next batch after a fit, as a table to train from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import yaml
from rich.console import Console

from manifests import storage
from mixing import sequential, swarm, tables
from mixing.constraints import Constraints, Group
from mixing.surrogate import Surrogate
from pipelines import solving
from pipelines.errors import CuveeError
from pipelines.surrogates import user_errors

_SHARES = ("tokens", "weight", "share", "natural")  #: columns of a table with a row a domain


@dataclass(frozen=True)
class Swarm:
    """What the command line asks of a design."""

    natural: str
    runs: int
    seed: int
    strength: float = 1.0
    temperature: float = 0.5
    anchor: float = 0.2
    min_weight: float = 0.0
    repeats: int = 3
    budget: int = 0
    max_epochs: float = 4.0
    bounds: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


def design_file(spec: Swarm, out: str) -> pl.DataFrame:
    """Writes a swarm and returns it. With a budget, UniMax is one of its mixtures and caps hold for the others."""
    with user_errors():
        tables.check_name(out)
        natural = read_natural(spec.natural)
        unimax = None
        if spec.budget:
            unimax = swarm.unimax({d: int(n) for d, n in natural.items()}, spec.budget, spec.max_epochs)
        found = swarm.design(
            natural,
            spec.runs,
            seed=spec.seed,
            strength=spec.strength,
            temperature=spec.temperature,
            anchor=spec.anchor,
            min_weight=spec.min_weight,
            natural_runs=spec.repeats,
            unimax=unimax,
            constraints=_constraints(spec, natural),
        )
        tables.write(found, out)
    return found


def batch_file(spec: Swarm, surrogate: str, metrics: Sequence[str], out: str) -> sequential.Batch:
    """Writes the mixtures to run next, those predicted to be best, and returns them."""
    objective = solving.shares(",".join(metrics), "--metric")
    with user_errors():
        tables.check_name(out)
        model = Surrogate.load(surrogate)
        natural = read_natural(spec.natural)
        constraints = _constraints(spec, natural)
        pool = sequential.search(
            model, natural, seed=spec.seed, objective=objective, constraints=constraints, min_weight=spec.min_weight
        )
        batch = sequential.propose(model, pool, spec.runs, objective=objective)
        tables.write(batch.mixtures, out)
    return batch


def show_batch(batch: sequential.Batch, console: Console) -> None:
    verdict = "worth its cost" if batch.worth else "within the noise: stop here"
    text = f"expected gain {batch.gain:.2g} over {batch.best:.5g}, noise of a run {batch.noise:.2g}: {verdict}"
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def read_natural(given: str) -> dict[str, float]:
    """Tokens or shares of the domains: ``web=0.6,code=0.4``, a JSON or YAML mapping, or a table with a row a domain.

    CuveeError for what is none of them, and for numbers that are not finite, or negative.
    """
    if "=" in given and not Path(given).exists():
        found = solving.shares(given, "--natural")
    elif not Path(given).is_file():
        raise CuveeError(f"{given}: no such file; natural shares are a file, or written web=0.6,code=0.4")
    else:
        found = _mapping(given) if given.endswith((".json", ".yaml", ".yml")) else _rows(given)
    if wrong := [d for d, n in found.items() if not 0 <= n < math.inf]:
        raise CuveeError(f"{given}: {wrong[0]!r} is {found[wrong[0]]:g}; tokens and shares are finite and not negative")
    return found


def _mapping(path: str) -> dict[str, float]:
    data = storage.read_bytes(path)
    try:
        said = json.loads(data) if path.endswith(".json") else yaml.safe_load(data)
    except (ValueError, yaml.YAMLError) as error:
        raise CuveeError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(said, dict) or not all(isinstance(v, int | float) for v in said.values()):
        raise CuveeError(f"{path} is no mapping of domains to tokens or shares")
    return {str(k): float(v) for k, v in said.items()}


def _rows(path: str) -> dict[str, float]:
    with user_errors():
        frame = tables.read(path)
    column = next((c for c in _SHARES if c in frame.columns), None)
    if column is None or "domain" not in frame.columns or not frame[column].dtype.is_numeric():
        raise CuveeError(f"{path} has no columns `domain` and one of {', '.join(_SHARES)}; it has {frame.columns[:8]}")
    if frame["domain"].n_unique() < frame.height:
        raise CuveeError(f"{path} names a domain twice")
    return dict(zip(frame["domain"].cast(pl.String), frame[column].cast(pl.Float64).fill_null(math.nan), strict=True))


def _constraints(spec: Swarm, natural: Mapping[str, float]) -> Constraints:
    """Of the options; a budget caps every domain too."""
    return Constraints(
        bounds=solving.bounds(spec.bounds),
        groups={
            name: Group(dict.fromkeys(group["domains"], 1.0), group["at_least"], group["at_most"])
            for name, group in solving.groups(spec.groups).items()
        },
        available={d: int(n) for d, n in natural.items()} if spec.budget else {},
        budget=spec.budget,
        max_epochs=spec.max_epochs,
    )
