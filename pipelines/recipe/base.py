"""What every section is made of: strict models, and the types whose values are checked while the recipe is read."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Share = Annotated[float, Field(ge=0, le=1)]


def _condition(text: str) -> str:
    import polars as pl

    if not text:
        return text
    try:
        pl.sql_expr(text)
    except Exception as error:
        raise ValueError(f"is not an SQL condition: {str(error).splitlines()[0]}") from None
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    import polars as pl

    try:
        pl.Series([""]).str.contains(text)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"is not supported by the regex engine: {str(error).splitlines()[-1]}") from None
    return text


def _import_path(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise ValueError("must be an import path of the form package.module:name")
    return text


Condition = Annotated[str, AfterValidator(_condition)]
Regex = Annotated[str, AfterValidator(_regex)]
ImportPath = Annotated[str, AfterValidator(_import_path)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
