"""Selection: rules to verdicts. Pure functions on frames of one row a document."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from pipelines.conditions import holds
from pipelines.recipe import DomainRule, Rule

_RESERVED = ".reserved"
_MIX = np.uint64(0x9E3779B97F4A7C15)


def reasons(documents: pl.DataFrame, rules: tuple[Rule, ...] | list[Rule]) -> pl.Series:
    """The reason of the first rule that matches, null where none does. First of all, an id names one document."""
    reason = pl.select(pl.when(documents["repeats_id"]).then(pl.lit("duplicate_id", pl.String)))[:, 0]
    for rule in rules:
        if rule.when is not None:
            matches = holds(documents, rule.when)
        else:
            matches = documents["url"].str.contains(rule.url_matches or "").fill_null(False)
        if rule.sources:
            matches &= documents["source"].is_in(rule.sources)
        reason = pl.select(pl.when(reason.is_null() & matches).then(pl.lit(rule.reason)).otherwise(reason))[:, 0]
    return reason.alias("reason")


def domains(documents: pl.DataFrame, rules: list[DomainRule]) -> pl.Series:
    """The domain of each document: the first rule that matches, else its source."""
    domain = documents["source"]
    for rule in reversed(rules):
        domain = pl.select(pl.when(holds(documents, rule.when)).then(pl.lit(rule.domain)).otherwise(domain))[:, 0]
    return domain.alias("domain")


def strata(documents: pl.DataFrame) -> pl.Series:
    """domain~source~licence class~language~origin, safe as a folder name. Reserved documents are a class apart."""
    licence = pl.col("licence_class") + pl.when(pl.col("reserved")).then(pl.lit(_RESERVED)).otherwise(pl.lit(""))
    columns = [pl.col("domain"), pl.col("source"), licence, pl.col("language"), pl.col("origin")]
    joined = pl.concat_str([c.fill_null("unknown") for c in columns], separator="~")
    return documents.select(joined.str.replace_all(r"[^A-Za-z0-9~._-]", "_").alias("stratum"))["stratum"]


def licence_of(stratum: str) -> tuple[str, bool]:
    """The licence class of a stratum, and whether its documents are reserved."""
    label = stratum.split("~")[2]
    return label.removesuffix(_RESERVED), label.endswith(_RESERVED)


def origin_of(stratum: str) -> str:
    """Who wrote the documents of a stratum: human or synthetic."""
    return stratum.split("~")[4]


def splits(groups: pl.Series, heldout: float, seed: int) -> pl.Series:
    """train or heldout, decided by a hash of the group's id, so that a duplicate cluster is never split."""
    number = groups.str.slice(0, 15).str.to_integer(base=16, strict=True).to_numpy().astype(np.uint64)
    salt = np.frombuffer(hashlib.blake2b(f"heldout:{seed}".encode(), digest_size=8).digest(), np.uint64)[0]
    mixed = (number ^ salt) * _MIX
    mixed ^= mixed >> np.uint64(29)
    share = (mixed * _MIX >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return pl.Series("split", np.where(share < heldout, "heldout", "train"))
