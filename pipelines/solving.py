"""``cuvee mix solve``: a surrogate, fitted here or elsewhere, and what is asked of the blend; a manifest out."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from manifests import storage
from manifests.mix import MixManifest
from mixing.bootstrap import resample
from mixing.manifest import Upsampling, compose
from mixing.pools import PoolSet
from mixing.solver import solve
from mixing.surrogate import Surrogate
from pipelines import blending, section_file
from pipelines.errors import CuveeError
from pipelines.plots import of_solution
from pipelines.recipe import mixing as recipes
from pipelines.recipe.solving import SolveFile
from pipelines.run_folder import RunFolder
from pipelines.stages.proxies import POOLS
from pipelines.stages.solve import MANIFEST, SURROGATE
from pipelines.surrogates import user_errors

KINDS = ("mean", "worst", "no-worse", "risk-averse")
_NO_WORSE, _RISK = 0.0, 1.0  #: where the objective names them and nothing says how much


def section(path: str, options: Mapping[str, Any]) -> SolveFile:
    """The file of constraints with the options of the command line over it. CuveeError names what is wrong."""
    merged = section_file.read(Path(path), SolveFile)[0].model_dump(exclude_unset=True) if path else {}
    for key, value in options.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if both else value
    try:
        return SolveFile.model_validate(merged)
    except ValidationError as error:
        raise CuveeError(section_file.explained(error.errors()[0], SolveFile)) from None


def aims(objective: str) -> dict[str, Any]:
    """``--objective``: a kind, or metrics with or without weights (``pile_cc=2,arxiv``), as keys of the section."""
    kind = objective.strip()
    if kind in ("mean", "worst"):
        return {"objective": kind}
    if kind == "no-worse":
        return {"no_worse": _NO_WORSE}
    if kind == "risk-averse":
        return {"risk": _RISK}
    pieces = filter(None, (p.strip() for p in objective.split(",")))
    return {"metrics": shares(",".join(p if "=" in p else f"{p}=1" for p in pieces), "--objective")}


def bounds(texts: list[str]) -> dict[str, tuple[float, float]]:
    """``--bound DOMAIN=LOW:HIGH``."""
    found: dict[str, tuple[float, float]] = {}
    for text in texts:
        name, _, limits = text.rpartition("=")
        low, colon, high = limits.partition(":")
        if not name or not colon:
            raise CuveeError(f"--bound {text}: expected DOMAIN=LOW:HIGH, for example code=0.1:0.4")
        _refuse_twice(name, found, "--bound")
        found[name] = (_number(low or "0", f"--bound {text}"), _number(high or "1", f"--bound {text}"))
    return found


def groups(texts: list[str]) -> dict[str, dict[str, Any]]:
    """``--group NAME=DOMAIN,DOMAIN:LOW:HIGH``."""
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, _, rest = text.partition("=")
        pieces = rest.rsplit(":", 2)
        if not name or len(pieces) != 3:
            raise CuveeError(f"--group {text}: expected NAME=DOMAIN,DOMAIN:LOW:HIGH, for example licensed=a,b:0.3:1")
        _refuse_twice(name, found, "--group")
        domains = [d.strip() for d in pieces[0].split(",") if d.strip()]
        low, high = (_number(p or end, f"--group {text}") for p, end in zip(pieces[1:], ("0", "1"), strict=True))
        found[name] = {"domains": domains, "at_least": low, "at_most": high}
    return found


def shares(text: str, option: str) -> dict[str, float]:
    """``NAME=NUMBER,NAME=NUMBER``."""
    found: dict[str, float] = {}
    for piece in filter(None, (p.strip() for p in text.split(","))):
        name, _, number = piece.rpartition("=")
        if not name:
            raise CuveeError(f"{option} {text}: expected NAME=NUMBER,…")
        _refuse_twice(name, found, option)
        found[name] = _number(number, option)
    return found


def solve_files(
    source: str, asked: SolveFile, *, seed: int, plots: str = "", pair: tuple[str, str] | None = None
) -> MixManifest:
    """``source`` is a surrogate, or a run folder, whose pools then say what is at hand.

    With ``plots``, a folder, charts are written too; ``pair`` names the metrics of the Pareto front.
    """
    folder = Path(source).is_dir()
    path = storage.join(source, SURROGATE) if folder else source
    if not storage.is_file(path):
        raise CuveeError(f"{path}: no such file" + (": the run has fitted no surrogate" if folder else ""))
    if folder and asked.available:
        raise CuveeError(f"available: {source} is a run, which knows its own tokens: leave it out")
    with user_errors():
        surrogate = Surrogate.load(path)
        run = _of_run(source) if folder else None
        pools, own = (run.pools, run.manifest) if run else (None, None)
        budget = asked.budget or (own.budget if own else 0)
        strata = pools.strata() if pools else None
        natural = _natural(surrogate, asked, pools)
        aim = blending.objective(asked)
        limits = blending.constraints(asked, list(surrogate.domains), strata=strata, budget=budget, natural=natural)
        mixture = solve(surrogate, aim, limits)
        resampled = resample(surrogate, aim, limits, draws=asked.bootstrap, seed=seed) if asked.bootstrap > 1 else None
        manifest = compose(
            mixture,
            surrogate,
            pools,
            tokenizer=own.tokenizer if own else "",
            budget=budget,
            seed=seed,
            policy=own.policy if own else "any",
            policy_digest=own.policy_digest if own else "",
            objective=aim,
            constraints=limits,
            resampled=resampled,
            upsampling=run.upsampling if run else None,
        )
        if plots:
            of_solution(manifest, surrogate, aim, limits, mixture, plots, pair)
        return manifest


def _natural(surrogate: Surrogate, asked: SolveFile, pools: PoolSet | None) -> Mapping[str, float]:
    if asked.natural == "runs":
        return dict(zip(surrogate.domains, surrogate.mixtures.mean(0).tolist(), strict=True))
    if asked.natural:
        return asked.natural
    if pools is not None:
        return pools.natural
    return asked.available  # of tokens at hand: their proportions


@dataclass(frozen=True)
class _Run:
    """What a run knows of its blend: pools as its policy left them, the blend it has, and how buckets are repeated."""

    pools: PoolSet
    manifest: MixManifest
    upsampling: Upsampling


def _of_run(run: str) -> _Run:
    if not storage.is_file(storage.join(run, "run.json")):
        raise CuveeError(f"{run}: no run folder here (it has no run.json)")
    files = json.loads(storage.read_bytes(storage.join(run, POOLS)))
    recipe = RunFolder(run).recipe()
    repeated = (recipe.mix.upsampling if recipe.mix else recipes.Upsampling()).model_dump()
    return _Run(PoolSet.open(run, files), MixManifest.read(storage.join(run, MANIFEST)), Upsampling(**repeated))


def _refuse_twice(name: str, found: Collection[str], option: str) -> None:
    if name in found:
        raise CuveeError(f"{option}: {name!r} is given twice")


def _number(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise CuveeError(f"{where}: {text!r} is not a number") from None
    if not math.isfinite(number):
        raise CuveeError(f"{where}: {text!r} is not a finite number")
    return number
