"""``cuvee mix reuse``: earlier runs carried over to changed domains, and the mixtures that are still to be run."""

from __future__ import annotations

from pathlib import Path

from manifests.mix import MixManifest
from mixing import reuse, tables
from mixing.swarm import design
from pipelines import section_file
from pipelines.recipe.changes import ChangesFile
from pipelines.surrogates import user_errors

_HELD = "held"


def carry(weights: str, changes: str, out: str) -> tuple[int, dict[str, str]]:
    """Writes the runs as mixtures of the new domains; returns how many, and those left out."""
    asked = reuse.Changes(**section_file.read(Path(changes), ChangesFile)[0].model_dump())
    with user_errors():
        tables.check_name(out)
        frame = tables.weights_of(tables.read(weights))
        key = tables.key_of(frame) or frame.columns[0]
        moved, left_out = reuse.carry(tables.without_names(frame, key), key, asked)
        tables.write(moved, out)
    return moved.height, left_out


def swarm(manifest: str, new: dict[str, float], runs: int, out: str, *, seed: int) -> dict[str, float]:
    """Writes a swarm over the blend of ``manifest``, held together, and new domains of given natural shares.

    Returns the proportions that are held, as ``frozen`` of the solver takes them.
    """
    with user_errors():
        tables.check_name(out)
        old = {name: d.weight for name, d in MixManifest.read(manifest).domains.items()}
        if known := sorted({*new} & {*old, _HELD}):
            raise ValueError(f"new domains of names that are taken: {', '.join(known)}")
        if not new or not 0 < sum(new.values()) < 1 or min(new.values()) <= 0:
            raise ValueError("the natural shares of new domains must be positive and sum to less than 1")
        scaled = {name: w * (1 - sum(new.values())) for name, w in old.items()}
        outer, inner = reuse.collapse({**scaled, **new}, _HELD, list(new))
        tables.write(reuse.expand(design(outer, runs, seed=seed), _HELD, inner), out)
    return {d: w for d, w in inner.items() if w}
