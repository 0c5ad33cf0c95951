"""What the processes that do the work have in common, on every engine."""

from __future__ import annotations

import platform

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")
#: OpenBLAS rounds otherwise with each processor's own kernels; these run on every x86-64 that has AVX2
KERNELS = {"OPENBLAS_CORETYPE": "Haswell"} if platform.machine().lower() in ("x86_64", "amd64") else {}
#: one thread per library per process: processes are the parallelism, and results do not depend on the machine's size
WORKERS = {**dict.fromkeys(_THREADS, "1"), **KERNELS}
