"""Engines: where the Beam jobs run. The jobs are the same on each; only this package knows the difference."""

from pipelines.engines.local import LocalEngine
from pipelines.engines.protocol import Counters, Engine, Execute, Job, job_name

__all__ = ["Counters", "Engine", "Execute", "Job", "LocalEngine", "job_name"]
