"""Last bits do not depend on which processor a process finds: the same kernels of OpenBLAS on every machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipelines.environment import KERNELS

_WHICH = """
from pipelines.environment import KERNELS, settle
settle(KERNELS)
import numpy
from threadpoolctl import threadpool_info
print({i["architecture"] for i in threadpool_info() if i["internal_api"] == "openblas"})
"""


@pytest.mark.skipif(not KERNELS, reason="not an x86-64")
def test_openblas_takes_the_kernels_named_where_nobody_chose_others() -> None:
    clean = {n: v for n, v in os.environ.items() if n != "OPENBLAS_CORETYPE"}
    done = subprocess.run([sys.executable, "-c", _WHICH], env=clean, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'Haswell'}"


def test_a_worker_is_set_before_the_libraries_are_there() -> None:
    code = "import sys, pipelines.worker; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.skipif(not KERNELS, reason="not an x86-64")
def test_tests_run_as_the_command_does() -> None:
    import numpy  # noqa: F401
    from threadpoolctl import threadpool_info

    assert {i["architecture"] for i in threadpool_info() if i["internal_api"] == "openblas"} == {"Haswell"}
