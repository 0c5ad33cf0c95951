"""Which of several copies is the best: the recipe's order of preference. Policy has no say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import polars as pl

from pipelines.recipe import Route

ROUTES = get_args(Route)
#: columns of documents that it reads, with ``quality``, ``bytes`` of the text and the name of the ``part``
READ = ("id", "acquisition", "fetched_at")


def preference(survivor: Sequence[str], sources: Sequence[str]) -> list[pl.Expr]:
    """What to sort by, best first; the smaller id last."""
    order = {
        "route": pl.col("acquisition").replace_strict(
            {route: i for i, route in enumerate(ROUTES)}, default=len(ROUTES), return_dtype=pl.Int32
        ),
        "quality": -pl.col("quality").round(3),
        "longest": -pl.col("bytes").cast(pl.Int64),
        "earliest": pl.col("fetched_at"),
        "source": pl.col("part")
        .str.split("/")
        .list[0]
        .replace_strict({source: i for i, source in enumerate(sources)}, default=-1, return_dtype=pl.Int32),
    }
    return [*(order[name].alias(name) for name in survivor), pl.col("id")]
