"""Shared by all tests: where the development data is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data with ground truth, by ``CUVEE_TEST_DATA``; the test is skipped where it is absent."""
    folder = Path(os.environ.get("CUVEE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no development data at {folder}: set CUVEE_TEST_DATA")
    return folder


# The same examples on every machine: a newcomer's first test run, and CI, must not fail by chance. Search with
# HYPOTHESIS_PROFILE=search.
settings.register_profile("same", derandomize=True)
settings.register_profile("search", max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
