"""Domains by size, cut as the template of Article 53(1)(d) asks: the top tenth, or for small providers less."""

from __future__ import annotations

import math

import polars as pl

from manifests.exports.facts import CRAWLS, Facts
from manifests.public_suffixes import registrable

#: small and medium-sized providers list the top twentieth, at most this many
SME_MOST = 1000


def ranked(facts: Facts) -> pl.DataFrame:
    """Of each crawl route: ``route``, ``rank``, ``domain``, ``documents``, the measure, ``share``, ``domains`` in all,
    ``top`` (of the top tenth) and ``sme`` (what a small provider lists); of texts that have a host and no model wrote.
    """
    hosts = facts.hosts.filter(pl.col("route").is_in(CRAWLS), ~pl.col("synthetic"), pl.col("host") != "")
    names = {h: registrable(h) for h in hosts["host"].unique().to_list()}
    measure = facts.measure
    table = (
        hosts.with_columns(domain=pl.col("host").replace_strict(names, return_dtype=pl.String))
        .group_by("route", "domain")
        .agg(pl.col("documents").sum(), pl.col(measure).sum())
        .sort("route", measure, "domain", descending=[False, True, False])
        .with_columns(
            rank=pl.int_range(1, pl.len() + 1).over("route"),
            domains=pl.len().over("route").cast(pl.Int64),
            share=pl.col(measure) / pl.col(measure).sum().over("route"),
        )
    )
    cut = {n: (math.ceil(n / 10), min(math.ceil(n / 20), SME_MOST)) for n in table["domains"].unique().to_list()}
    tenth = pl.col("domains").replace_strict({n: c[0] for n, c in cut.items()}, return_dtype=pl.Int64)
    small = pl.col("domains").replace_strict({n: c[1] for n, c in cut.items()}, return_dtype=pl.Int64)
    order = ["route", "rank", "domain", "documents", measure, "share", "domains"]
    return table.select(*order, top=pl.col("rank") <= tenth, sme=pl.col("rank") <= small)
