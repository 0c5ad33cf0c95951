"""What the processes that do the work have in common, on every engine."""

from __future__ import annotations

#: one thread per library per process: processes are the parallelism, and results do not depend on the machine's size
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")
