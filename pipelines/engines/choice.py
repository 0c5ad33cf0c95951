"""Which engine, by the names a user gives; the big ones are imported only when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipelines.engines.local import LocalEngine
from pipelines.engines.protocol import Engine
from pipelines.errors import CuveeError
from pipelines.recipe import Recipe

ENGINES = ("local", "spark", "dataflow")


@dataclass(frozen=True)
class Choice:
    """``workers``: processes of this machine, or cores of a cluster; 0 leaves it to the engine. ``options``: Beam's."""

    name: str = "local"
    workers: int = 0
    spark_master: str = ""
    options: tuple[str, ...] = ()


def open_engine(
    choice: Choice, recipe: Recipe, inputs: Sequence[str], run: str, *, ahead: Callable[[], None] | None = None
) -> Engine:
    """The engine, not entered yet.

    ``inputs`` are folders of this machine that the recipe names; ``ahead`` is done early by the processes of this one.
    """
    if choice.name not in ENGINES:
        raise CuveeError(f"--engine {choice.name}: allowed: {', '.join(ENGINES)}")
    if choice.name != "spark" and choice.spark_master:
        raise CuveeError("--spark-master goes with --engine spark")
    if choice.name == "spark":
        from pipelines.engines.spark import SparkEngine

        return SparkEngine(choice.spark_master, workers=choice.workers, options=choice.options, inputs=inputs)
    if choice.name == "dataflow":
        from pipelines.engines.dataflow import DataflowEngine

        return DataflowEngine(recipe, run, workers=choice.workers, options=choice.options, inputs=inputs)
    if choice.options:
        raise CuveeError(f"Beam options ({choice.options[0]} …) go with --engine spark or dataflow")
    return LocalEngine(choice.workers, ahead)
