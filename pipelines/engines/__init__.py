"""Engines: where the Beam jobs run. The jobs are the same on each; only this package knows the difference."""

from pipelines.engines.choice import ENGINES, Choice, open_engine
from pipelines.engines.local import LocalEngine
from pipelines.engines.protocol import Counters, Engine, Execute, Job, Translates, Translation, job_name

__all__ = [
    "ENGINES",
    "Choice",
    "Counters",
    "Engine",
    "Execute",
    "Job",
    "LocalEngine",
    "Translates",
    "Translation",
    "job_name",
    "open_engine",
]
