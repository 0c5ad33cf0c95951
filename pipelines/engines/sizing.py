"""How big Dataflow's workers have to be for a recipe, and how many of them a job can use."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipelines.recipe import Recipe
from pipelines.stages.read import PART_BYTES

CORES = 4  #: of a worker
_GB = 1_000_000_000
#: container image with our packages, and the operating system
_BASE_DISK_GB = 30
#: a task holds a part as text, as columns, and as what it writes
_COPIES_OF_A_PART = 4
#: bytes of a token in pools and shards
_TOKEN_BYTES = 4
#: tasks differ in size; a few to each core even that out
_TASKS_PER_CORE = 4
#: what Dataflow allows unless it is asked for more
_MOST_WORKERS = 1000


@dataclass(frozen=True)
class Size:
    """``memory_gb`` is that of the machine type."""

    machine: str
    memory_gb: int
    disk_gb: int
    workers: int

    def options(self) -> list[str]:
        return [
            "--autoscaling_algorithm=THROUGHPUT_BASED",
            f"--max_num_workers={self.workers}",
            f"--worker_machine_type={self.machine}",
            f"--disk_size_gb={self.disk_gb}",
            # a process a core, and in each one task at a time: a task fills a core, and its memory
            "--number_of_worker_harness_threads=1",
        ]


def size(recipe: Recipe, tasks: int, *, cores: int = 0) -> Size:
    """The size of a job of so many tasks; ``cores`` caps it when it is not 0.

    A core holds one part (``PART_BYTES`` of text) in a few copies, which 4 GB hold well; a core that opens PDFs or runs
    a language model gets 8. The disk holds, for each core, the copies of a part on their way to the run folder, and the
    pools and shards of the budget once.
    """
    heavy = any(s.kind == "pdf" for s in recipe.sources) or (
        recipe.rephrase is not None and recipe.rephrase.generator.kind == "embedded"
    )
    budget = recipe.mix.budget if recipe.mix else 0
    scratch = CORES * _COPIES_OF_A_PART * PART_BYTES + 2 * _TOKEN_BYTES * budget
    workers = max(1, min(math.ceil(tasks / (CORES * _TASKS_PER_CORE)), _MOST_WORKERS))
    if cores:
        workers = min(workers, max(1, cores // CORES))
    return Size(
        machine=f"n2-{'highmem' if heavy else 'standard'}-{CORES}",
        memory_gb=(8 if heavy else 4) * CORES,
        disk_gb=_BASE_DISK_GB + math.ceil(scratch / _GB),
        workers=workers,
    )
