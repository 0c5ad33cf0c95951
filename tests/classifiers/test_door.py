"""The room's door: every name it promises is there, and none costs anything before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import classifiers


def test_promised_names_are_there_and_others_are_not() -> None:
    assert all(callable(getattr(classifiers, name)) for name in classifiers.__all__)
    with pytest.raises(AttributeError, match="no attribute 'guess'"):
        classifiers.guess  # noqa: B018


@pytest.mark.parametrize("room", ["classifiers", "dedup"])
def test_the_door_imports_no_compiler(room: str) -> None:
    code = f"import sys, {room}; print(sorted({{'numba', 'fasttext', 'py3langid'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
