"""Licences: what people decided about them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from pipelines.recipe.base import Section


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Licences(Section):
    reviews: Annotated[list[str], BeforeValidator(_several)] = []  #: files of decisions; the run's own always counts
