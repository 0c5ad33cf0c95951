"""Beam's own options, as a user gives them behind ``--``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import Any

from pipelines.errors import RunFailed


def view(options: Sequence[str], kind: str) -> Any:
    """The options of one of Beam's classes, by its name. RunFailed when one of them cannot be read."""
    from apache_beam.options import pipeline_options

    said = io.StringIO()
    try:
        with redirect_stderr(said):  # Beam's parser prints its usage, and exits
            return pipeline_options.PipelineOptions(list(options)).view_as(getattr(pipeline_options, kind))
    except SystemExit:
        raise RunFailed(f"Beam options: {said.getvalue().rpartition('error: ')[2].strip()}") from None
