"""Last bits do not depend on which processor a process finds: the same kernels of OpenBLAS on every machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.environment import KERNELS, WORKERS

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


@pytest.mark.skipif(not KERNELS, reason="the image is for x86-64")
def test_the_image_of_workers_has_the_same_settings() -> None:
    """Beam's own program starts there, not ``cuvee-worker``."""
    image = (Path(__file__).parents[2] / "Dockerfile").read_text().split("pipelines/environment.py", 1)[1]
    block = image.partition("ENV ")[2].partition("\n#")[0].replace("\\", " ")
    assert dict(word.split("=", 1) for word in block.split()) == WORKERS
