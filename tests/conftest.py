"""Shared by all tests: where the development data is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data with ground truth, by ``CUVEE_TEST_DATA``; the test is skipped where it is absent."""
    folder = Path(os.environ.get("CUVEE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no development data at {folder}: set CUVEE_TEST_DATA")
    return folder
