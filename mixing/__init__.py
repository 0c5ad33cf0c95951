"""From token pools to training shards: swarm design, proxy runs, regression, the solver, plans and shard formats.

``design`` a swarm, train its proxies (``mixing.proxy``), ``fit`` their metrics, ``solve`` for the best mixture,
``plan`` its documents and write shards (``mixing.shards``).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixing.manifest import compose as compose
    from mixing.planner import Plan as Plan
    from mixing.planner import plan as plan
    from mixing.regression import fit as fit
    from mixing.sequential import propose as propose
    from mixing.solver import Constraints as Constraints
    from mixing.solver import Infeasible as Infeasible
    from mixing.solver import Mixture as Mixture
    from mixing.solver import solve as solve
    from mixing.surrogate import Surrogate as Surrogate
    from mixing.swarm import design as design

_HOMES = {
    "compose": "mixing.manifest",
    "Constraints": "mixing.solver",
    "Infeasible": "mixing.solver",
    "Mixture": "mixing.solver",
    "solve": "mixing.solver",
    "Surrogate": "mixing.surrogate",
    "fit": "mixing.regression",
    "design": "mixing.swarm",
    "propose": "mixing.sequential",
    "plan": "mixing.planner",
    "Plan": "mixing.planner",
}


def __getattr__(name: str) -> Any:
    """Loads what is asked for: importing the room costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mixing' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
