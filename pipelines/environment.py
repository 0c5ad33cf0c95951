"""What the processes that do the work have in common, on every engine."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")
#: OpenBLAS rounds otherwise with each processor's own kernels; these run on every x86-64 that has AVX2
KERNELS = {"OPENBLAS_CORETYPE": "Haswell"} if platform.machine().lower() in ("x86_64", "amd64") else {}
#: one thread per library per process: processes are the parallelism, and results do not depend on the machine's size
WORKERS = {**dict.fromkeys(_THREADS, "1"), **KERNELS}


def settle(settings: Mapping[str, str]) -> None:
    """Makes settings that nobody made before. Libraries read them when they are imported, so this comes first."""
    for name, value in settings.items():
        os.environ.setdefault(name, value)
